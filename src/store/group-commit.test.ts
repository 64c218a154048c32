import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { VethdError } from '../errors.ts';
import type { StoreWriter } from './contract.ts';
import { openDatabase } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import { containerOf, networkOf, subnetAt, temporaryPath, temporaryStore } from './rows.fixture.ts';
import { openStore } from './store.ts';

const insert = (id: string) => (writer: StoreWriter) => writer.insertNetwork(networkOf(id, []));

test('changes asked for together share one transaction', async () => {
  const path = temporaryPath();
  const store = temporaryStore(path);
  const watcher = new Database(path, { readonly: true });
  const committed = watcher.prepare<[], { count: number }>('SELECT count(*) AS count FROM networks');
  const changes = Array.from({ length: 100 }, (_, index) => store.write(insert(`a${index}x`)));
  expect(committed.get()).toEqual({ count: 0 });
  // Once the first is told, all of them are on the disk: nothing ran in between.
  await changes[0];
  expect(committed.get()).toEqual({ count: 100 });
  await Promise.all(changes);
  watcher.close();
});

test('the first of a turn waits for nobody, those after it share the next transaction', async () => {
  const path = temporaryPath();
  const store = temporaryStore(path);
  const watcher = new Database(path, { readonly: true });
  const committed = watcher.prepare<[], { count: number }>('SELECT count(*) AS count FROM networks');
  const alone: boolean[] = [];
  const change = (id: string) =>
    store.write((writer, isAlone) => {
      alone.push(isAlone);
      insert(id)(writer);
    });
  // As requests come: one callback of the event loop after another, with what is due at once in between.
  await change('a1');
  expect(committed.get()).toEqual({ count: 1 });
  const rest = ['a2', 'a3', 'a4'].map(change);
  await Promise.resolve();
  expect(committed.get()).toEqual({ count: 1 });
  await Promise.all(rest);
  expect([committed.get(), alone]).toEqual([{ count: 4 }, [true, false, false, false]]);
  watcher.close();
});

test('one that throws is rolled back alone and gets its own error', async () => {
  const store = temporaryStore();
  const error = new VethdError('conflict', 'not like this');
  const results = await Promise.allSettled([
    store.write(insert('a1')),
    store.write((writer) => {
      insert('a2')(writer);
      throw error;
    }),
    store.write((writer) => {
      insert('a3')(writer);
      return writer.listNetworks().length;
    }),
  ]);
  expect(results).toEqual([
    { status: 'fulfilled', value: undefined },
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: 2 },
  ]);
  expect(store.listNetworks().map(({ name }) => name)).toEqual(['net-a1', 'net-a3']);
});

test('one that is alone and throws leaves nothing, and the next one works', async () => {
  const store = temporaryStore();
  const container = containerOf('c1');
  const error = new VethdError('conflict', 'not like this');
  const change = store.write((writer, alone) => {
    expect(alone).toBe(true);
    writer.insertContainer(container);
    expect(writer.getContainer(container.id)).toEqual(container);
    throw error;
  });
  await expect(change).rejects.toBe(error);
  expect([store.getContainer(container.id), store.listContainers()]).toEqual([undefined, []]);
  await store.write((writer) => writer.insertContainer(container));
  expect(store.listContainers()).toEqual([container]);
});

test('a setting is what the last kept change made it, also between two of one transaction', async () => {
  const store = temporaryStore();
  const set = (value: string | undefined) =>
    store.write((writer) => {
      writer.setSetting('colour', value);
      expect(writer.getSetting('colour')).toBe(value);
    });
  expect(store.getSetting('colour')).toBeUndefined();
  await set('red');
  expect(store.getSetting('colour')).toBe('red');
  const results = await Promise.allSettled([
    store.write((writer) => {
      writer.setSetting('colour', 'green');
      expect(writer.getSetting('colour')).toBe('green');
      throw new Error('not like this');
    }),
    store.write((writer) => writer.getSetting('colour')),
  ]);
  expect(results[1]).toEqual({ status: 'fulfilled', value: 'red' });
  expect(store.getSetting('colour')).toBe('red');
  store.rehearse((writer) => writer.setSetting('colour', 'blue'));
  expect(store.getSetting('colour')).toBe('red');
  await set(undefined);
  expect(store.getSetting('colour')).toBeUndefined();
});

