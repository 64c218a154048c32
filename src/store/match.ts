/** Finding a noun by what a client wrote: an id, a name, the beginning of an id. */
import type { Matches } from './contract.ts';
import type { Connection } from './database.ts';
import { prepareIds } from './ids.ts';
import type { RowCache } from './row-cache.ts';

/** What is shorter is no whole id: not worth a look. */
const ID_DIGITS = 64;

/** The steps of finding in a table with `id` and `name`; `name` is the term as a name is stored. */
export type Match<Noun> = (term: string, name: string) => Matches<Noun>;

/** Prepares the statements. */
export function prepareMatch<Noun>(
  database: Connection,
  table: 'networks' | 'containers',
  cache: RowCache<Noun>,
): Match<Noun> {
  const byName = prepareIds<[string]>(database, `SELECT id FROM ${table} WHERE name = ?`);
  const byPrefix = prepareIds<[string, string]>(database, `SELECT id FROM ${table} WHERE id >= ? AND id < ?`);
  return (term, name) => {
    const match = term.length === ID_DIGITS ? cache.get(term) : undefined;
    if (match !== undefined) return { match, count: 1, by: 'id' };
    const named = cache.find(`name ${name}`, () => byName(name));
    if (named !== undefined) return { match: named, count: 1, by: 'name' };
    // 'g' follows every hexadecimal digit: the range is the ids that begin with the term.
    const ids = /^[0-9a-f]+$/.test(term) ? byPrefix(term, `${term}g`) : [];
    const [only] = ids;
    if (only === undefined) return { match: undefined, count: 0, by: 'none' };
    return { match: ids.length === 1 ? cache.get(only) : undefined, count: ids.length, by: 'prefix' };
  };
}
