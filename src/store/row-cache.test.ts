import { expect, test } from 'vitest';
import { RowCache } from './row-cache.ts';

/** A table of numbers by id, and how often it was read. */
function table() {
  const rows = new Map<string, number>();
  const reads = { rows: 0, lists: 0 };
  const cache = new RowCache<number>((id) => {
    reads.rows += 1;
    return rows.get(id);
  });
  const all = () =>
    cache.listOf('', () => {
      reads.lists += 1;
      return [...rows.keys()];
    });
  const set = (id: string, value: number) => {
    cache.touch(id);
    rows.set(id, value);
  };
  return { rows, reads, cache, all, set };
}

test('what a transaction has changed is read once, and kept when it is committed', () => {
  const { cache, reads, all, set } = table();
  set('a', 1);
  expect([cache.get('a'), cache.get('a'), all(), all()]).toEqual([1, 1, [1], [1]]);
  expect(reads).toEqual({ rows: 1, lists: 1 });
  set('a', 2);
  expect([cache.get('a'), all()]).toEqual([2, [2]]);
  expect(reads).toEqual({ rows: 2, lists: 2 });
  cache.settle(true);
  expect([cache.get('a'), all()]).toEqual([2, [2]]);
  expect(reads).toEqual({ rows: 2, lists: 2 });
});

test('what was rolled back was never so', () => {
  const { cache, rows, all, set } = table();
  set('a', 1);
  cache.settle(true);
  set('a', 2);
  set('b', 3);
  expect([cache.get('a'), all()]).toEqual([2, [2, 3]]);
  rows.set('a', 1);
  rows.delete('b');
  cache.settle(false);
  expect([cache.get('a'), cache.get('b'), all()]).toEqual([1, undefined, [1]]);
});

test('a part that was taken back is read anew by the rest of the transaction', () => {
  const { cache, rows, all, set } = table();
  set('a', 1);
  set('b', 2);
  expect([cache.get('b'), all()]).toEqual([2, [1, 2]]);
  rows.delete('b');
  cache.undone();
  expect([cache.get('a'), cache.get('b'), all()]).toEqual([1, undefined, [1]]);
});

test('what is not there is looked for once between two transactions, and found when it comes', () => {
  const { cache, reads, set } = table();
  expect([cache.get('a'), cache.get('a')]).toEqual([undefined, undefined]);
  expect(reads.rows).toBe(1);
  set('a', 1);
  expect(cache.get('a')).toBe(1);
  cache.settle(true);
  expect(cache.get('a')).toBe(1);
});

test('looking for what is not there fills no memory', () => {
  const { cache, reads } = table();
  for (let index = 0; index < 1000; index++) cache.get(`x${index}`);
  const before = reads.rows;
  for (let index = 0; index < 1000; index++) cache.get(`x${index}`);
  expect(reads.rows - before).toBeGreaterThan(500);
});

test('what was written is known without reading it, unless that was taken back', () => {
  const { rows, reads, cache, set } = table();
  set('a', 1);
  cache.wrote('a', 1);
  expect([cache.get('a'), reads.rows]).toEqual([1, 0]);
  cache.settle(true);
  expect([cache.get('a'), reads.rows]).toEqual([1, 0]);
  set('a', 2);
  cache.wrote('a', 2);
  rows.set('a', 1);
  cache.undone();
  expect(cache.get('a')).toBe(1);
  set('a', 3);
  cache.wrote('a', 3);
  rows.set('a', 1);
  cache.settle(false);
  expect(cache.get('a')).toBe(1);
});

test('what is found by a name is found without reading until something has changed', () => {
  const { cache, set } = table();
  let reads = 0;
  const find = (name: string, ids: readonly string[]) =>
    cache.find(`name ${name}`, () => {
      reads += 1;
      return ids;
    });
  set('a', 1);
  cache.settle(true);
  expect([find('one', ['a']), find('one', ['a']), find('two', []), find('two', [])]).toEqual([
    1,
    1,
    undefined,
    undefined,
  ]);
  expect(reads).toBe(2);
  set('b', 2);
  expect([find('two', ['b']), find('one', ['a'])]).toEqual([2, 1]);
  cache.settle(false);
  expect(find('two', [])).toBeUndefined();
});

test('finding nothing by names that somebody makes up fills no memory', () => {
  const { cache } = table();
  let reads = 0;
  const find = (index: number) =>
    cache.find(`name ${index}`, () => {
      reads += 1;
      return [];
    });
  for (let index = 0; index < 1000; index++) find(index);
  expect(reads).toBe(1000);
  for (let index = 0; index < 1000; index++) find(index);
  expect(reads).toBeGreaterThan(1500);
});
