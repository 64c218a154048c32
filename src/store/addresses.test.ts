import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Address,
  addressAt,
  containsAddress,
  firstAddress,
  formatAddress,
  lastAddress,
  type Prefix,
  parseAddress,
  parsePrefix,
  sizeOf,
} from '../model/address.ts';
import type { Network, Subnet } from '../model/network.ts';
import type { Store, StoreWriter } from './contract.ts';
import { containerOf, endpointOf, networkOf, subnetAt, temporaryStore } from './rows.fixture.ts';

/** Takes an address with an endpoint that holds it. */
function connect(writer: StoreWriter, network: Network, subnet: Subnet, wish?: Address): Address | undefined {
  const address = writer.takeAddress(network.id, subnet, wish);
  if (address === undefined) return undefined;
  const ordinal = writer.nextOrdinal();
  const container = containerOf(ordinal.toString(16).padStart(8, '0'));
  writer.insertContainer(container);
  const held = address.family === 'ipv4' ? { ipv4: address } : { ipv4: undefined, ipv6: address };
  writer.insertEndpoint(endpointOf(network, container, ordinal, held.ipv4, held));
  return address;
}

function release(writer: StoreWriter, network: Network, address: Address): void {
  const endpoint = writer
    .listEndpointsOfNetwork(network.id)
    .find((other) => other[address.family]?.value === address.value);
  if (endpoint !== undefined) writer.removeContainer(endpoint.containerId);
}

async function withSubnet(subnet: Subnet): Promise<{ store: Store; network: Network }> {
  const store = temporaryStore();
  const network = networkOf('aa', [subnet]);
  await store.write((writer) => writer.insertNetwork(network));
  return { store, network };
}

/** All addresses that a fresh subnet gives, lowest first. */
async function allOf(subnet: Subnet): Promise<string[]> {
  const { store, network } = await withSubnet(subnet);
  return store.rehearse((writer) => {
    const given: string[] = [];
    for (;;) {
      const address = writer.takeAddress(network.id, subnet, undefined);
      if (address === undefined) return given;
      given.push(formatAddress(address));
    }
  });
}

describe('what is given out', () => {
  test.each<[string, Subnet, string[]]>([
    ['/30', subnetAt('10.0.0.0/30'), ['10.0.0.1', '10.0.0.2']],
    ['/31 has no edges', subnetAt('10.0.0.0/31'), ['10.0.0.0', '10.0.0.1']],
    ['/32', subnetAt('10.0.0.7/32'), ['10.0.0.7']],
    ['/126 has no broadcast', subnetAt('fd00::/126'), ['fd00::1', 'fd00::2', 'fd00::3']],
    ['gateway', subnetAt('10.0.0.0/30', { gateway: parseAddress('10.0.0.1') }), ['10.0.0.2']],
    [
      'auxiliary addresses',
      subnetAt('10.0.0.0/29', { aux: { a: parseAddress('10.0.0.2'), b: parseAddress('10.0.0.4') } }),
      ['10.0.0.1', '10.0.0.3', '10.0.0.5', '10.0.0.6'],
    ],
    [
      'of the range only',
      subnetAt('10.0.0.0/24', { ipRange: parsePrefix('10.0.0.128/30'), gateway: parseAddress('10.0.0.1') }),
      ['10.0.0.128', '10.0.0.129', '10.0.0.130', '10.0.0.131'],
    ],
    [
      'of the range at the end',
      subnetAt('10.0.0.0/24', { ipRange: parsePrefix('10.0.0.252/30') }),
      ['10.0.0.252', '10.0.0.253', '10.0.0.254'],
    ],
  ])('%s', async (_what, subnet, addresses) => {
    expect(await allOf(subnet)).toEqual(addresses);
  });

  test.each(['10.0.0.0', '10.0.0.255', '10.0.0.1', '10.0.0.9'])('not the reserved %s', async (text) => {
    const subnet = subnetAt('10.0.0.0/24', {
      gateway: parseAddress('10.0.0.1'),
      aux: { printer: parseAddress('10.0.0.9') },
    });
    const { store, network } = await withSubnet(subnet);
    const change = store.write((writer) => writer.takeAddress(network.id, subnet, parseAddress(text)));
    await expect(change).rejects.toMatchObject({ kind: 'forbidden', message: 'Address already in use' });
  });

  test('a wish may lie outside the range', async () => {
    const subnet = subnetAt('10.0.0.0/24', { ipRange: parsePrefix('10.0.0.128/30') });
    const { store, network } = await withSubnet(subnet);
    const wish = parseAddress('10.0.0.9');
    expect(store.rehearse((writer) => writer.takeAddress(network.id, subnet, wish))).toEqual(wish);
  });

  test.each([
    ['the gateway', { gateway: parseAddress('10.0.0.0') }, 'failed to allocate gateway (10.0.0.0)'],
    [
      'an auxiliary address',
      { gateway: parseAddress('10.0.0.1'), aux: { nas: parseAddress('10.0.0.1') } },
      'failed to allocate secondary ip address nas (10.0.0.1)',
    ],
  ])('%s that is reserved already is refused', async (_what, rest, message) => {
    const change = withSubnet(subnetAt('10.0.0.0/24', rest));
    await expect(change).rejects.toMatchObject({
      kind: 'forbidden',
      message: `${message}: Address already in use`,
    });
  });

  test.each(['10.0.0.0/8', 'fd00::/64', '2000::/4'])('%s as easily as a small one', async (prefix) => {
    const subnet = subnetAt(prefix);
    const { store, network } = await withSubnet(subnet);
    const edges = prefix.includes(':') ? 1n : 2n;
    const { family } = subnet.prefix.address;
    expect(store.countTaken(network.id, family)).toBe(edges);
    const high = addressAt(lastAddress(subnet.prefix), -7n);
    await store.write((writer) => {
      expect(connect(writer, network, subnet)).toEqual(addressAt(firstAddress(subnet.prefix), 1n));
      expect(connect(writer, network, subnet, high)).toEqual(high);
    });
    expect(store.countTaken(network.id, family)).toBe(edges + 2n);
  });
});

