import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FirewallGeneration } from '../kernel/contract.ts';
import type { Store, StoreWriter } from '../store/contract.ts';
import { FirewallRecord } from './firewall-record.ts';

const AT_7: FirewallGeneration = { host: 'boot 1', id: 7 };
const NOTED = JSON.stringify({ generation: AT_7, fingerprint: 'f' });

interface World {
  setting: string | undefined;
  generation: FirewallGeneration | undefined;
  fingerprint: string | undefined;
  isAt: boolean;
  isBusy: boolean;
}

/** A record over a world that the test changes, and what was written and recalled. */
function recordOf(given: Partial<World> = {}) {
  const world: World = {
    setting: undefined,
    generation: AT_7,
    fingerprint: 'f',
    isAt: true,
    isBusy: false,
    ...given,
  };
  const written: string[] = [];
  const recall = vi.fn();
  const asked = vi.fn();
  const writer: Pick<StoreWriter, 'setSetting'> = {
    setSetting: (key, value) => {
      written.push(`${key} ${value}`);
      world.setting = value;
    },
  };
  const store: Pick<Store, 'getSetting' | 'write'> = {
    getSetting: (key) => (key === 'firewall' ? world.setting : undefined),
    write: async (change) => change(writer as StoreWriter, true),
  };
  const record = new FirewallRecord({
    store: store as Store,
    kernel: {
      firewallGeneration: async () => world.generation,
      isFirewallAt: async (generation) => {
        asked(generation);
        return world.isAt;
      },
    },
    firewall: { fingerprint: () => world.fingerprint, recall },
    isBusy: () => world.isBusy,
  });
  return { world, record, written, recall, asked };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('is recalled once, if nftables is as it was then', async () => {
  const { record, recall, asked } = recordOf({ setting: NOTED });
  await Promise.all([record.recall(), record.recall()]);
  expect(asked.mock.calls).toEqual([[AT_7]]);
  expect(recall.mock.calls.map(([, fingerprint]) => fingerprint)).toEqual(['f']);
});

test.each<[string, Partial<World>]>([
  ['nothing was noted', {}],
  ['nftables has changed', { setting: NOTED, isAt: false }],
  ['what was noted cannot be read', { setting: '{' }],
])('is not recalled when %s', async (_, given) => {
  const { record, recall } = recordOf(given);
  await record.recall();
  expect(recall).not.toHaveBeenCalled();
});

test('is noted soon after the first pass, then when it has been quiet for a while', async () => {
  const { world, record, written } = recordOf();
  record.passed();
  await vi.advanceTimersByTimeAsync(100);
  expect(written).toEqual([`firewall ${NOTED}`]);
  world.generation = { ...AT_7, id: 8 };
  record.passed();
  await vi.advanceTimersByTimeAsync(700);
  record.passed();
  await vi.advanceTimersByTimeAsync(700);
  expect(written).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(written).toEqual([`firewall ${NOTED}`, `firewall ${NOTED.replace('7', '8')}`]);
  expect(vi.getTimerCount()).toBe(0);
});

test('what is noted already is not written again', async () => {
  const { world, record, written } = recordOf({ setting: NOTED });
  await record.recall();
  record.passed();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(written).toEqual([]);
  world.generation = { ...AT_7, id: 8 };
  for (let pass = 0; pass < 3; pass++) {
    record.passed();
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(written).toHaveLength(1);
});

test.each<[string, Partial<World>]>([
  ['somebody else has changed our tables', { generation: undefined }],
  ['it is not known what the kernel holds', { fingerprint: undefined }],
  ['a pass is under way', { isBusy: true }],
])('is not noted while %s', async (_, given) => {
  const { record, written } = recordOf(given);
  record.passed();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(written).toEqual([]);
});

test.each<[string, (rooms: ReturnType<typeof recordOf>) => void]>([
  [
    'is under way',
    ({ world }) => {
      world.isBusy = true;
    },
  ],
  ['is over', ({ record }) => record.passed()],
])('is not noted when a pass began while the kernel was asked, and %s', async (_, begin) => {
  const rooms = recordOf();
  // Begins in the turn in which the kernel is asked.
  Object.defineProperty(rooms.world, 'generation', {
    get: () => {
      begin(rooms);
      return AT_7;
    },
  });
  rooms.record.passed();
  await vi.advanceTimersByTimeAsync(100);
  expect(rooms.written).toEqual([]);
});
