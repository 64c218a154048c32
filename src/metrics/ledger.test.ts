import { expect, test } from 'vitest';
import { until } from '../../test/helpers/until.ts';
import { Ledger } from './ledger.ts';

test('entries are booked behind, in their order, each once', async () => {
  const ledger = new Ledger();
  const booked: number[] = [];
  for (const each of [1, 2, 3]) ledger.enter(() => booked.push(each));
  expect(booked).toEqual([]);
  await until('the entries are booked', () => booked.length > 0);
  expect(booked).toEqual([1, 2, 3]);
  ledger.enter(() => booked.push(4));
  ledger.book();
  expect(booked).toEqual([1, 2, 3, 4]);
});

test('a burst does not pile up', () => {
  const ledger = new Ledger();
  let booked = 0;
  for (let index = 0; index < 50_000; index++) ledger.enter(() => booked++);
  expect(booked).toBeGreaterThan(20_000);
});
