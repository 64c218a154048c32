/**
 * The database file: made for its owner alone, checked before it is touched, set up so that a commit outlives
 * the process when it returns, and the machine when disk-sync.ts says so.
 */
import { closeSync, constants, existsSync, fchmodSync, openSync, renameSync, statSync } from 'node:fs';
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
    if (bytesOf(path) > 0) checkUntouched(path);
    // SQLite would take it for a new database, and throw the log away.
    else if (bytesOf(`${path}-wal`) > 0) throw damaged(path, 'it is empty, but its log is not');
    makePrivate(path);
    return configure(new Database(path, { timeout: BUSY_TIMEOUT_AT_OPEN_MS }));
  } catch (error) {
    if (error instanceof VethdError) throw error;
    throw new VethdError('internal', `cannot open the database ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The errno of a database that is damaged: "structure needs cleaning". */
const DAMAGED = 'EUCLEAN';

function damaged(path: string, fault: string): VethdError {
  const message = `the database ${path} is damaged: ${fault.replaceAll('\n', ', ')}; it was not changed. vethctl recover sets it aside and rebuilds it from what the kernel holds`;
  return new VethdError('internal', message, { errno: DAMAGED });
}

/** Whether the error says that a database is damaged. */
export function isDamaged(error: unknown): boolean {
  return error instanceof VethdError && error.errno === DAMAGED;
}

/** Renames a database and its logs, for whoever can read more of it than we; gives the new name. */
export function setAside(path: string): string {
  let nth = 1;
  while (existsSync(`${path}.damaged-${nth}`)) nth += 1;
  const aside = `${path}.damaged-${nth}`;
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}

/** Reads the whole file through a read-only connection: closing another kind would write the log back. */
function checkUntouched(path: string): void {
  const database = new Database(path, { readonly: true, timeout: BUSY_TIMEOUT_AT_OPEN_MS });
  try {
    const fault = faultOf(database);
    if (fault !== undefined) throw damaged(path, fault);
  } finally {
    database.close();
  }
}

function faultOf(database: Connection): string | undefined {
  try {
    // Unlike quick_check it compares tables with their indexes: a bit that changed in a name or an id is found.
    const verdict = database.pragma('integrity_check(1)', { simple: true });
    if (verdict !== 'ok') return String(verdict);
    const orphans = database.prepare<[], { table: string }>('PRAGMA foreign_key_check').all();
    return orphans[0] === undefined
      ? undefined
      : `a row of ${orphans[0].table} refers to one that is not there`;
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
  // Savepoints keep what they may have to take back; by default in a file that is made anew for each transaction.
  database.pragma('temp_store = MEMORY');
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
