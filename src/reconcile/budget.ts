/**
 * How often an object may be repaired, so that vethd and another program that wants it differently do not
 * fight for the whole machine. Pure: the time comes with each call.
 */

/** Repairs of one object within `WINDOW_MS` that are carried out at once, unless told. */
export const REPAIRS_PER_MINUTE = 10;

const WINDOW_MS = 60_000;

/** The wait after the budget is spent; doubled with each further repair. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

interface Account {
  /** Times of the repairs of the last minute, oldest first; no more than the budget allows. */
  times: readonly number[];
  /** 0 while the budget lasts. */
  waitMs: number;
  until: number;
}

/** One account for each object that was repaired lately. Times are milliseconds of any one clock. */
export class RepairBudget {
  readonly #accounts = new Map<string, Account>();
  readonly #repairs: number;

  constructor(repairsPerMinute = REPAIRS_PER_MINUTE) {
    this.#repairs = repairsPerMinute;
  }

  /** How long the object has to wait from now on; 0: it may be repaired at once. */
  waitMs(object: string, now: number): number {
    return Math.max(0, (this.#accounts.get(object)?.until ?? 0) - now);
  }

  /** Notes a repair. Gives the wait that begins with it when the budget was spent just now, else 0. */
  spend(object: string, now: number): number {
    const account = this.#accounts.get(object) ?? { times: [], waitMs: 0, until: 0 };
    const last = account.times.at(-1) ?? now;
    const times = [...account.times.filter((time) => now - time < WINDOW_MS), now].slice(-this.#repairs);
    // A quiet minute after the last wait: whoever fought has given up.
    const before = now - Math.max(last, account.until) < WINDOW_MS ? account.waitMs : 0;
    const waitMs = this.#nextWait(before, times.length);
    this.#accounts.set(object, { times, waitMs, until: now + waitMs });
    this.#forgetQuiet(now);
    return before === 0 ? waitMs : 0;
  }

  #nextWait(before: number, repairs: number): number {
    if (before > 0) return Math.min(LONGEST_WAIT_MS, before * 2);
    return repairs < this.#repairs ? 0 : FIRST_WAIT_MS;
  }

  #forgetQuiet(now: number): void {
    for (const [object, { times, until }] of this.#accounts) {
      if (now - Math.max(times.at(-1) ?? 0, until) >= WINDOW_MS) this.#accounts.delete(object);
    }
  }
}
