/** The tour in a throwaway host of its own, as `npm run quickstart` runs it, and its output in the README. */
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readShownTour, steadyLines } from '../../scripts/tour/readme.ts';
import { attempt } from '../helpers/commands.ts';

const repository = resolve(import.meta.dirname, '../..');

test('every step holds, and the README shows what it prints', async () => {
  const tsx = join(repository, 'node_modules/.bin/tsx');
  const words = [tsx, join(repository, 'scripts/tour.ts')];
  const { exitCode, stdout, stderr } = await attempt(join(repository, 'scripts/throwaway'), words, {
    timeoutMs: 50_000,
  });
  expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
  expect(steadyLines(readShownTour())).toEqual(steadyLines(stdout));
});
