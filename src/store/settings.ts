/** Statements of single values that outlive the daemon, such as what a setting of the host was before us. */
import type { StoreReader, StoreWriter } from './contract.ts';
import type { Connection } from './database.ts';

/** Keys of settings, apart from what else the table holds. */
const PREFIX = 'setting.';

/** Prepares the statements. */
export function prepareSettings(database: Connection): {
  readonly reads: Pick<StoreReader, 'getSetting'>;
  readonly writes: Pick<StoreWriter, 'setSetting'>;
} {
  const get = database.prepare<[string], { value: string }>('SELECT value FROM meta WHERE key = ?');
  const set = database.prepare<[string, string]>(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare<[string]>('DELETE FROM meta WHERE key = ?');
  return {
    reads: { getSetting: (key) => get.get(PREFIX + key)?.value },
    writes: {
      setSetting: (key, value) => {
        if (value === undefined) remove.run(PREFIX + key);
        else set.run(PREFIX + key, value);
      },
    },
  };
}
