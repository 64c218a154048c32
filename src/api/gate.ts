/** Lets a bounded number of writes run, makes a bounded number wait, and turns the rest away. */
import { VethdError } from '../errors.ts';
import type { ApiLoad } from './context.ts';

/** A gate for `running` verbs at a time with `queued` waiting behind it, in order of arrival; told in `load`. */
export function createGate(
  running: number,
  queued: number,
  load: Pick<ApiLoad, 'writesRunning' | 'writesWaiting'>,
): <Result>(verb: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];

  function enter(): Promise<void> | undefined {
    if (load.writesRunning < running) {
      load.writesRunning++;
      return undefined;
    }
    if (waiting.length >= queued) {
      throw new VethdError(
        'unavailable',
        `too many changes at once: ${load.writesRunning} run and ${queued} wait, try again`,
        {
          errno: 'EAGAIN',
        },
      );
    }
    return new Promise((resolve) => {
      waiting.push(resolve);
      load.writesWaiting = waiting.length;
    });
  }

  function leave(): void {
    const next = waiting.shift();
    load.writesWaiting = waiting.length;
    // The place is handed over, not given back: a newcomer cannot overtake those who wait.
    if (next === undefined) load.writesRunning--;
    else next();
  }

  return async (verb) => {
    await enter();
    try {
      return await verb();
    } finally {
      leave();
    }
  };
}
