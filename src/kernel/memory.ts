/**
 * Memory that is held and not used goes back when it is quiet. V8 and malloc keep what a start or a busy time needed
 * for the next one, which may never come: with 1,000 endpoints 128 MiB were resident, and 109 after collections in both
 * threads (24 and 12 ms each) and a malloc_trim (8 ms).
 */

/** The first finds what is free, the second moves together what is left, the third lets go of the emptied young space. */
export const COLLECTIONS = 3;

/** V8 frees what was collected on threads of its own, behind; malloc can give it back only then. */
export const SWEEP_MS = 500;

/** How long nothing must have happened. */
const QUIET_MS = 3_000;
/** How much must have happened before, in notes: to collect after every single call would be work for nothing. */
const ENOUGH = 64;

/** Runs something when it has become quiet after enough has happened; the start is always enough. */
export class QuietTime {
  readonly #run: () => void;
  #noted = ENOUGH;
  #noticed = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(run: () => void) {
    this.#run = run;
  }

  /** Something happens. Cheap: no timer is moved. */
  note(): void {
    this.#noted += 1;
    if (this.#timer !== undefined || this.#noted < ENOUGH) return;
    this.#noticed = this.#noted;
    this.#timer = setTimeout(() => this.#look(), QUIET_MS).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    if (this.#noted === this.#noticed) {
      this.#timer = undefined;
      this.#noted = 0;
      this.#run();
    } else {
      this.#noticed = this.#noted;
      this.#timer?.refresh();
    }
  }
}

/** Collects the garbage of the calling thread; nothing where Node was started without `--expose-gc`. */
export function collectGarbage(): void {
  globalThis.gc?.();
}
