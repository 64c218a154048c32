import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../model/address.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { Store, StoreReader, StoreWriter } from './contract.ts';
import {
  containerOf,
  endpointOf,
  idOf,
  networkOf,
  subnetAt,
  temporaryPath,
  temporaryStore,
} from './rows.fixture.ts';
import { openStore } from './store.ts';

const LAN = networkOf('aa', [subnetAt('10.0.0.0/29', { gateway: parseAddress('10.0.0.1') })]);
const WEB = containerOf('c1');

function connect(
  writer: StoreWriter,
  rest: Partial<Endpoint> = {},
  container = WEB,
  network = LAN,
): Endpoint {
  const [subnet] = network.subnets;
  const taken = subnet && writer.takeAddress(network.id, subnet, rest.ipv4);
  const endpoint = endpointOf(network, container, writer.nextOrdinal(), taken, rest);
  writer.insertEndpoint(endpoint);
  return endpoint;
}

function seed(store: Store, ...networks: Network[]): Promise<void> {
  return store.write((writer) => {
    for (const network of networks) writer.insertNetwork(network);
    writer.insertContainer(WEB);
  });
}

describe('what is written is read again', () => {
  test('as it was known before, in whatever order the subnets came', async () => {
    const path = temporaryPath();
    const six = subnetAt('fd00::/64', {
      gateway: parseAddress('fd00::1'),
      aux: { a: parseAddress('fd00::9') },
    });
    const four = subnetAt('172.30.0.0/16', { automatic: true });
    const network = networkOf('ab', [six, four], { enableIPv6: true, ipamOptions: { x: 'y' } });
    const first = openStore(path);
    const inside = await first.write((writer) => {
      writer.insertNetwork(network);
      return writer.getNetwork(network.id);
    });
    const after = first.getNetwork(network.id);
    first.close();
    const read = temporaryStore(path).getNetwork(network.id);
    expect(read).toEqual({ ...network, subnets: [four, six] });
    expect([inside, after]).toEqual([read, read]);
  });

  test('after closing and opening', async () => {
    const path = temporaryPath();
    const dual = networkOf('ab', [
      subnetAt('172.30.0.0/16', {
        ipRange: { address: parseAddress('172.30.5.0'), length: 24 },
        gateway: parseAddress('172.30.0.1'),
        aux: { printer: parseAddress('172.30.0.9') },
        automatic: true,
      }),
      subnetAt('fd00::/64', { gateway: parseAddress('fd00::1') }),
    ]);
    const full = { ...dual, enableIPv6: true, ipamOptions: { x: 'y' }, configFrom: 'base' };
    const first = openStore(path);
    await seed(first, full, LAN);
    const endpoint = await first.write((writer) => connect(writer));
    const { daemonId } = first;
    first.close();

    const second = temporaryStore(path);
    expect(second.daemonId).toBe(daemonId);
    expect(second.listNetworks()).toEqual([full, LAN]);
    expect(second.getNetwork(full.id)).toEqual(full);
    expect(second.listContainers()).toEqual([WEB]);
    expect(second.listEndpoints()).toEqual([endpoint]);
    expect(second.getEndpoint(endpoint.id)).toEqual(endpoint);
    expect(second.findEndpointByVeth(endpoint.veth)).toEqual(endpoint);
    expect(second.findEndpointByMac(endpoint.networkId, endpoint.mac)).toEqual(endpoint);
    expect(second.findEndpointByMac('another', endpoint.mac)).toBeUndefined();
    expect(second.findEndpoint(LAN.id, WEB.id)).toEqual(endpoint);
    expect(second.listEndpointsOfNetwork(LAN.id)).toEqual([endpoint]);
    expect(second.listEndpointsOfContainer(WEB.id)).toEqual([endpoint]);
    expect(second.countEndpointsOfNetwork(LAN.id)).toBe(1);
  });

  test('updates replace what they may', async () => {
    const store = temporaryStore();
    await seed(store, LAN);
    const endpoint = await store.write((writer) => connect(writer));
    const moved = { ...endpoint, ifname: 'wan0', aliases: [], gwPriority: 5, ports: [] };
    const renamed = { ...WEB, name: 'other', state: 'exited' as const, identity: undefined, exitCode: 3 };
    await store.write((writer) => {
      writer.updateEndpoint(moved);
      writer.updateContainer(renamed);
      writer.updateNetwork({ id: LAN.id, labels: { new: '1' }, options: {} });
    });
    expect(store.getEndpoint(endpoint.id)).toEqual(moved);
    expect(store.getContainer(WEB.id)).toEqual(renamed);
    expect(store.getNetwork(LAN.id)).toEqual({ ...LAN, labels: { new: '1' }, options: {} });
  });

  test('ordinals are not used again', async () => {
    const store = temporaryStore();
    await seed(store, LAN);
    const first = await store.write((writer) => connect(writer));
    await store.write((writer) => writer.removeEndpoint(first.id));
    const second = await store.write((writer) => connect(writer));
    expect(second.ordinal).toBe(first.ordinal + 1);
    expect(second.ipv4).toEqual(first.ipv4);
  });
});

