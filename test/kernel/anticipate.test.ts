/** A look that is begun while its rows are written: it serves the pass that it was begun for, and no other. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bridgeDriver } from '../../src/drivers/bridge.ts';
import type { DriverNetwork } from '../../src/drivers/driver.ts';
import { hostDriver, nullDriver } from '../../src/drivers/plain.ts';
import type { Kernel } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { createReconciler, type Reconciler } from '../../src/reconcile/loop.ts';
import { scopeOf } from '../../src/reconcile/scope.ts';
import { networkOf } from '../../src/reconcile/worlds.fixture.ts';
import type { Store } from '../../src/store/contract.ts';
import { openStore } from '../../src/store/store.ts';
import { linksOf } from '../helpers/host.ts';

let folder: string;
let kernel: Kernel;
let store: Store;
let reconciler: Reconciler;
let looks = 0;

beforeAll(async () => {
  kernel = await openKernel({});
  folder = mkdtempSync(join(tmpdir(), 'vethd-anticipate-'));
  store = openStore(join(folder, 'vethd.db'));
  const counting: Kernel = {
    ...kernel,
    observe: (request) => {
      looks += 1;
      return kernel.observe(request);
    },
  };
  const drivers = { bridge: bridgeDriver, host: hostDriver, null: nullDriver };
  reconciler = createReconciler({ store, kernel: counting, drivers });
});

afterAll(async () => {
  store.close();
  await kernel.close();
  rmSync(folder, { recursive: true });
});

/** Inserts the network, and has its look begun in the same transaction. */
function insert({ network }: DriverNetwork) {
  const scope = scopeOf({ networks: [network.id] });
  return store.write((writer, alone) => {
    expect(alone).toBe(true);
    writer.insertNetwork(network);
    reconciler.anticipate(scope);
    return scope;
  });
}

async function hasBridge({ network }: DriverNetwork): Promise<boolean> {
  return (await linksOf()).some(({ ifname }) => ifname === `br-${network.id.slice(0, 12)}`);
}

test('serves the pass that it was begun for', async () => {
  const network = networkOf('a', 'a');
  const scope = await insert(network);
  expect(looks).toBe(1);
  expect((await reconciler.reconcile(scope)).failures.size).toBe(0);
  expect(looks).toBe(1);
  expect(await hasBridge(network)).toBe(true);
});

test('is thrown away when another pass was first: what it saw may have changed since', async () => {
  const network = networkOf('b', 'b');
  const other = networkOf('d', 'd');
  await store.write((writer) => writer.insertNetwork(other.network));
  const scope = await insert(network);
  await reconciler.reconcile(scopeOf({ networks: [network.network.id, other.network.id] }));
  expect([await hasBridge(network), await hasBridge(other)]).toEqual([true, true]);
  const before = looks;
  // The early look saw no bridge: making it again would fail.
  expect((await reconciler.reconcile(scope)).failures.size).toBe(0);
  expect(looks).toBe(before + 1);
});

test('serves once', async () => {
  const network = networkOf('c', 'c');
  const scope = await insert(network);
  await reconciler.reconcile(scope);
  const before = looks;
  expect((await reconciler.reconcile(scope)).failures.size).toBe(0);
  expect(looks).toBe(before + 1);
});
