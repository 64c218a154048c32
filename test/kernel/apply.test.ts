import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Kernel } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { parseAddress, parsePrefix } from '../../src/model/address.ts';
import { HOST, RETIRED_ALIAS } from '../../src/model/netstate.ts';
import type { Operation } from '../../src/model/operation.ts';
import { run } from '../helpers/commands.ts';
import { addNetns, inNetns, ip, linksOf, ping, removeNetns, snapshot } from '../helpers/host.ts';
import {
  addressOf,
  bridgeLink,
  bridgeOperations,
  connectOperations,
  disconnectOperation,
  macOf,
  named,
  peerLink,
  refusals,
  vethLink,
} from '../helpers/operations.ts';
import { until } from '../helpers/until.ts';

let kernel: Kernel;
let before: Awaited<ReturnType<typeof snapshot>>;

beforeAll(async () => {
  before = await snapshot();
  kernel = await openKernel();
});

afterAll(async () => {
  await kernel.close();
});

afterEach(async () => {
  await kernel.reap();
  for (const { ifname } of await linksOf()) {
    if (ifname !== 'lo') await ip(['link', 'del', ifname]).catch(() => undefined);
  }
  for (const name of await kernel.listNetnsNames()) await removeNetns(name);
  await until('lo alone is left', async () => (await linksOf()).length === 1);
  expect(await snapshot()).toEqual(before);
});

const on = { netns: HOST, object: 'x' } as const;

async function linkOf(ifname: string, netns?: string) {
  return (await linksOf(netns)).find((link) => link.ifname === ifname);
}

