/** Statements of single values that outlive the daemon, such as what a setting of the host was before us. */
import type { StoreReader, StoreWriter } from './contract.ts';
import type { Connection } from './database.ts';
import { RowCache } from './row-cache.ts';

/** Keys of settings, apart from what else the table holds. */
const PREFIX = 'setting.';

interface Setting {
  /** Undefined: there is none, which is worth remembering, too. */
  readonly value: string | undefined;
}

/** Prepares the statements. */
export function prepareSettings(database: Connection): {
  readonly cache: RowCache<Setting>;
  readonly reads: Pick<StoreReader, 'getSetting'>;
  readonly writes: Pick<StoreWriter, 'setSetting'>;
} {
  const get = database.prepare<[string], { value: string }>('SELECT value FROM meta WHERE key = ?');
  const set = database.prepare<[string, string]>(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare<[string]>('DELETE FROM meta WHERE key = ?');
  // Every pass asks ten times for the host's forwarding, which hardly ever changes: 5-20 µs a statement.
  const cache = new RowCache<Setting>((key) => ({ value: get.get(PREFIX + key)?.value }));
  return {
    cache,
    reads: { getSetting: (key) => cache.get(key)?.value },
    writes: {
      setSetting: (key, value) => {
        cache.touch(key);
        if (value === undefined) remove.run(PREFIX + key);
        else set.run(PREFIX + key, value);
      },
    },
  };
}
