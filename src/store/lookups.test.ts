/** Reads that a request makes instead of going through every network. */
import { expect, test } from 'vitest';
import { formatPrefix, parsePrefix } from '../model/address.ts';
import type { Network } from '../model/network.ts';
import type { Store } from './contract.ts';
import { containerOf, endpointOf, networkOf, subnetAt, temporaryStore } from './rows.fixture.ts';

const BRIDGE_NAME = 'com.docker.network.bridge.name';

async function storeWith(...networks: readonly Network[]): Promise<Store> {
  const store = temporaryStore();
  await store.write((writer) => {
    for (const network of networks) writer.insertNetwork(network);
  });
  return store;
}

test('a network by the name of its bridge, given or by default', async () => {
  const store = await storeWith(
    networkOf('a1', []),
    networkOf('b2', [], { options: { [BRIDGE_NAME]: 'br-lab' } }),
    networkOf('c3', [], { options: { [BRIDGE_NAME]: 'br-bundle' }, configOnly: true }),
    networkOf('d4', [], { driver: 'host' }),
  );
  const found = (ifname: string) => store.findNetworkByBridge(ifname)?.name;
  expect(found('br-a10000000000')).toBe('net-a1');
  expect(found('br-lab')).toBe('net-b2');
  // Its bridge has another name; a bundle and the host have none.
  expect(found('br-b20000000000')).toBeUndefined();
  expect(found('br-bundle')).toBeUndefined();
  expect(found('br-d40000000000')).toBeUndefined();
  expect(found('br-ffffffffffff')).toBeUndefined();
});

test('a network by its whole name, never by an id', async () => {
  const store = await storeWith(networkOf('a1', []));
  expect(store.findNetworkNamed('net-a1')?.name).toBe('net-a1');
  expect(store.findNetworkNamed('net-a')).toBeUndefined();
  expect(store.findNetworkNamed(networkOf('a1', []).id)).toBeUndefined();
});

test.each([
  ['10.0.0.0/24', '10.0.0.0/24'],
  ['10.0.0.128/30', '10.0.0.0/24'],
  ['10.0.0.0/8', '10.2.0.0/16'],
  ['10.0.1.0/24', undefined],
  ['10.1.0.0/16', undefined],
  ['10.2.255.0/24', '10.2.0.0/16'],
  ['10.3.0.0/16', undefined],
  ['9.0.0.0/8', undefined],
  ['fd00:0:0:1::/80', 'fd00:0:0:1::/64'],
  ['fd00::/64', undefined],
])('whose subnet %s overlaps: %s', async (asked, expected) => {
  const store = await storeWith(
    networkOf('a1', [subnetAt('10.0.0.0/24'), subnetAt('fd00:0:0:1::/64')]),
    networkOf('b2', [subnetAt('10.2.0.0/16')]),
    networkOf('c3', [subnetAt('10.3.0.0/16')], { configOnly: true }),
  );
  const found = store.findPoolOverlapping(parsePrefix(asked));
  expect(found && formatPrefix(found.prefix)).toBe(expected);
});

test.each<[string, Partial<Network>, 'running' | 'exited', boolean]>([
  ['a running member', {}, 'running', true],
  ['a stopped member', {}, 'exited', false],
  ['internal', { internal: true }, 'running', false],
  ['without the family', { enableIPv4: false }, 'running', false],
  ['no bridge', { driver: 'null' }, 'running', false],
])('whether something is forwarded: %s', async (_what, rest, state, expected) => {
  const network = networkOf('a1', [], rest);
  const store = await storeWith(network);
  expect(store.hasForwardedMember('ipv4')).toBe(false);
  const container = containerOf('c1', { state });
  await store.write((writer) => {
    writer.insertContainer(container);
    writer.insertEndpoint(endpointOf(network, container, writer.nextOrdinal(), undefined));
  });
  expect(store.hasForwardedMember('ipv4')).toBe(expected);
  expect(store.hasForwardedMember('ipv6')).toBe(false);
  const [endpoint] = store.listEndpoints();
  expect(store.hasForwardedMember('ipv4', endpoint?.id)).toBe(false);
  expect(store.hasForwardedMember('ipv4', 'another')).toBe(expected);
});
