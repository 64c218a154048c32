/**
 * Commits reach the disk behind: SQLite writes its log without waiting (`synchronous = NORMAL`), and whoever must
 * not answer before a change is safe waits here for an fdatasync of that log. That is what `synchronous = FULL` would
 * do inside of COMMIT, with the whole event loop waiting (0.4 to 4 ms); here the kernel is changed meanwhile, and
 * all that was committed when one begins shares it. What waits for the disk is only a power cut's concern: the death
 * of the process loses nothing that was committed.
 */
import { closeSync, fdatasync, openSync } from 'node:fs';

/** Calls back when everything written so far is on the disk, or with the reason why that cannot be told. */
export type Sync = (callback: (error: Error | null) => void) => void;

interface Waiting {
  /** Number of the commit that must be on the disk. */
  readonly commit: number;
  readonly resolve: () => void;
}

/** Who waits for which commit. One fdatasync at a time. */
export class DiskSync {
  readonly #sync: Sync;
  #committed = 0;
  #synced = 0;
  #running = false;
  #waiting: Waiting[] = [];

  constructor(sync: Sync) {
    this.#sync = sync;
  }

  /** A transaction was committed. */
  note(): void {
    this.#committed++;
  }

  /** Resolves when all that was committed before this call is on the disk. */
  onDisk(): Promise<void> {
    const commit = this.#committed;
    if (commit <= this.#synced) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ commit, resolve });
      if (!this.#running) this.#start();
    });
  }

  #start(): void {
    this.#running = true;
    const commit = this.#committed;
    this.#sync((error) => {
      // Thrown where nobody catches it, which ends the process: after a failed sync the kernel may have dropped
      // what it could not write and says so only once. The next start sees what is really there.
      if (error !== null) throw new Error('the disk did not take what was committed', { cause: error });
      this.#running = false;
      this.#synced = commit;
      const done = this.#waiting.filter((waiting) => waiting.commit <= commit);
      this.#waiting = this.#waiting.filter((waiting) => waiting.commit > commit);
      if (this.#waiting.length > 0) this.#start();
      for (const { resolve } of done) resolve();
    });
  }
}

/** An fdatasync of the log of the database file at `path`, which must be there; close it after the database, twice if you like. */
export function syncLog(path: string): { readonly sync: Sync; close(): void } {
  // SQLite keeps one log file as long as a connection is open, and has no locks on it that a close could drop.
  const fd = openSync(`${path}-wal`, 'r');
  let running = false;
  let closed = false;
  return {
    sync(callback) {
      running = true;
      fdatasync(fd, (error) => {
        running = false;
        if (closed) closeSync(fd);
        callback(error);
      });
    },
    close() {
      if (!closed && !running) closeSync(fd);
      closed = true;
    },
  };
}
