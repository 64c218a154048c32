/** What the passes since the start found: for `vethctl doctor`, which is asked after the fact. */
import type { PassListener } from '../reconcile/loop.ts';

/** A pass over everything. */
export interface FullPass {
  /** When it ended, in nanoseconds since 1970. */
  readonly timeNano: bigint;
  readonly durationMs: number;
  /** How many objects it mended. */
  readonly repairs: number;
}

/** Since the start. */
export interface History {
  readonly lastFullPass: FullPass | undefined;
  /** Repairs of what nobody had asked to be changed, and those after which the next one had to wait. */
  readonly repairs: number;
  readonly delayed: number;
  /** What passes since the last full one (it included) could not make as it should be: reasons by object. */
  readonly failures: ReadonlyMap<string, string>;
}

/** A history that is empty, and what must be told of each pass to fill it. */
export function createHistory(now: () => bigint): {
  readonly read: () => History;
  readonly note: PassListener;
} {
  let lastFullPass: FullPass | undefined;
  let repairs = 0;
  let delayed = 0;
  let failures = new Map<string, string>();
  return {
    read: () => ({ lastFullPass, repairs, delayed, failures }),
    note: (scope, result, durationMs) => {
      repairs += result.repairs.length;
      delayed += result.repairs.filter(({ waitMs }) => waitMs > 0).length;
      if (scope.everything) {
        lastFullPass = { timeNano: now(), durationMs, repairs: result.repairs.length };
        failures = new Map();
      }
      for (const [object, error] of result.failures) failures.set(object, error.message);
    },
  };
}