describe('what is read is what is in the tables', () => {
  test('within a change, after one that failed, after a rehearsal', async () => {
    const store = temporaryStore();
    await seed(store, LAN);
    const endpoint = await store.write((writer) => connect(writer));
    const moved = { ...endpoint, gwPriority: 9 };
    const move = (writer: StoreWriter): unknown => {
      writer.updateEndpoint(moved);
      return [writer.getEndpoint(endpoint.id), ...store.listEndpointsOfNetwork(LAN.id)];
    };
    expect(store.rehearse(move)).toEqual([moved, moved]);
    expect(store.getEndpoint(endpoint.id)).toEqual(endpoint);
    const failing = store.write((writer) => {
      move(writer);
      writer.removeContainer(WEB.id);
      throw new Error(`${writer.listContainers().length} containers, then no`);
    });
    await expect(failing).rejects.toThrow('0 containers, then no');
    expect([store.getEndpoint(endpoint.id), store.getContainer(WEB.id)]).toEqual([endpoint, WEB]);
    expect(await store.write(move)).toEqual([moved, moved]);
    expect(store.getEndpoint(endpoint.id)).toEqual(moved);
  });

  test('in lists too, before, within and after a change, a rehearsal and one that failed', async () => {
    const store = temporaryStore();
    await seed(store, LAN);
    const lists = (reader: StoreReader): readonly number[] =>
      [
        reader.listNetworks(),
        reader.listContainers(),
        reader.listEndpoints(),
        reader.listEndpointsOfNetwork(LAN.id),
      ].map(({ length }) => length);
    const grow = (writer: StoreWriter): unknown => {
      const seen = [lists(writer)];
      const other = networkOf('bb', []);
      const container = containerOf('c2');
      writer.insertNetwork(other);
      writer.insertContainer(container);
      seen.push(lists(writer));
      connect(writer);
      connect(writer, {}, container, other);
      return [...seen, lists(writer), lists(store)];
    };
    const seen = [
      [1, 1, 0, 0],
      [2, 2, 0, 0],
      [2, 2, 2, 1],
      [2, 2, 2, 1],
    ];
    expect(lists(store)).toEqual([1, 1, 0, 0]);
    expect(store.rehearse(grow)).toEqual(seen);
    expect(lists(store)).toEqual([1, 1, 0, 0]);
    const failing = store.write((writer) => {
      throw new Error(String(grow(writer)));
    });
    await expect(failing).rejects.toThrow(String(seen));
    expect(lists(store)).toEqual([1, 1, 0, 0]);
    expect(await store.write(grow)).toEqual(seen);
    expect(lists(store)).toEqual([2, 2, 2, 1]);
    await store.write((writer) => writer.removeNetwork(LAN.id));
    expect(lists(store)).toEqual([1, 2, 1, 0]);
    await store.write((writer) => writer.removeContainer(containerOf('c2').id));
    expect(lists(store)).toEqual([1, 1, 0, 0]);
  });

  test('an endpoint that went with its network is not found', async () => {
    const store = temporaryStore();
    await seed(store, LAN);
    const endpoint = await store.write((writer) => connect(writer));
    await store.write((writer) => writer.removeNetwork(LAN.id));
    expect([store.getEndpoint(endpoint.id), store.getNetwork(LAN.id)]).toEqual([undefined, undefined]);
  });
});

describe('finding by what a client wrote', () => {
  test('id, then name, then the beginning of an id', async () => {
    const store = temporaryStore();
    const other = networkOf('ab', [], { name: 'aa0' });
    await seed(store, LAN, other);
    expect(store.matchNetwork(LAN.id)).toEqual({ match: LAN, count: 1, by: 'id' });
    expect(store.matchNetwork('aa0')).toEqual({ match: other, count: 1, by: 'name' });
    expect(store.matchNetwork('aa00')).toEqual({ match: LAN, count: 1, by: 'prefix' });
    expect(store.matchNetwork('a')).toEqual({ match: undefined, count: 2, by: 'prefix' });
    for (const term of ['b', '', '%', 'zz', `${LAN.id}0`]) {
      expect(store.matchNetwork(term)).toEqual({ match: undefined, count: 0, by: 'none' });
    }
    expect(store.matchContainer('/c-c1')).toEqual({ match: WEB, count: 1, by: 'name' });
    expect(store.matchContainer('c1')).toEqual({ match: WEB, count: 1, by: 'prefix' });
  });
});

