/**
 * The database file: made for its owner alone, checked before it is touched, set up so that a commit outlives
 * the process when it returns, and the machine when disk-sync.ts says so.
 */
import { closeSync, constants, existsSync, fchmodSync, openSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { messageOf, VethdError } from '../errors.ts';

/** A connection. */
export type Connection = Database.Database;

/**
 * How long SQLite itself waits for a lock of another process, in milliseconds. Short: the wait stands still
 * with the whole event loop. Waiting longer is done by the group commit, outside.
 */
const BUSY_TIMEOUT_MS = 50;

/** At start nobody waits for us yet, and a daemon that just died may still be letting go of its lock. */
const BUSY_TIMEOUT_AT_OPEN_MS = 5000;

/** Pages in the write-ahead log before it is copied back: 2 MiB, so that the log stays below 4 MiB. */
const CHECKPOINT_PAGES = 512;

/**
 * Opens the database file at `path` and makes it when there is none; its folder must exist. Mode 0600, also
 * of the log files, which inherit it. Throws VethdError `internal` naming the file when it cannot be opened
 * or is damaged; a damaged file is left as it is. The caller closes it.
 */
export function openDatabase(path: string): Connection {
  try {
    if (existsSync(path) && statSync(path).size > 0) checkUntouched(path);
    makePrivate(path);
    return configure(new Database(path, { timeout: BUSY_TIMEOUT_AT_OPEN_MS }));
  } catch (error) {
    if (error instanceof VethdError) throw error;
    throw new VethdError('internal', `cannot open the database ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Reads the whole file through a read-only connection: closing another kind would write the log back. */
function checkUntouched(path: string): void {
  const database = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_AT_OPEN_MS });
  try {
    const fault = faultOf(database);
    if (fault !== undefined) {
      throw new VethdError('internal', `the database ${path} is damaged: ${fault}; it was not changed`);
    }
  } finally {
    database.close();
  }
}

function faultOf(database: Connection): string | undefined {
  try {
    const verdict = database.pragma('quick_check(1)', { simple: true });
    return verdict === 'ok' ? undefined : String(verdict);
  } catch (error) {
    if (isDamage(error)) return messageOf(error);
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError && /^SQLITE_(NOTADB|CORRUPT|IOERR_SHORT_READ)/.test(error.code)
  );
}

function makePrivate(path: string): void {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    fchmodSync(descriptor, 0o600);
  } finally {
    closeSync(descriptor);
  }
}

function configure(database: Connection): Connection {
  database.pragma('journal_mode = WAL');
  // Orders what a checkpoint writes; the log itself is synced by disk-sync.ts.
  database.pragma('synchronous = NORMAL');
  database.pragma('foreign_keys = ON');
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma('journal_size_limit = 2097152');
  database.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return database;
}

/** Whether SQLite refused because another process holds the lock. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

/** Whether a constraint said no: UNIQUE, a foreign key, a trigger. */
export function isConstraint(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT');
}

const FAULTS: readonly { readonly code: RegExp; readonly words: string; readonly errno: string }[] = [
  { code: /^SQLITE_FULL/, words: 'the disk is full', errno: 'ENOSPC' },
  { code: /^SQLITE_BUSY/, words: 'the database is locked by another process', errno: 'EBUSY' },
  { code: /^SQLITE_READONLY/, words: 'the database cannot be written', errno: 'EROFS' },
  { code: /^SQLITE_(IOERR|CANTOPEN)/, words: 'the disk failed', errno: 'EIO' },
  { code: /^SQLITE_NOMEM/, words: 'out of memory', errno: 'ENOMEM' },
];

/**
 * The error as a client may see it: VethdError `unavailable` where the machine is to blame (disk full, lock,
 * read-only, I/O), with the errno that tells which; anything else is given back as it is.
 */
export function withoutSqlite(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const fault = FAULTS.find(({ code }) => code.test(error.code));
  if (fault === undefined) return error;
  return new VethdError('unavailable', `${fault.words}: nothing was changed (${error.message})`, {
    cause: error,
    errno: fault.errno,
  });
}
