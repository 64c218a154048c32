/** Where the README shows the tour, and what of it differs from run to run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const readme = resolve(import.meta.dirname, '../../README.md');

const SHOWN = /(?<=<!-- tour:[^>]*-->\n```text\n).*?(?=```)/s;

/** The tour as the README shows it. Throws when the README has no place for it. */
export function readShownTour(): string {
  const shown = SHOWN.exec(readFileSync(readme, 'utf8'))?.[0];
  if (shown === undefined) throw new Error('the README has no block after <!-- tour: … -->');
  return shown;
}

/** Puts an output of the tour into the README. */
export function writeShownTour(output: string): void {
  readShownTour();
  writeFileSync(
    readme,
    readFileSync(readme, 'utf8').replace(SHOWN, () => `${output.trim()}\n`),
  );
}

/** What differs, by a word that does not. The order matters: the longer texts first. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  // The firewall changes by its elements or as a whole, whichever the daemon finds better at that moment.
  [/ {5}nft .*\n/g, ''],
  [/ {3}by hand:\n(?! {5})/g, ''],
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
  [/(?<=\S) {2,}/g, '  '],
];

/** The lines of an output of the tour without what differs from run to run. */
export function steadyLines(output: string): readonly string[] {
  const steady = CHANGING.reduce((rest, [pattern, word]) => rest.replace(pattern, word), output);
  return steady.trim().split('\n');
}
