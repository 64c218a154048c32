/** Looks at what other programs did, soon after each sign that they did something. */

/** Others change their firewalls in many transactions: they are waited for. */
const SETTLE_MS = 100;

/** Who looks. */
export interface Looks {
  /** Has a look soon; looks asked for meanwhile are one. */
  look(): void;
  /** Ends it, after the look in hand. */
  close(): Promise<void>;
}

/** `keep` is what a look does; it must not reject. Runs one at a time. */
export function createLooks(keep: () => Promise<void>): Looks {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  return {
    look: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        running = running.then(keep);
      }, SETTLE_MS);
    },
    close: async () => {
      clearTimeout(timer);
      await running;
    },
  };
}
