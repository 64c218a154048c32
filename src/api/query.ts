/** Queries as Docker's clients write them: the first value counts, booleans in Go's forms, filters in two shapes. */

import type { Filters, Mode } from '../engine/contract.ts';
import { VethdError } from '../errors.ts';

/** A query's parameters; of a repeated one the first value. */
export type Query = Readonly<Record<string, string>>;

/** Reads the text after `?`. Never fails: what is not understood is taken literally. */
export function parseQuery(text: string): Query {
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) query[name] ??= value;
  return query;
}

// moby: daemon/server/httputils/form.go, BoolValue (behaviour kept).
const FALSE_WORDS = new Set(['', '0', 'no', 'false', 'none']);

/** Whether a switch such as `all` or `force` is on: everything but empty, 0, no, false and none. */
export function isOn(value: string | undefined, whenAbsent = false): boolean {
  return value === undefined ? whenAbsent : !FALSE_WORDS.has(value.trim().toLowerCase());
}

const GO_BOOLEANS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  T: true,
  TRUE: true,
  true: true,
  True: true,
  '0': false,
  f: false,
  F: false,
  FALSE: false,
  false: false,
  False: false,
};

/** A boolean as strconv.ParseBool takes it, absent or empty being false; throws invalidArgument naming `name`. */
export function parseGoBool(name: string, value: string | undefined): boolean {
  if (value === undefined || value === '') return false;
  const parsed = Object.hasOwn(GO_BOOLEANS, value) ? GO_BOOLEANS[value] : undefined;
  if (parsed !== undefined) return parsed;
  const quoted = JSON.stringify(value);
  throw new VethdError(
    'invalidArgument',
    `invalid value for ${name}: ${value}: strconv.ParseBool: parsing ${quoted}: invalid syntax`,
  );
}

/** Whether the request acts or only says what it would do. */
export function modeOf(query: { readonly 'dry-run'?: string }): Mode {
  return { dryRun: isOn(query['dry-run']) };
}

function invalidFilter(): VethdError {
  return new VethdError('invalidArgument', 'invalid filter');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidFilter();
  }
  if (value === null) return {};
  if (!isObject(value)) throw invalidFilter();
  return value;
}

/** `["a"]` and the old `{"a":true}`. */
function filterValues(value: unknown): string[] {
  if (value === null) return [];
  if (Array.isArray(value)) {
    return value.map((element: unknown) => {
      if (typeof element !== 'string') throw invalidFilter();
      return element;
    });
  }
  if (!isObject(value) || Object.values(value).some((on) => typeof on !== 'boolean')) throw invalidFilter();
  return Object.keys(value);
}

/**
 * Reads the parameter `filters`. Throws invalidArgument in Docker's words for what is no such JSON and for a key
 * that the route does not know; the values are the engine's to judge.
 */
export function parseFilters(text: string | undefined, allowed: ReadonlySet<string>): Filters {
  const filters = new Map<string, readonly string[]>();
  if (text === undefined || text === '') return filters;
  for (const [key, value] of Object.entries(parseObject(text))) {
    const values = filterValues(value);
    if (!allowed.has(key)) throw new VethdError('invalidArgument', `invalid filter '${key}'`);
    filters.set(key, values);
  }
  return filters;
}
