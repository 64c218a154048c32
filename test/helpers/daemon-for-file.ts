/** A daemon that lives as long as a test file, and the check that nothing is left. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect } from 'vitest';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { snapshot } from './host.ts';
import { until } from './until.ts';

/**
 * A daemon for a whole test file: started before its tests, ended after them. After the last test the host's network
 * must be again as it was when the daemon had become ready (what is reaped behind an answer is waited for), unless
 * `mayLeave` is set. The daemon's logs are shown when that check fails.
 */
export function daemonForFile(options: DaemonOptions & { readonly mayLeave?: boolean } = {}): Daemon {
  const daemon = new Daemon(options);
  let before: unknown;
  beforeAll(async () => {
    await daemon.start();
    before = await snapshot();
  });
  afterAll(async () => {
    try {
      if (options.mayLeave !== true && before !== undefined) await expectSnapshot(before);
    } catch (error) {
      console.error(daemon.logs);
      throw error;
    } finally {
      await daemon.dispose();
    }
  });
  return daemon;
}

/** Waits until the host's network equals an earlier snapshot; fails with the difference when it does not. */
export async function expectSnapshot(before: unknown): Promise<void> {
  await until('nothing is left', async () => isDeepStrictEqual(await snapshot(), before), 5_000).catch(
    async () => expect(await snapshot(), 'left behind in the host').toEqual(before),
  );
}