describe('a connect', () => {
  beforeEach(async () => {
    await addNetns('a');
    expect(await refusals(kernel, bridgeOperations('br0'), new Map())).toEqual([]);
  });

  test('ends with packets that flow', async () => {
    expect(await refusals(kernel, connectOperations('br0', 'a', 'veth1', 2), named('a'))).toEqual([]);
    expect(await ping('a', '10.77.0.1')).toBe(true);
    expect(await ping(undefined, addressOf(2))).toBe(true);
  });

  test('leaves both ends as asked for', async () => {
    await refusals(kernel, connectOperations('br0', 'a', 'veth1', 2), named('a'));
    const host = await linkOf('veth1');
    const inside = await linkOf('eth0', 'a');
    expect(host).toMatchObject({ mtu: 1400, master: 'br0', ifalias: 'vethd:veth1', group: 'default' });
    expect(host?.linkinfo?.info_slave_data).toMatchObject({ locked: true, learning: false, guard: true });
    expect(inside).toMatchObject({ mtu: 1400, address: macOf(2), ifalias: 'vethd:veth1' });
    expect(host).toMatchObject({ inet6_addr_gen_mode: 'none', num_tx_queues: 1, num_rx_queues: 1 });
    expect(inside).toMatchObject({ inet6_addr_gen_mode: 'none', num_tx_queues: 1, num_rx_queues: 1 });
    expect(await ip(['route', 'show'], 'a')).toContain('default via 10.77.0.1 dev eth0 proto 118');
    expect(await ip(['neigh', 'show'], 'a')).toContain('PERMANENT proto 118');
    expect(await run('bridge', ['fdb', 'show', 'dev', 'veth1'])).toContain(`${macOf(2)} master br0 static`);
  });

  test('many at once are many connects', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `n${index + 2}`);
    for (const name of names) await addNetns(name);
    const connects = names.map((name, index) => connectOperations('br0', name, `v${name}`, index + 2));
    const ranked = [0, 1, 2].flatMap((part) =>
      connects.flatMap((operations) =>
        part === 0 ? operations.slice(0, 1) : part === 1 ? operations.slice(1, 5) : operations.slice(5),
      ),
    );
    expect(await refusals(kernel, ranked, named(...names))).toEqual([]);
    for (const name of ['n2', 'n20', 'n41']) expect(await ping(name, '10.77.0.1')).toBe(true);
    const gone = names.map((name) => disconnectOperation(name, `v${name}`));
    expect(await refusals(kernel, gone, named(...names))).toEqual([]);
    expect(await linkOf('eth0', 'n20')).toBeUndefined();
  });

  test('a name that is taken stays a stranger’s', async () => {
    await ip(['link', 'add', 'veth1', 'type', 'bridge']);
    const results = await refusals(kernel, connectOperations('br0', 'a', 'veth1', 2), named('a'));
    expect(results[0]).toBe('createVeth EEXIST');
    expect(await linkOf('veth1')).not.toHaveProperty('ifalias');
    expect(await linkOf('eth0', 'a')).toBeUndefined();
  });

  test('a peer’s name that is taken stays a stranger’s, and nothing is left of the connect', async () => {
    await ip(['link', 'add', 'eth0', 'type', 'bridge'], 'a');
    const stranger = await linkOf('eth0', 'a');
    const setting: Operation = {
      op: 'setSysctl',
      netns: 'a',
      object: 'x',
      sysctl: { key: 'ipv4/conf/eth0/forwarding', value: '0' },
    };
    await inNetns('a', 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/eth0/forwarding');
    const operations = [...connectOperations('br0', 'a', 'veth1', 2), setting];
    const results = await refusals(kernel, operations, named('a'));
    expect(results).toEqual([
      'createVeth EEXIST',
      'changeLink ENODEV',
      'addAddress ENODEV',
      'addRoute ENODEV',
      'addNeighbour ENODEV',
      'addFdbEntry ENODEV',
      'settleCarrier ENODEV',
      'setSysctl ENODEV',
    ]);
    expect((await inNetns('a', 'cat', '/proc/sys/net/ipv4/conf/eth0/forwarding')).trim()).toBe('1');
    expect(await linkOf('eth0', 'a')).toEqual(stranger);
    expect(await linkOf('veth1')).toBeUndefined();
  });

  test('into a namespace that is another one now changes nothing', async () => {
    const identity = { bootId: kernel.bootId, inode: '4:1' };
    const netns = new Map([['a', { ref: { kind: 'name', name: 'a' } as const, identity }]]);
    const results = await kernel.apply({ operations: connectOperations('br0', 'a', 'veth1', 2), netns });
    expect(results.slice(0, 5).map((result) => (result.ok ? '' : result.errno))).toEqual(
      Array(5).fill('ESTALE'),
    );
    expect(await linkOf('veth1')).toBeUndefined();
  });

  test('without its bridge is refused, and what follows goes on', async () => {
    const operations: Operation[] = [
      ...connectOperations('nobr', 'a', 'veth1', 2).slice(0, 1),
      { ...on, op: 'changeLink', ifname: 'br0', change: { mtu: 1300 } },
    ];
    expect(await refusals(kernel, operations, named('a'))).toEqual(['createVeth ENODEV']);
    expect(await linkOf('br0')).toMatchObject({ mtu: 1300 });
  });
});

