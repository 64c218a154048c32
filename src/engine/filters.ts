/** What the filters of lists have in common. */
import { Script } from 'node:vm';
import { VethdError } from '../errors.ts';
import type { Filters } from './contract.ts';

/** Longest pattern that is read as a regular expression; anything longer matches nothing. */
const MAX_PATTERN = 128;

/** How long one pattern may think, in milliseconds: a client's expression must not hold the daemon. */
const PATTERN_TIME_MS = 50;

const MATCH = new Script('const pattern = new RegExp(source); names.map((name) => pattern.test(name))');

function isPlain(pattern: string): boolean {
  return /^[A-Za-z0-9_ -]*$/.test(pattern);
}

/**
 * Which of the names the pattern matches, unanchored: a substring or a regular expression. An invalid
 * expression, or one that takes too long, matches nothing.
 */
export function matchNames(pattern: string, names: readonly string[]): boolean[] {
  if (isPlain(pattern)) return names.map((name) => name.includes(pattern));
  if (pattern.length > MAX_PATTERN) return names.map(() => false);
  try {
    const sandbox = { source: pattern, names: [...names] };
    const matched: unknown = MATCH.runInNewContext(sandbox, { timeout: PATTERN_TIME_MS });
    return Array.isArray(matched) ? names.map((_, index) => matched[index] === true) : names.map(() => false);
  } catch {
    return names.map(() => false);
  }
}

/** Whether labels hold `key` or `key=value`. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  if (at < 0) return Object.hasOwn(labels, wanted);
  return Object.hasOwn(labels, wanted.slice(0, at)) && labels[wanted.slice(0, at)] === wanted.slice(at + 1);
}

/** Refuses keys that the list does not know. */
export function checkFilterKeys(filters: Filters, known: ReadonlySet<string>): void {
  for (const key of filters.keys()) {
    if (!known.has(key)) throw new VethdError('invalidArgument', `invalid filter '${key}'`);
  }
}
