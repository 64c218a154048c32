/** What the filters of lists have in common. */
import { Script } from 'node:vm';
import { VethdError } from '../errors.ts';
import type { Filters } from './contract.ts';

/** Longest pattern that is read as a regular expression; anything longer matches nothing. */
const MAX_PATTERN = 128;

/**
 * How long one pattern may think, in milliseconds: a client's expression must not hold the daemon. Only those that are
 * made for it come near; on a busy machine an honest one can take a few.
 */
const PATTERN_TIME_MS = 250;

const MATCH = new Script('const pattern = new RegExp(source); names.map((name) => pattern.test(name))');

/** What clients ask for nearly always, a word with or without anchors, without an engine; else undefined. */
function plainTest(pattern: string): ((name: string) => boolean) | undefined {
  const [, start, word, end] = /^(\^?)([A-Za-z0-9_ -]*)(\$?)$/.exec(pattern) ?? [];
  if (word === undefined) return undefined;
  if (start === '') return end === '' ? (name) => name.includes(word) : (name) => name.endsWith(word);
  return end === '' ? (name) => name.startsWith(word) : (name) => name === word;
}

function isTimeout(error: unknown): boolean {
  // Not always an Error of this context.
  return Object(error).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

/**
 * Which of the names the pattern matches, unanchored: a substring or a regular expression. An invalid expression
 * matches nothing; throws invalidArgument for one that takes too long.
 */
export function matchNames(pattern: string, names: readonly string[]): boolean[] {
  const test = plainTest(pattern);
  if (test !== undefined) return names.map(test);
  if (pattern.length > MAX_PATTERN) return names.map(() => false);
  try {
    const sandbox = { source: pattern, names: [...names] };
    const matched: unknown = MATCH.runInNewContext(sandbox, { timeout: PATTERN_TIME_MS });
    return Array.isArray(matched) ? names.map((_, index) => matched[index] === true) : names.map(() => false);
  } catch (error) {
    if (!isTimeout(error)) return names.map(() => false);
    throw new VethdError(
      'invalidArgument',
      `the pattern ${pattern} takes too long to match: make it simpler`,
    );
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