describe('a disconnect', () => {
  beforeEach(async () => {
    await addNetns('a');
    const operations = [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)];
    expect(await refusals(kernel, operations, named('a'))).toEqual([]);
  });

  test('stops traffic and frees the name inside at once, the host’s before anything else is done', async () => {
    expect(await refusals(kernel, [disconnectOperation('a', 'veth1')], named('a'))).toEqual([]);
    expect(await linkOf('eth0', 'a')).toBeUndefined();
    expect(await ping('a', '10.77.0.1')).toBe(false);
    await kernel.listNetnsNames();
    expect(await linkOf('veth1')).toBeUndefined();
  });

  test('leaves nothing after the reap', async () => {
    await refusals(kernel, [disconnectOperation('a', 'veth1')], named('a'));
    await kernel.reap();
    expect((await linksOf()).map(({ ifname }) => ifname)).toEqual(['lo', 'br0']);
    expect((await linksOf('a')).map(({ ifname }) => ifname)).toEqual(['lo']);
  });

  test('and the same connect again in one list', async () => {
    const again = [disconnectOperation('a', 'veth1'), ...connectOperations('br0', 'a', 'veth1', 3)];
    expect(await refusals(kernel, again, named('a'))).toEqual([]);
    await kernel.reap();
    expect(await ping('a', '10.77.0.1')).toBe(true);
    expect(await linkOf('eth0', 'a')).toMatchObject({ address: macOf(3) });
  });

  test('of a namespace that is gone takes the host’s end', async () => {
    expect(await refusals(kernel, [disconnectOperation('b', 'veth1')], named('b'))).toEqual([]);
    await kernel.listNetnsNames();
    expect(await linkOf('veth1')).toBeUndefined();
  });

  test('does not touch a stranger’s link that has the peer’s name', async () => {
    await ip(['link', 'set', 'eth0', 'down'], 'a');
    await ip(['link', 'set', 'eth0', 'name', 'other0'], 'a');
    await ip(['link', 'add', 'eth0', 'up', 'type', 'bridge'], 'a');
    expect(await refusals(kernel, [disconnectOperation('a', 'veth1')], named('a'))).toEqual([]);
    expect(await linkOf('eth0', 'a')).toMatchObject({ flags: expect.arrayContaining(['UP']) });
    expect(await linkOf('other0', 'a')).toBeUndefined();
  });

  test('of what is not there says so', async () => {
    expect(await refusals(kernel, [disconnectOperation('a', 'nope')], named('a'))).toEqual([
      'retireLink ENODEV',
    ]);
  });

  test('reaps a stranger’s link never, ours of an earlier run always', async () => {
    await ip(['link', 'add', 'foreign', 'type', 'bridge']);
    await ip(['link', 'add', 'left', 'group', String(0x72657472), 'type', 'bridge']);
    await ip(['link', 'set', 'left', 'alias', RETIRED_ALIAS]);
    await kernel.reap();
    expect((await linksOf()).map(({ ifname }) => ifname)).toEqual(['lo', 'br0', 'veth1', 'foreign']);
  });
});

describe('changes of a link', () => {
  beforeEach(async () => {
    expect(await refusals(kernel, bridgeOperations('br0'), new Map())).toEqual([]);
  });

  test('a new name while it is up', async () => {
    const change = { ifname: 'br1', alias: 'vethd:new' };
    expect(await refusals(kernel, [{ ...on, op: 'changeLink', ifname: 'br0', change }], new Map())).toEqual(
      [],
    );
    expect(await linkOf('br1')).toMatchObject({
      ifalias: 'vethd:new',
      flags: expect.arrayContaining(['UP']),
    });
  });

  test('into and out of a bridge', async () => {
    await ip(['link', 'add', 'p0', 'type', 'bridge']);
    await ip(['link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1']);
    const port = {
      isolated: true,
      locked: false,
      learning: true,
      neighSuppress: false,
      hairpin: false,
      guard: false,
    };
    const into: Operation = { ...on, op: 'changeLink', ifname: 'v0', change: { master: 'br0', port } };
    expect(await refusals(kernel, [into], new Map())).toEqual([]);
    expect((await linkOf('v0'))?.linkinfo?.info_slave_data).toMatchObject({ isolated: true });
    const out: Operation = { ...on, op: 'changeLink', ifname: 'v0', change: { master: '' } };
    expect(await refusals(kernel, [out], new Map())).toEqual([]);
    expect(await linkOf('v0')).not.toHaveProperty('master');
  });

  test('addresses, routes and settings come and go', async () => {
    const prefix = parsePrefix('fd77::1/64');
    const route = {
      ifname: 'br0',
      destination: parsePrefix('10.99.0.0/16'),
      gateway: undefined,
      source: undefined,
      metric: 0,
      protocol: 'vethd',
    } as const;
    const entry: Operation[] = [
      { ...on, op: 'addAddress', address: { ifname: 'br0', prefix } },
      { ...on, op: 'addRoute', route },
      { ...on, op: 'setSysctl', sysctl: { key: 'ipv4/conf/br0/forwarding', value: '1' } },
    ];
    expect(await refusals(kernel, entry, new Map())).toEqual([]);
    expect(await ip(['-6', 'address', 'show', 'dev', 'br0'])).toContain('fd77::1/64');
    expect(await ip(['route', 'show', '10.99.0.0/16'])).toContain('dev br0 proto 118 scope link');
    expect(await run('cat', ['/proc/sys/net/ipv4/conf/br0/forwarding'])).toBe('1');
    const exit: Operation[] = [
      { ...on, op: 'removeAddress', address: { ifname: 'br0', prefix } },
      { ...on, op: 'removeRoute', route },
      {
        ...on,
        op: 'removeNeighbour',
        neighbour: { ifname: 'br0', address: parseAddress('10.77.0.9'), mac: macOf(9) },
      },
    ];
    expect(await refusals(kernel, exit, new Map())).toEqual(['removeNeighbour ENOENT']);
    expect(await ip(['-6', 'address', 'show', 'dev', 'br0'])).not.toContain('fd77::1/64');
    expect(await ip(['route', 'show', '10.99.0.0/16'])).toBe('');
  });

  test('a setting that does not exist, or leads elsewhere', async () => {
    const keys = ['ipv4/conf/nope/forwarding', 'ipv4/../../kernel/hostname'];
    const operations: Operation[] = keys.map((key) => ({
      ...on,
      op: 'setSysctl',
      sysctl: { key, value: '1' },
    }));
    expect(await refusals(kernel, operations, new Map())).toEqual(['setSysctl ENOENT', 'setSysctl EINVAL']);
  });

  test('the kernel’s own words are in the refusal', async () => {
    const operation: Operation = {
      ...on,
      op: 'addAddress',
      address: { ifname: 'br0', prefix: parsePrefix('10.77.0.1/24') },
    };
    const [result] = await kernel.apply({ operations: [operation], netns: new Map() });
    expect(result).toEqual({ ok: false, errno: 'EEXIST', reason: 'ipv4: Address already assigned' });
  });
});