describe('what may not be together', () => {
  test.each<[string, string, string, (writer: StoreWriter) => unknown]>([
    [
      'a network name',
      'conflict',
      'network with name net-aa already exists',
      (writer) => writer.insertNetwork(networkOf('ff', [], { name: 'net-aa' })),
    ],
    [
      'a container name',
      'conflict',
      `Conflict. The container name "/c-c1" is already in use by container "${WEB.id}". You have to remove (or rename) that container to be able to reuse that name.`,
      (writer) => writer.insertContainer(containerOf('c9', { name: 'c-c1' })),
    ],
    [
      'a second endpoint in the network',
      'forbidden',
      'endpoint with name c-c1 already exists in network net-aa',
      (writer) => connect(writer, { ifname: 'eth7' }),
    ],
    [
      'an interface name in the container',
      'conflict',
      'interface name eth0 is in use in container c-c1: choose another',
      (writer) => {
        const other = networkOf('bb', [subnetAt('10.0.1.0/24')]);
        writer.insertNetwork(other);
        connect(writer, {}, WEB, other);
      },
    ],
    [
      'a MAC address',
      'conflict',
      'MAC address 02:42:00:00:00:01 is in use on network net-aa by container c-c1: choose another',
      (writer) => {
        const other = containerOf('c2');
        writer.insertContainer(other);
        connect(writer, { mac: '02:42:00:00:00:01' }, other);
      },
    ],
    [
      'a host interface',
      'conflict',
      'host interface veth0000001 is in use by container c-c1',
      (writer) => {
        const other = containerOf('c2');
        writer.insertContainer(other);
        connect(writer, { veth: 'veth0000001' }, other);
      },
    ],
    [
      'an address',
      'forbidden',
      'Address already in use',
      (writer) => connect(writer, { ipv4: parseAddress('10.0.0.2') }, containerOf('c2')),
    ],
  ])('%s', async (_what, kind, message, change) => {
    const store = temporaryStore();
    await seed(store, LAN);
    await store.write((writer) => connect(writer));
    const before = [store.listNetworks(), store.listContainers(), store.listEndpoints()];
    await expect(store.write(change)).rejects.toMatchObject({ name: 'VethdError', kind, message });
    expect([store.listNetworks(), store.listContainers(), store.listEndpoints()]).toEqual(before);
    expect(store.countTaken(LAN.id, 'ipv4')).toBe(4n);
  });

  test('memberships without an interface do not collide', async () => {
    const store = temporaryStore();
    const host = networkOf('a0', [], { driver: 'host', name: 'host' });
    const none = networkOf('a1', [], { driver: 'null', name: 'none' });
    const bare = { veth: '', ifname: '', mac: '' };
    await seed(store, host, none);
    await store.write((writer) => {
      const other = containerOf('c2');
      writer.insertContainer(other);
      connect(writer, bare, WEB, host);
      connect(writer, bare, other, host);
      connect(writer, bare, WEB, none);
    });
    expect(store.countEndpointsOfNetwork(host.id)).toBe(2);
  });

  test.each([
    ['same', '10.0.0.0/29'],
    ['smaller', '10.0.0.4/30'],
    ['larger', '10.0.0.0/8'],
  ])('a subnet that is the %s', async (_what, prefix) => {
    const store = temporaryStore();
    await seed(
      store,
      networkOf('01', [subnetAt('9.0.0.0/8')]),
      LAN,
      networkOf('02', [subnetAt('11.0.0.0/8')]),
    );
    const change = store.write((writer) => writer.insertNetwork(networkOf('ff', [subnetAt(prefix)])));
    await expect(change).rejects.toMatchObject({
      kind: 'forbidden',
      message: 'invalid pool request: Pool overlaps with other one on this address space',
    });
    expect(store.matchNetwork('net-ff').count).toBe(0);
    expect(store.listPools().map(({ networkName }) => networkName)).toEqual(['net-01', 'net-aa', 'net-02']);
  });

  test('config-only networks reserve nothing', async () => {
    const store = temporaryStore();
    const config = networkOf('cc', LAN.subnets, { configOnly: true });
    await seed(store, config, LAN);
    expect(store.listPools()).toHaveLength(1);
    expect(store.countTaken(config.id, 'ipv4')).toBe(0n);
    expect(store.getNetwork(config.id)).toEqual(config);
  });

  test('an endpoint whose address was not taken', async () => {
    const store = temporaryStore();
    await seed(store, LAN);
    const change = store.write((writer) =>
      writer.insertEndpoint(endpointOf(LAN, WEB, 1, parseAddress('10.0.0.5'))),
    );
    await expect(change).rejects.toThrow('was not taken');
    expect(store.listEndpoints()).toEqual([]);
  });
});

