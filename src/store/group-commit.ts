/**
 * Group commit: changes that are asked for in one turn of the event loop share a transaction but for the first, with
 * a savepoint each where they are several. It writes SQLite's log; that it is on the disk is disk-sync.ts's business.
 */
import type { Statement } from 'better-sqlite3';
import { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import { type Connection, isBusy, withoutSqlite } from './database.ts';

/** How long changes wait for another process to unlock the database before they are refused. */
const LOCK_PATIENCE_MS = 2000;
const LOCK_RETRY_MS = 20;

interface Waiting {
  /** Carries the change out and gives what then resolves the caller's promise. */
  readonly run: (alone: boolean) => () => void;
  readonly reject: (error: unknown) => void;
}

interface Attempt {
  readonly kept: boolean;
  /** Tells the caller; to be called after the commit. */
  readonly settle: () => void;
}

/** A promise from a change: what it awaits would go on outside the transaction. */
function refusePromise(result: unknown): void {
  if (typeof result === 'object' && result !== null && 'then' in result) {
    throw new Error('a change of the store must be synchronous: it gave a promise');
  }
}

/** Is told of transactions before those that asked for them are. */
export interface CommitListener {
  committed(): void;
  /** One change of several was taken back; the transaction goes on. */
  undone(): void;
  /** After each; `isKept`: committed, otherwise rolled back. */
  ended(isKept: boolean): void;
}

/** The queue of changes of one connection. */
export class GroupCommit {
  readonly #database: Connection;
  readonly #listener: CommitListener;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #savepoint: Statement;
  readonly #release: Statement;
  readonly #rollbackTo: Statement;
  #queue: Waiting[] = [];
  #scheduled = false;
  /** Whether a change of this turn of the event loop has gone ahead of the others. */
  #wentAhead = false;
  #closed = false;
  #lockedSince: number | undefined;

  constructor(database: Connection, listener: CommitListener) {
    this.#database = database;
    this.#listener = listener;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
    this.#savepoint = database.prepare('SAVEPOINT change');
    this.#release = database.prepare('RELEASE change');
    this.#rollbackTo = database.prepare('ROLLBACK TO change');
  }

  /** Runs `change` in the next transaction; see `Store.write`. */
  write<Result>(change: (alone: boolean) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new VethdError('unavailable', 'the store is closed: vethd is stopping');
      const run = (alone: boolean) => {
        const result = change(alone);
        refusePromise(result);
        return () => resolve(result);
      };
      this.#queue.push({ run, reject });
      this.#schedule();
    });
  }

  /**
   * The first change of a turn goes at once: mostly it is the only one, and would wait for nobody. Those that come
   * with it find the kernel busy, and share the next transaction.
   */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#wentAhead) {
      setImmediate(() => this.#flush());
      return;
    }
    this.#wentAhead = true;
    setImmediate(() => {
      this.#wentAhead = false;
    });
    queueMicrotask(() => this.#flush());
  }

  /** Runs `change` in a transaction of its own and rolls it back; see `Store.rehearse`. */
  rehearse<Result>(change: () => Result): Result {
    if (this.#database.inTransaction) throw new Error('a change of the store cannot rehearse another one');
    try {
      this.#begin.run();
      const result = change();
      refusePromise(result);
      return result;
    } catch (error) {
      throw withoutSqlite(error);
    } finally {
      this.#undo();
    }
  }

  /** Commits what waits and takes no more; what a lock holds up is refused. */
  close(): void {
    this.#closed = true;
    this.#flush();
  }

  /** Never throws: every outcome goes to the promise of its change. */
  #flush(): void {
    this.#scheduled = false;
    if (this.#queue.length === 0 || !this.#beginOrWait()) return;
    const batch = this.#takeQueue();
    try {
      const attempts = batch.map((waiting) => this.#attempt(waiting, batch.length === 1));
      failpoint('commit.before');
      const isKept = attempts.some(({ kept }) => kept);
      if (isKept) {
        this.#commit.run();
        this.#listener.committed();
      } else this.#rollback.run();
      failpoint('commit.after');
      this.#listener.ended(isKept);
      for (const { settle } of attempts) settle();
    } catch (error) {
      this.#undo();
      for (const { reject } of batch) reject(withoutSqlite(error));
    }
  }

  #takeQueue(): Waiting[] {
    const batch = this.#queue;
    this.#queue = [];
    return batch;
  }

  /** False when another process holds the lock: the queue then waits for a timer, or was refused. */
  #beginOrWait(): boolean {
    try {
      this.#begin.run();
      this.#lockedSince = undefined;
      return true;
    } catch (error) {
      if (isBusy(error) && this.#mayWait()) this.#retryLater();
      else this.#refuseAll(error);
      return false;
    }
  }

  #mayWait(): boolean {
    this.#lockedSince ??= performance.now();
    return performance.now() - this.#lockedSince < LOCK_PATIENCE_MS && !this.#closed;
  }

  #retryLater(): void {
    this.#scheduled = true;
    setTimeout(() => this.#flush(), LOCK_RETRY_MS);
  }

  #refuseAll(error: unknown): void {
    this.#lockedSince = undefined;
    for (const { reject } of this.#takeQueue()) reject(withoutSqlite(error));
  }

  /** Throws only when SQLite gave up the whole transaction, as it does on a full disk. */
  #attempt(waiting: Waiting, alone: boolean): Attempt {
    // Alone it needs none: the transaction is its own. SQLite keeps a copy of each page that a savepoint changes.
    if (!alone) this.#savepoint.run();
    try {
      const settle = waiting.run(alone);
      if (!alone) this.#release.run();
      return { kept: true, settle };
    } catch (error) {
      if (!this.#database.inTransaction) throw error;
      if (!alone) {
        this.#rollbackTo.run();
        this.#release.run();
      }
      this.#listener.undone();
      return { kept: false, settle: () => waiting.reject(withoutSqlite(error)) };
    }
  }

  #undo(): void {
    if (this.#database.inTransaction) this.#rollback.run();
    this.#listener.ended(false);
  }
}
