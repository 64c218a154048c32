/** Statements that give ids. */
import type { Connection } from './database.ts';

/** Prepares a query whose first column is `id`; the ids come in its order. */
export function prepareIds<Parameters extends string[]>(
  database: Connection,
  sql: string,
): (...parameters: Parameters) => string[] {
  const statement = database.prepare<Parameters, string>(sql).pluck();
  return (...parameters) => statement.all(...parameters);
}
