/** Between two steps: all contenders are left alone equally long, whatever they have to finish meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from '../contenders/contender.ts';

/**
 * As long as a daemon takes until its second look is over. Who has just worked answers sooner than who has rested, since
 * the processor has at hand what it needs: the floor takes 2.6 ms for a connect at once, 3.0 after this.
 */
export const REST_MS = 60;

/** Resolves when the contender has settled, and has been left alone for a while. */
export async function rest(contender: Contender): Promise<void> {
  await Promise.all([contender.settle(), sleep(REST_MS)]);
}
