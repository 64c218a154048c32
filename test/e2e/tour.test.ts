/** The tour in a throwaway host of its own, as `npm run quickstart` runs it, and its output in the README. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { attempt } from '../helpers/commands.ts';

const repository = resolve(import.meta.dirname, '../..');

/** What differs from run to run, by a word that does not. The order matters: the longer texts first. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/veth[0-9a-f]{7}/g, 'vethXXXXXXX'],
  [/\b[0-9a-f]{64}\b/g, 'LONGID'],
  [/\b[0-9a-f]{12}\b/g, 'SHORTID'],
  [/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC'],
  [/fe80::[0-9a-f:]+/g, 'LINKLOCAL'],
  [/@if\d+/g, '@ifN'],
  [/ifindex +\d+ +\d+/g, 'ifindex N N'],
  [/\d+ packets?, \d+ bytes?/g, 'PACKETS'],
  [/\d+ dropped, \d+ errors?/g, 'LOST'],
  [/time \d+ms/g, 'time T'],
  [/rtt min.*/g, 'RTT'],
  [/\d+ answers/g, 'N answers'],
  [/in [\d.]+ s\./g, 'in T s.'],
  [/(?<=\S)[ ]{2,}/g, '  '],
];

function normalised(text: string): string[] {
  return CHANGING.reduce((rest, [pattern, word]) => rest.replace(pattern, word), text)
    .trim()
    .split('\n');
}

function tourInReadme(): string {
  const readme = readFileSync(join(repository, 'README.md'), 'utf8');
  return /<!-- tour:[^>]*-->\n```text\n(.*?)```/s.exec(readme)?.[1] ?? '';
}

test('every step holds, and the README shows what it prints', async () => {
  const tsx = join(repository, 'node_modules/.bin/tsx');
  const words = [tsx, join(repository, 'scripts/tour.ts')];
  const { exitCode, stdout, stderr } = await attempt(join(repository, 'scripts/throwaway'), words, {
    timeoutMs: 50_000,
  });
  expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
  expect(normalised(tourInReadme())).toEqual(normalised(stdout));
});