test('an asynchronous change is refused, and its rest cannot write', async () => {
  const store = temporaryStore();
  let rest: Promise<void> | undefined;
  const change = store.write((writer) => {
    rest = (async () => {
      insert('a1')(writer);
      await Promise.resolve();
      insert('a2')(writer);
    })();
    return rest;
  });
  await expect(change).rejects.toThrow('must be synchronous');
  await expect(rest).rejects.toThrow('after the change');
  expect(store.listNetworks()).toEqual([]);
});

test('a rehearsal gives its result and leaves nothing', async () => {
  const store = temporaryStore();
  const seen = store.rehearse((writer) => {
    writer.insertNetwork(networkOf('a1', [subnetAt('10.0.0.0/24')]));
    return store.listNetworks().length;
  });
  expect([seen, store.listNetworks()]).toEqual([1, []]);
  expect(() =>
    store.rehearse((writer) => {
      insert('a1')(writer);
      insert('a1')(writer);
    }),
  ).toThrow('already exists');
  await store.write(insert('a1'));
  expect(store.listNetworks()).toHaveLength(1);
});

test('while another process holds the lock: reads go on, a write waits for it', async () => {
  const path = temporaryPath();
  const store = temporaryStore(path);
  await store.write(insert('a1'));
  const other = new Database(path);
  other.exec('BEGIN IMMEDIATE');
  const change = store.write(insert('a2'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(store.listNetworks()).toHaveLength(1);
  other.exec('ROLLBACK');
  other.close();
  await change;
  expect(store.listNetworks()).toHaveLength(2);
});

test('a lock that is not given back: the write is refused, nothing is changed, the next one works', async () => {
  const path = temporaryPath();
  const store = temporaryStore(path);
  const other = new Database(path);
  other.exec('BEGIN IMMEDIATE');
  expect(() => store.rehearse(insert('a1'))).toThrow(expect.objectContaining({ errno: 'EBUSY' }));
  await expect(store.write(insert('a1'))).rejects.toMatchObject({ kind: 'unavailable', errno: 'EBUSY' });
  other.exec('ROLLBACK');
  other.close();
  await store.write(insert('a1'));
  expect(store.listNetworks()).toHaveLength(1);
});

test('closing commits what waits and takes no more', async () => {
  const path = temporaryPath();
  const store = openStore(path);
  const change = store.write(insert('a1'));
  store.close();
  await change;
  await expect(store.write(insert('a2'))).rejects.toMatchObject({ kind: 'unavailable' });
  expect(temporaryStore(path).listNetworks()).toHaveLength(1);
});

test('a full disk: every change of the transaction is refused, reads and later writes go on', async () => {
  const database = openDatabase(temporaryPath());
  database.exec('CREATE TABLE filling (bytes BLOB)');
  database.pragma('max_page_count = 16');
  const fill = database.prepare<[Buffer]>('INSERT INTO filling VALUES (?)');
  const rows = database.prepare<[], { count: number }>('SELECT count(*) AS count FROM filling');
  const commits = new GroupCommit(database, {
    committed: () => undefined,
    undone: () => undefined,
    ended: () => undefined,
  });
  const sizes = [10, 10, 200_000, 10];
  const results = await Promise.allSettled(
    sizes.map((size) => commits.write(() => fill.run(Buffer.alloc(size)).changes)),
  );
  const [, , tooBig] = results;
  expect(tooBig).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable', errno: 'ENOSPC' } });
  const kept = results.filter(({ status }) => status === 'fulfilled').length;
  expect(rows.get()).toEqual({ count: kept });
  await commits.write(() => fill.run(Buffer.alloc(10)));
  expect(rows.get()).toEqual({ count: kept + 1 });
  commits.close();
  database.close();
});
