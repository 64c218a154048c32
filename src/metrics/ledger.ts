/**
 * Figures are booked behind the work that they are of. A histogram with labels takes 5 to 10 µs to find its place, and
 * a connect has two dozen of them: a twentieth of the request, for nobody who waits for it.
 */

/** How long an entry waits at most: long enough that a request is answered, and its client awake. */
const BEHIND_MS = 50;

/** More than what a burst of requests leaves: beyond it entries are booked at once. */
const MOST = 20_000;

/** Entries that are not booked yet. */
export class Ledger {
  #entries: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Books the entry behind; it must not throw. */
  enter(entry: () => void): void {
    this.#entries.push(entry);
    if (this.#entries.length >= MOST) this.book();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.book();
    }, BEHIND_MS).unref();
  }

  /** Books what has been entered, in that order. */
  book(): void {
    const entries = this.#entries;
    this.#entries = [];
    for (const entry of entries) entry();
  }
}