/** The same rules, one address at a time. */
class NaiveSubnet {
  readonly #free = new Set<bigint>();
  readonly #ipRange: Prefix | undefined;
  constructor(subnet: Subnet) {
    const { value } = firstAddress(subnet.prefix);
    for (let offset = 1n; offset < sizeOf(subnet.prefix) - 1n; offset++) this.#free.add(value + offset);
    this.#ipRange = subnet.ipRange;
  }
  get free(): number {
    return this.#free.size;
  }
  lowest(): bigint | undefined {
    const range = this.#ipRange;
    return [...this.#free]
      .filter((value) => range === undefined || containsAddress(range, { family: 'ipv4', value }))
      .sort((a, b) => (a < b ? -1 : 1))[0];
  }
  take(value: bigint): boolean {
    return this.#free.delete(value);
  }
  giveBack(value: bigint): void {
    this.#free.add(value);
  }
}

type Step = { readonly kind: 'lowest' | 'wish' | 'giveBack'; readonly pick: number };

const steps = fc.array(
  fc.record<Step>({ kind: fc.constantFrom('lowest', 'wish', 'giveBack'), pick: fc.nat(63) }),
  { maxLength: 80 },
);

test('any sequence of taking and giving back does what a set of addresses would do', async () => {
  const plain = subnetAt('10.0.0.0/26');
  const ranged = subnetAt('10.0.1.0/26', { ipRange: parsePrefix('10.0.1.16/28') });
  const store = temporaryStore();
  await store.write((writer) => {
    writer.insertNetwork(networkOf('aa', [plain]));
    writer.insertNetwork(networkOf('bb', [ranged]));
  });
  fc.assert(
    fc.property(fc.constantFrom('aa', 'bb'), steps, (id, sequence) => {
      const subnet = id === 'aa' ? plain : ranged;
      store.rehearse((writer) => follow(writer, networkOf(id, [subnet]), subnet, sequence));
    }),
    { numRuns: 60 },
  );
});

function follow(writer: StoreWriter, network: Network, subnet: Subnet, sequence: readonly Step[]): void {
  const naive = new NaiveSubnet(subnet);
  const held = new Set<bigint>();
  for (const { kind, pick } of sequence) {
    if (kind === 'giveBack') {
      const value = [...held][pick % Math.max(held.size, 1)];
      if (value === undefined) continue;
      release(writer, network, { family: 'ipv4', value });
      held.delete(value);
      naive.giveBack(value);
    } else if (kind === 'wish') {
      const wish = addressAt(firstAddress(subnet.prefix), BigInt(pick));
      const taking = () => connect(writer, network, subnet, wish);
      if (naive.take(wish.value)) held.add(taking()?.value ?? -1n);
      else expect(taking).toThrow('Address already in use');
    } else {
      const expected = naive.lowest();
      expect(connect(writer, network, subnet)?.value).toBe(expected);
      if (expected !== undefined) {
        naive.take(expected);
        held.add(expected);
      }
    }
    expect(writer.countTaken(network.id, 'ipv4')).toBe(64n - BigInt(naive.free));
  }
}