describe('removal', () => {
  test('of a container frees its addresses, of a network takes everything with it', async () => {
    const store = temporaryStore();
    await seed(store, LAN);
    const endpoint = await store.write((writer) => connect(writer));
    expect(endpoint.ipv4 && formatAddress(endpoint.ipv4)).toBe('10.0.0.2');
    await store.write((writer) => writer.removeContainer(WEB.id));
    expect([store.listContainers(), store.listEndpoints()]).toEqual([[], []]);
    expect(store.countTaken(LAN.id, 'ipv4')).toBe(3n);

    await store.write((writer) => {
      writer.insertContainer(WEB);
      connect(writer);
      writer.removeNetwork(LAN.id);
      writer.insertNetwork(LAN);
    });
    expect(store.listEndpoints()).toEqual([]);
    expect(store.countTaken(LAN.id, 'ipv4')).toBe(3n);
  });
});

describe('events', () => {
  const event = {
    type: 'network',
    action: 'create',
    actorId: idOf('aa'),
    attributes: { name: 'x' },
  } as const;
  const timeNano = 1_700_000_000_123_456_789n;

  test('keep their nanoseconds and never use a number again', async () => {
    const store = temporaryStore();
    const first = await store.write((writer) => writer.appendEvent({ ...event, timeNano }));
    expect(store.listEvents(0)).toEqual([{ ...event, timeNano, sequence: first.sequence }]);
    await store.write((writer) => writer.removeEvent(first.sequence));
    const second = await store.write((writer) => writer.appendEvent({ ...event, timeNano }));
    expect(second.sequence).toBe(first.sequence + 1);
    expect(store.listEvents(second.sequence)).toEqual([]);
  });

  test('the newest 4,096 stay, older ones go 64 at a time', async () => {
    const store = temporaryStore();
    await store.write((writer) => {
      for (let count = 0; count < 4200; count++) writer.appendEvent({ ...event, timeNano });
    });
    const kept = store.listEvents(0).map(({ sequence }) => sequence);
    expect([kept[0], kept.at(-1)]).toEqual([65, 4200]);
  });
});

describe('the file', () => {
  test('is for its owner alone, log files too', async () => {
    const path = temporaryPath();
    const store = temporaryStore(path);
    await seed(store, LAN);
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(`${path}${suffix}`).mode & 0o777).toBe(0o600);
  });

  test('damaged: refused by name and left as it was', async () => {
    const path = temporaryPath();
    const store = openStore(path);
    await seed(store, LAN);
    store.close();
    const bytes = readFileSync(path);
    bytes.fill(0x5a, 4096);
    writeFileSync(path, bytes);
    expect(() => openStore(path)).toThrow(expect.objectContaining({ kind: 'internal' }));
    expect(() => openStore(path)).toThrow(path);
    expect(readFileSync(path)).toEqual(bytes);
  });

  test('no database at all: the same', () => {
    const path = temporaryPath();
    writeFileSync(path, 'not a database, but long enough to be looked at as one by SQLite'.repeat(20));
    expect(() => openStore(path)).toThrow(/damaged/);
    expect(readFileSync(path, 'utf8')).toContain('not a database');
  });

  test('with a log that a dying daemon left: read from the log', async () => {
    const path = temporaryPath();
    const store = temporaryStore(path);
    await seed(store, LAN);
    const copy = temporaryPath();
    for (const suffix of ['', '-wal']) copyFileSync(`${path}${suffix}`, `${copy}${suffix}`);
    expect(temporaryStore(copy).listNetworks()).toEqual([LAN]);
  });

  test('in a folder that does not exist: refused by name', () => {
    expect(() => openStore('/nonexistent/folder/vethd.db')).toThrow(/\/nonexistent\/folder\/vethd.db/);
  });

  test.each([
    [
      'a migration unknown here',
      "UPDATE migrations SET name = '0001-other.sql' WHERE name LIKE '0001-%'",
      /another version/,
    ],
    ['a migration that was changed', "UPDATE migrations SET checksum = 'x'", /changed after it had run/],
    ['a newer one', "INSERT INTO migrations VALUES ('9999-new.sql', 'x')", /another version/],
  ])('made with %s: refused', (_what, sql, message) => {
    const path = temporaryPath();
    openStore(path).close();
    const database = new Database(path);
    database.exec(sql);
    database.close();
    expect(() => openStore(path)).toThrow(message);
  });
});
