/** Lets a bounded number of writes run, makes a bounded number wait, and turns the rest away. */
import { VethdError } from '../errors.ts';

/** A gate for `running` verbs at a time with `queued` waiting behind it, in order of arrival. */
export function createGate(
  running: number,
  queued: number,
): <Result>(verb: () => Promise<Result>) => Promise<Result> {
  let active = 0;
  const waiting: (() => void)[] = [];

  function enter(): Promise<void> | undefined {
    if (active < running) {
      active++;
      return undefined;
    }
    if (waiting.length >= queued) {
      throw new VethdError(
        'unavailable',
        `too many changes at once: ${active} run and ${queued} wait, try again`,
        {
          errno: 'EAGAIN',
        },
      );
    }
    return new Promise((resolve) => waiting.push(resolve));
  }

  function leave(): void {
    const next = waiting.shift();
    // The place is handed over, not given back: a newcomer cannot overtake those who wait.
    if (next === undefined) active--;
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
