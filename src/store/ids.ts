/** Statements that give ids. */
import type { Connection } from './database.ts';

interface IdRow {
  readonly id: string;
}

/** Prepares a query whose rows have a column `id`; the ids come in its order. */
export function prepareIds<Parameters extends string[]>(
  database: Connection,
  sql: string,
): (...parameters: Parameters) => string[] {
  const statement = database.prepare<Parameters, IdRow>(sql);
  return (...parameters) => statement.all(...parameters).map(({ id }) => id);
}
