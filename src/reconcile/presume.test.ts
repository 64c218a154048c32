import { describe, expect, test } from 'vitest';
import { bridgeDriver } from '../drivers/bridge.ts';
import { hostDriver, nullDriver } from '../drivers/plain.ts';
import { portWith } from '../firewall/ruleset.fixture.ts';
import { parseAddress } from '../model/address.ts';
import type { Container } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { Store } from '../store/contract.ts';
import { containerOf, endpointOf, networkOf, subnetAt, temporaryStore } from '../store/rows.fixture.ts';
import { plan } from './plan.ts';
import { preparationFor, presume } from './presume.ts';

const DRIVERS = { bridge: bridgeDriver, host: hostDriver, null: nullDriver };

function lab(rest: Partial<Network> = {}): Network {
  return networkOf('a1', [subnetAt('10.7.0.0/24', { gateway: parseAddress('10.7.0.1') })], {
    options: {},
    ...rest,
  });
}

function join(store: Store, network: Network, container: Container, host: number): Promise<string> {
  return store.write((writer) => {
    const address = parseAddress(`10.7.0.${host}`);
    if (writer.getContainer(container.id) === undefined) writer.insertContainer(container);
    const subnet = network.subnets[0];
    if (subnet !== undefined) writer.takeAddress(network.id, subnet, address);
    const endpoint = endpointOf(network, container, writer.nextOrdinal(), address, { ports: [] });
    writer.insertEndpoint(endpoint);
    return endpoint.id;
  });
}

function operationsFor(store: Store, newborn: Parameters<typeof presume>[2]): string[] | undefined {
  const look = presume(store, DRIVERS, newborn);
  return look && plan(look.desired, look.observation).operations.map(({ op }) => op);
}

describe('a network', () => {
  test.each<[string, Partial<Network>]>([
    ['without a bridge', { driver: 'null' }],
    ['whose bridge the client has named', { options: { 'com.docker.network.bridge.name': 'br0' } }],
  ])('%s is looked at', async (_what, rest) => {
    const store = temporaryStore();
    const network = lab(rest);
    await store.write((writer) => writer.insertNetwork(network));
    expect(operationsFor(store, { network: network.id })).toBeUndefined();
  });

  test('is made, and nothing else', async () => {
    const store = temporaryStore();
    const [network, other] = [lab(), networkOf('b2', [], { options: {} })];
    await store.write((writer) => {
      writer.insertNetwork(other);
      writer.insertNetwork(network);
    });
    const look = presume(store, DRIVERS, { network: network.id });
    expect(look && preparationFor(look)).toBeUndefined();
    expect(operationsFor(store, { network: network.id })).toEqual([
      'createBridge',
      'setSysctl',
      'addAddress',
    ]);
  });
});

describe('an endpoint', () => {
  const first = containerOf('c1');
  const second = containerOf('c2', { identity: { bootId: 'boot', inode: '4:2' } });

  async function storeWith(network: Network, ...containers: readonly Container[]): Promise<[Store, string]> {
    const store = temporaryStore();
    await store.write((writer) => writer.insertNetwork(network));
    let id = '';
    for (const [index, container] of containers.entries())
      id = await join(store, network, container, index + 2);
    return [store, id];
  }

  test('beside another member is made in its namespace alone', async () => {
    const [store, endpoint] = await storeWith(lab(), first, second);
    const look = presume(store, DRIVERS, { endpoint });
    expect([...(look?.desired.netns.keys() ?? [])]).toEqual([second.id]);
    expect(look?.desired.host.links).toEqual([]);
    const identity = look?.observation.netns.get(second.id);
    expect(identity).toMatchObject({ status: 'present', identity: second.identity });
    expect(operationsFor(store, { endpoint })).toEqual(
      expect.arrayContaining(['createVeth', 'addAddress', 'addRoute', 'addFdbEntry', 'settleCarrier']),
    );
    expect(operationsFor(store, { endpoint })).not.toContain('createBridge');
  });

  test('has its namespace opened, and its bridge asked for, before it is made', async () => {
    const [store, endpoint] = await storeWith(lab(), first, second);
    const look = presume(store, DRIVERS, { endpoint });
    expect(look && preparationFor(look)).toEqual({
      netns: new Map([[second.id, { ref: { kind: 'name', name: second.name }, identity: second.identity }]]),
      names: new Map([
        [second.id, { index: [], whole: [] }],
        ['host', { index: [`br-${lab().id.slice(0, 12)}`], whole: [] }],
      ]),
    });
  });

  test('that makes the host forward for the first time is looked at: its switch has to be read', async () => {
    const [store, endpoint] = await storeWith(lab(), first);
    expect(presume(store, DRIVERS, { endpoint })).toBeUndefined();
  });

  test('on an internal network makes the host forward nothing', async () => {
    const [store, endpoint] = await storeWith(lab({ internal: true }), first);
    expect(presume(store, DRIVERS, { endpoint })).toBeDefined();
  });

  test.each<[string, Partial<Container>]>([
    ['that does not run', { state: 'exited' }],
    ['that nobody has seen', { identity: undefined }],
    ['without a namespace of its own', { source: { kind: 'host' } }],
  ])('of a container %s is looked at', async (_what, rest) => {
    const [store, endpoint] = await storeWith(lab(), first, { ...second, ...rest });
    expect(presume(store, DRIVERS, { endpoint })).toBeUndefined();
  });

  test('of a container that has another one is looked at', async () => {
    const [store] = await storeWith(lab(), first, second);
    const other = networkOf('b2', [subnetAt('10.8.0.0/24')], { options: {}, internal: true });
    await store.write((writer) => writer.insertNetwork(other));
    const endpoint = await store.write((writer) => {
      const made = endpointOf(other, second, writer.nextOrdinal(), undefined, { ifname: 'eth1' });
      writer.insertEndpoint(made);
      return made.id;
    });
    expect(presume(store, DRIVERS, { endpoint })).toBeUndefined();
  });

  test('that is not stored is no endpoint', () => {
    expect(presume(temporaryStore(), DRIVERS, { endpoint: 'nope' })).toBeUndefined();
  });
});

