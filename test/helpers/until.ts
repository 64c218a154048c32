/** Waiting for a condition: what the tests do in place of sleeping. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until `probe` gives something other than `undefined` or `false`, and gives that. An exception
 * of the probe counts as "not yet". After `timeoutMs` (10 s unless told) throws, naming `what`, with the last exception
 * as the cause.
 */
export async function until<Result>(
  what: string,
  probe: () => Promise<Result | undefined | false> | Result | undefined | false,
  timeoutMs = 10_000,
): Promise<Result> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const result = await probe();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      cause = error;
    }
    await sleep(20);
  } while (performance.now() < deadline);
  throw new Error(`waited ${timeoutMs} ms in vain: ${what}`, { cause });
}
