/** A reconciler over a store of its own and the kernel of the throwaway host, from the first test of a file to its last. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { bridgeDriver } from '../../src/drivers/bridge.ts';
import { hostDriver, nullDriver } from '../../src/drivers/plain.ts';
import type { EngineContext } from '../../src/engine/context.ts';
import { Unanswered } from '../../src/engine/unanswered.ts';
import type { Kernel } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { createReconciler, type Reconciler } from '../../src/reconcile/loop.ts';
import type { Store } from '../../src/store/contract.ts';
import { openStore } from '../../src/store/store.ts';

/** What is there while tests run, not before. */
export interface Rooms {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly reconciler: Reconciler;
  /** How often it has looked at the kernel. */
  readonly looks: number;
}

/** Opens the rooms before the first test and closes them after the last; the members may be read from then on. */
export function reconcilerForFile(): Rooms {
  const rooms = {} as { -readonly [Key in keyof Rooms]: Rooms[Key] };
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vethd-reconciler-'));
    const kernel = await openKernel({});
    const store = openStore(join(folder, 'vethd.db'));
    const counting: Kernel = {
      ...kernel,
      observe: (request) => {
        rooms.looks += 1;
        return kernel.observe(request);
      },
    };
    const drivers = { bridge: bridgeDriver, host: hostDriver, null: nullDriver };
    const reconciler = createReconciler({ store, kernel: counting, drivers });
    Object.assign(rooms, { kernel, store, reconciler, looks: 0 });
  });
  afterAll(async () => {
    rooms.store.close();
    await rooms.kernel.close();
    rmSync(folder, { recursive: true });
  });
  return rooms;
}

/** What a verb is called with, over these rooms. */
export function contextOver(rooms: Rooms): EngineContext {
  return {
    ...rooms,
    config: { addressPools: [], mtu: 1500 },
    nameservers: () => [],
    hostPorts: () => ({ listeners: [], automatic: { first: 32_768, last: 60_999 } }),
    ownPorts: () => [],
    now: () => BigInt(Date.now()) * 1_000_000n,
    unanswered: new Unanswered(rooms.store),
    publish: () => undefined,
  } as unknown as EngineContext;
}