describe('an endpoint that went', () => {
  const first = containerOf('c1');
  const second = containerOf('c2', { identity: { bootId: 'boot', inode: '4:2' } });

  /** Two members of whom the second has gone; `keep`: its container has not. */
  async function departed(network: Network, rest: Partial<Endpoint> = {}, keep = false) {
    const store = temporaryStore();
    await store.write((writer) => writer.insertNetwork(network));
    await join(store, network, first, 2);
    const id = await join(store, network, second, 3);
    const endpoint = store.getEndpoint(id);
    if (endpoint === undefined) throw new Error('not stored');
    await store.write((writer) =>
      keep ? writer.removeEndpoint(id) : writer.removeContainer(endpoint.containerId),
    );
    return { store, departed: { container: second, network, endpoint: { ...endpoint, ...rest } } };
  }

  test('is retired at both ends, by its alias, and forgotten by the bridge', async () => {
    const { store, ...foreseen } = await departed(lab());
    const look = presume(store, DRIVERS, foreseen);
    const { endpoint } = foreseen.departed;
    expect(look && plan(look.desired, look.observation).operations).toMatchObject([
      { op: 'removeNeighbour', netns: 'host', neighbour: { address: endpoint.ipv4 } },
      {
        op: 'retireLink',
        netns: 'host',
        ifname: endpoint.veth,
        alias: `vethd:${endpoint.id}`,
        peer: { netns: second.id, ifname: endpoint.ifname },
      },
    ]);
  });

  test('has its links asked for before it is retired', async () => {
    const { store, ...foreseen } = await departed(lab());
    const look = presume(store, DRIVERS, foreseen);
    const { endpoint } = foreseen.departed;
    const ref = { kind: 'name', name: second.name };
    expect(look && preparationFor(look)).toEqual({
      netns: new Map([[second.id, { ref, identity: second.identity }]]),
      names: new Map([
        [second.id, { index: [], whole: [endpoint.ifname] }],
        ['host', { index: [], whole: [endpoint.veth] }],
      ]),
    });
  });

  test('is looked at where its container is still wanted', async () => {
    const { store, ...foreseen } = await departed(lab(), {}, true);
    expect(presume(store, DRIVERS, foreseen)).toBeUndefined();
  });

  test('is looked at where it was the last that the host forwarded for', async () => {
    const { store, ...foreseen } = await departed(lab());
    await store.write((writer) => writer.removeContainer(first.id));
    expect(presume(store, DRIVERS, foreseen)).toBeUndefined();
  });

  test.each<[string, Partial<Endpoint>]>([
    ['without a link', { veth: '' }],
    ['with ports', { ports: [portWith()] }],
  ])('is looked at %s', async (_what, rest) => {
    const { store, ...foreseen } = await departed(lab(), rest);
    expect(presume(store, DRIVERS, foreseen)).toBeUndefined();
  });
});