test('a thousand Operations in one list, a thousand answers', async () => {
  const operations = Array.from({ length: 1000 }, (_, index): Operation => {
    const link = { ...bridgeLink(`b${index % 250}`), up: false };
    return index < 250
      ? { ...on, op: 'createBridge', link }
      : { ...on, op: 'changeLink', ifname: link.ifname, change: { alias: `vethd:${index}`, mtu: 1400 } };
  });
  expect(await refusals(kernel, operations, new Map())).toEqual([]);
  expect(await linkOf('b249')).toMatchObject({ ifalias: 'vethd:999', mtu: 1400 });
  const gone = operations
    .slice(0, 250)
    .map(
      ({ op: _ }, index): Operation => ({ ...on, op: 'retireLink', ifname: `b${index}`, peer: undefined }),
    );
  expect(await refusals(kernel, gone, new Map())).toEqual([]);
});

test('what a crash left between birth and mark is gone at the next start', async () => {
  await ip(['link', 'add', 'born', 'group', String(0x6e657762), 'type', 'bridge']);
  const second = await openKernel();
  expect(await linkOf('born')).toBeUndefined();
  await second.close();
});

test('no pass keeps a namespace alive', async () => {
  await addNetns('a');
  const operations = [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)];
  expect(await refusals(kernel, operations, named('a'))).toEqual([]);
  const netns = [{ key: 'a', ref: { kind: 'name', name: 'a' } as const, sysctls: [] }];
  await kernel.observe({ host: 'all', hostSysctls: [], netns, scanNames: true });
  await removeNetns('a');
  await until('the veth goes with its namespace', async () => (await linkOf('veth1')) === undefined);
});

test('ends in a namespace as in the host', async () => {
  await addNetns('a');
  const pair: Operation = {
    ...on,
    op: 'createVeth',
    link: { ...vethLink('v0', '', 'a'), port: undefined },
    peer: peerLink('v0', 5),
    peerNetns: 'a',
  };
  const gone: Operation = { op: 'retireLink', netns: 'a', object: 'x', ifname: 'eth0', peer: undefined };
  expect(await refusals(kernel, [pair, gone], named('a'))).toEqual([]);
  expect(await inNetns('a', 'ls', '/sys/class/net')).not.toContain('eth0');
});
