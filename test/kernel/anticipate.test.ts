/** A look that is begun while its rows are written: it serves the pass that it was begun for, and no other. */
import { expect, test } from 'vitest';
import type { DriverNetwork } from '../../src/drivers/driver.ts';
import { EVERYTHING, scopeOf } from '../../src/reconcile/scope.ts';
import { networkOf } from '../../src/reconcile/worlds.fixture.ts';
import { linksOf } from '../helpers/host.ts';
import { reconcilerForFile } from '../helpers/reconciler-for-file.ts';

const rooms = reconcilerForFile();

/** Inserts the network, and has its look begun in the same transaction. */
function insert({ network }: DriverNetwork) {
  const scope = scopeOf({ networks: [network.id] });
  return rooms.store.write((writer, alone) => {
    expect(alone).toBe(true);
    writer.insertNetwork(network);
    rooms.reconciler.anticipate(scope);
    return scope;
  });
}

async function hasBridge({ network }: DriverNetwork): Promise<boolean> {
  return (await linksOf()).some(({ ifname }) => ifname === `br-${network.id.slice(0, 12)}`);
}

test('serves the pass that it was begun for', async () => {
  const network = networkOf('a', 'a');
  const scope = await insert(network);
  expect(rooms.looks).toBe(1);
  expect((await rooms.reconciler.reconcile(scope)).failures.size).toBe(0);
  expect(rooms.looks).toBe(1);
  expect(await hasBridge(network)).toBe(true);
});

test('is thrown away when another pass was first: what it saw may have changed since', async () => {
  const network = networkOf('b', 'b');
  const other = networkOf('d', 'd');
  await rooms.store.write((writer) => writer.insertNetwork(other.network));
  const scope = await insert(network);
  await rooms.reconciler.reconcile(scopeOf({ networks: [network.network.id, other.network.id] }));
  expect([await hasBridge(network), await hasBridge(other)]).toEqual([true, true]);
  const before = rooms.looks;
  // The early look saw no bridge: making it again would fail.
  expect((await rooms.reconciler.reconcile(scope)).failures.size).toBe(0);
  expect(rooms.looks).toBe(before + 1);
});

test('serves once', async () => {
  const network = networkOf('c', 'c');
  const scope = await insert(network);
  await rooms.reconciler.reconcile(scope);
  const before = rooms.looks;
  expect((await rooms.reconciler.reconcile(scope)).failures.size).toBe(0);
  expect(rooms.looks).toBe(before + 1);
});

test('who waits for looks at everything is told of each while the kernel thread is at it', async () => {
  const told: number[] = [];
  rooms.reconciler.onLook(() => told.push(rooms.looks));
  const before = rooms.looks;
  await rooms.reconciler.reconcile(scopeOf({ networks: [networkOf('a', 'a').network.id] }));
  expect([told, rooms.looks]).toEqual([[], before + 1]);
  await rooms.reconciler.reconcile(EVERYTHING);
  // Both halves of it have been asked for by then.
  expect(told).toEqual([before + 3]);
});
