/** Brings the tables up to date: SQL files run in the order of their names, each once, history checked. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import type { Connection } from './database.ts';

/** The folder beside `src` and `dist`: both hold this file two levels below it. */
export const MIGRATIONS = new URL('../../migrations/', import.meta.url);

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

interface Applied {
  readonly name: string;
  readonly checksum: string;
}

function readMigrations(folder: URL): Migration[] {
  const names = readdirSync(folder).filter((name) => /^\d{4}-.+\.sql$/.test(name));
  return names.sort().map((name) => {
    const sql = readFileSync(new URL(name, folder), 'utf8');
    return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}

function readHistory(database: Connection): Applied[] {
  database.exec(
    'CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, checksum TEXT NOT NULL) STRICT, WITHOUT ROWID',
  );
  return database.prepare<[], Applied>('SELECT name, checksum FROM migrations ORDER BY name').all();
}

function checkHistory(path: string, applied: readonly Applied[], migrations: readonly Migration[]): void {
  for (const [index, { name, checksum }] of applied.entries()) {
    const ours = migrations[index];
    if (ours === undefined || ours.name !== name) {
      throw new VethdError(
        'internal',
        `the database ${path} was made by another version of vethd: it knows the migration ${name}, this version does not`,
      );
    }
    if (ours.checksum !== checksum) {
      throw new VethdError(
        'internal',
        `the database ${path} was made with another text of the migration ${name}: it was changed after it had run`,
      );
    }
  }
}

/**
 * Runs what has not run yet, a transaction each, and notes name and checksum. Throws VethdError `internal`,
 * changing no table, when the history is not the beginning of what the folder holds.
 */
export function migrate(database: Connection, folder: URL = MIGRATIONS): void {
  const migrations = readMigrations(folder);
  const applied = readHistory(database);
  checkHistory(database.name, applied, migrations);
  const note = database.prepare<[string, string]>('INSERT INTO migrations (name, checksum) VALUES (?, ?)');
  for (const { name, sql, checksum } of migrations.slice(applied.length)) {
    database
      .transaction(() => {
        database.exec(sql);
        failpoint('migration.run');
        note.run(name, checksum);
      })
      .immediate();
    failpoint('migration.done');
  }
}
