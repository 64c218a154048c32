/** Finding a noun by what a client wrote: an id, a name, the beginning of an id. */

import type { Matches } from './contract.ts';
import type { Connection } from './database.ts';

/** The steps of finding in a table with `id` and `name`; `name` is the term as a name is stored. */
export type Match<Noun> = (term: string, name: string) => Matches<Noun>;

/** Prepares the statements; `toNoun` turns a row of `select` into the noun. */
export function prepareMatch<Row, Noun>(
  database: Connection,
  table: 'networks' | 'containers',
  toNoun: (row: Row) => Noun,
): Match<Noun> {
  const byId = database.prepare<[string], Row>(`SELECT * FROM ${table} WHERE id = ?`);
  const byName = database.prepare<[string], Row>(`SELECT * FROM ${table} WHERE name = ?`);
  const byPrefix = database.prepare<[string, string], Row>(`SELECT * FROM ${table} WHERE id >= ? AND id < ?`);
  return (term, name) => {
    const id = byId.get(term);
    if (id !== undefined) return { match: toNoun(id), count: 1, by: 'id' };
    const named = byName.get(name);
    if (named !== undefined) return { match: toNoun(named), count: 1, by: 'name' };
    // 'g' follows every hexadecimal digit: the range is the ids that begin with the term.
    const rows = /^[0-9a-f]+$/.test(term) ? byPrefix.all(term, `${term}g`) : [];
    const [only] = rows;
    if (only === undefined) return { match: undefined, count: 0, by: 'none' };
    return { match: rows.length === 1 ? toNoun(only) : undefined, count: rows.length, by: 'prefix' };
  };
}
