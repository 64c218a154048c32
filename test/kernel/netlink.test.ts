import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Kernel, ObserveRequest } from '../../src/kernel/contract.ts';
import { openKernel, probeCapabilities } from '../../src/kernel/index.ts';
import { parseAddress, parsePrefix } from '../../src/model/address.ts';
import type { ObservedState } from '../../src/model/netstate.ts';
import { run } from '../helpers/commands.ts';
import { addNetns, ip, linksOf, removeNetns } from '../helpers/host.ts';
import {
  addressOf,
  bridgeOperations,
  connectOperations,
  macOf,
  named,
  refusals,
} from '../helpers/operations.ts';

const LINKS = 300;
const NOTHING: ObserveRequest = { host: [], hostSysctls: [], netns: [], scanNames: false };

let kernel: Kernel;

beforeAll(async () => {
  kernel = await openKernel();
});

afterAll(async () => {
  await kernel.close();
});

afterEach(async () => {
  for (const { ifname } of await linksOf()) if (ifname !== 'lo') await ip(['link', 'del', ifname]);
  for (const name of await kernel.listNetnsNames()) await removeNetns(name);
});

/** Makes the links b0 … with one process; deletes them as a group. */
async function makeLinks(count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, index) => `link add b${index} group 7 type bridge\n`);
  await run('ip', ['-batch', '-'], { input: lines.join('') });
}

/** What stays the same from one look to the next: the kernel sends packets of its own meanwhile. */
function withoutCounters(state: ObservedState) {
  return { ...state, links: state.links.map(({ counters: _, ...link }) => link) };
}

describe('observing', () => {
  test(`${LINKS} links in one dump are all there`, async () => {
    await makeLinks(LINKS);
    const { host } = await kernel.observe({ ...NOTHING, host: 'all' });
    const shown = await linksOf();
    expect(host.links.map(({ ifname, ifindex }) => [ifname, ifindex])).toEqual(
      shown.map(({ ifname, ifindex }) => [ifname, ifindex]),
    );
    expect(host.links.every(({ ifname, group }) => ifname === 'lo' || group === 7)).toBe(true);
    await ip(['link', 'del', 'group', '7']);
  });

  test('counters are told where they are asked for', async () => {
    await addNetns('a');
    await run('ip', ['netns', 'exec', 'a', 'ip', 'link', 'set', 'lo', 'up']);
    await run('ip', ['netns', 'exec', 'a', 'ping', '-c', '1', '127.0.0.1']);
    const request = {
      ...NOTHING,
      netns: [{ key: 'a', ref: { kind: 'name', name: 'a' } as const, sysctls: [] }],
    };
    const counters = async (isAsked: boolean) => {
      const found = (await kernel.observe({ ...request, counters: isAsked })).netns.get('a');
      return found?.status === 'present' ? found.state.links.map((link) => link.counters.rxPackets) : [];
    };
    expect(await counters(false)).toEqual([0]);
    expect(await counters(true)).toEqual([2]);
  });

  test('just the links that were asked for, and what is on them', async () => {
    await addNetns('a');
    const operations = [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)];
    expect(await refusals(kernel, operations, named('a'))).toEqual([]);
    await ip(['address', 'add', '192.0.2.1/24', 'dev', 'lo']);
    const { host } = await kernel.observe({
      ...NOTHING,
      host: [
        { ifname: 'br0', neighbours: [parseAddress(addressOf(2)), parseAddress(addressOf(9))], fdb: [] },
        { ifname: 'veth1', neighbours: [], fdb: [macOf(2), macOf(9)] },
        { ifname: 'nope', neighbours: [parseAddress(addressOf(2))], fdb: [macOf(2)] },
      ],
      hostSysctls: ['ipv4/ip_forward', 'ipv4/nope'],
    });
    await ip(['address', 'del', '192.0.2.1/24', 'dev', 'lo']);
    expect(host.links.map(({ ifname }) => ifname)).toEqual(['br0', 'veth1']);
    expect(host.addresses).toEqual([{ ifname: 'br0', prefix: parsePrefix('10.77.0.1/24'), ours: true }]);
    expect(host.routes).toMatchObject([{ ifname: 'br0', protocol: 'kernel', metric: 0 }]);
    expect(host.neighbours).toEqual([
      { ifname: 'br0', address: parseAddress(addressOf(2)), mac: macOf(2), ours: true },
    ]);
    expect(host.fdb).toEqual([{ ifname: 'veth1', mac: macOf(2) }]);
    expect(host.sysctls).toEqual([
      { key: 'ipv4/ip_forward', value: expect.stringMatching(/^[01]$/) },
      { key: 'ipv4/nope', value: undefined },
    ]);
  });

  test('many links by name, or everything, tell the same', async () => {
    await addNetns('a');
    const connect = [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)];
    expect(await refusals(kernel, connect, named('a'))).toEqual([]);
    await makeLinks(20);
    const all = withoutCounters((await kernel.observe({ ...NOTHING, host: 'all' })).host);
    const queries = all.links.map(({ ifname }) => ({
      ifname,
      neighbours: ifname === 'br0' ? [parseAddress(addressOf(2))] : [],
      fdb: ifname === 'veth1' ? [macOf(2)] : [],
    }));
    const { host } = await kernel.observe({ ...NOTHING, host: queries });
    expect(withoutCounters(host)).toEqual(all);
    await ip(['link', 'del', 'group', '7']);
  });

  test('a pair tells its other end from both sides', async () => {
    await addNetns('a');
    const operations = [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)];
    expect(await refusals(kernel, operations, named('a'))).toEqual([]);
    const netns = [{ key: 'a', ref: { kind: 'name', name: 'a' } as const, sysctls: [] }];
    const seen = await kernel.observe({ ...NOTHING, host: 'all', netns });
    const inside = seen.netns.get('a');
    if (inside?.status !== 'present') throw new Error('a is not there');
    const host = seen.host.links.find(({ ifname }) => ifname === 'veth1');
    const peer = inside.state.links.find(({ ifname }) => ifname === 'eth0');
    expect([host?.peerIndex, peer?.peerIndex]).toEqual([peer?.ifindex, host?.ifindex]);
    expect(host?.peerNetnsid).toBe(await kernel.nsidOf({ kind: 'name', name: 'a' }));
    expect([host?.kind, host?.port?.state, host?.carrier]).toEqual(['veth', 'forwarding', true]);
    expect(inside.state.routes).toMatchObject([
      { destination: parsePrefix('0.0.0.0/0'), gateway: parseAddress('10.77.0.1'), protocol: 'vethd' },
      { destination: parsePrefix('10.77.0.0/24'), protocol: 'kernel' },
    ]);
  });

  test('settings of a namespace are its own', async () => {
    await addNetns('a');
    await run('ip', ['netns', 'exec', 'a', 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    await run('sysctl', ['-qw', 'net.ipv4.ip_forward=0']);
    const key = 'ipv4/ip_forward';
    const netns = [{ key: 'a', ref: { kind: 'name', name: 'a' } as const, sysctls: [key] }];
    const seen = await kernel.observe({ ...NOTHING, hostSysctls: [key], netns });
    expect(seen.host.sysctls).toEqual([{ key, value: '0' }]);
    expect(seen.netns.get('a')).toMatchObject({ state: { sysctls: [{ key, value: '1' }] } });
  });

  test('namespaces that are not there or must not be entered are told as that', async () => {
    const { netns } = await kernel.observe({
      ...NOTHING,
      netns: [
        { key: 'gone', ref: { kind: 'name', name: 'gone' }, sysctls: [] },
        { key: 'bad', ref: { kind: 'path', path: '/etc/passwd' }, sysctls: [] },
      ],
    });
    expect(netns.get('gone')).toMatchObject({ status: 'absent' });
    expect(netns.get('bad')).toMatchObject({ status: 'refused' });
  });

  test('foreign addresses, routes and neighbours are told as foreign', async () => {
    await ip(['link', 'add', 'b0', 'up', 'type', 'bridge']);
    await ip(['address', 'add', '192.0.2.1/24', 'dev', 'b0']);
    await ip(['route', 'add', '198.51.100.0/24', 'via', '192.0.2.9', 'metric', '5']);
    await ip(['neigh', 'add', '192.0.2.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'b0']);
    const { host } = await kernel.observe({ ...NOTHING, host: 'all' });
    expect(host.addresses).toContainEqual({ ifname: 'b0', prefix: parsePrefix('192.0.2.1/24'), ours: false });
    expect(host.routes).toContainEqual({
      ifname: 'b0',
      destination: parsePrefix('198.51.100.0/24'),
      gateway: parseAddress('192.0.2.9'),
      source: undefined,
      metric: 5,
      protocol: 'other',
    });
    expect(host.neighbours).toMatchObject([{ ifname: 'b0', mac: '02:00:00:00:00:09', ours: false }]);
    const onLink = parsePrefix('192.0.2.0/24');
    const prefixes = await kernel.listOnLinkPrefixes(['ipv4']);
    expect(prefixes).toContainEqual(onLink);
    // It leads through a gateway.
    expect(prefixes).not.toContainEqual(parsePrefix('198.51.100.0/24'));
    const overlapping = [parsePrefix('192.0.2.128/25'), parsePrefix('198.51.100.0/24')];
    expect(await kernel.findOnLinkRoutes(overlapping)).toEqual([{ destination: onLink, ifname: 'b0' }]);
    expect(await kernel.findOnLinkRoutes([parsePrefix('192.0.3.0/24')])).toEqual([]);
    await ip(['address', 'add', '2001:db8::1/64', 'dev', 'b0']);
    await ip(['route', 'add', '2001:db8:1::/64', 'via', '2001:db8::9']);
    const onLink6 = parsePrefix('2001:db8::/64');
    expect(await kernel.listOnLinkPrefixes(['ipv4'])).not.toContainEqual(onLink6);
    const prefixes6 = await kernel.listOnLinkPrefixes(['ipv4', 'ipv6']);
    expect(prefixes6).toEqual(expect.arrayContaining([onLink, onLink6]));
    expect(prefixes6).not.toContainEqual(parsePrefix('2001:db8:1::/64'));
    expect(await kernel.findOnLinkRoutes([parsePrefix('2001:db8::/48'), overlapping[0] ?? onLink])).toEqual([
      { destination: onLink, ifname: 'b0' },
      { destination: onLink6, ifname: 'b0' },
    ]);
  });
});

test('links that come and go meanwhile do no harm to a dump', async () => {
  await makeLinks(LINKS);
  const churn = Array.from({ length: 40 }, (_, index) => `link add c${index} group 7 type bridge\n`);
  const changing = run('ip', ['-batch', '-'], { input: churn.join('') });
  for (let count = 0; count < 10; count++) {
    const { host } = await kernel.observe({ ...NOTHING, host: 'all' });
    const names = new Set(host.links.map(({ ifname }) => ifname));
    for (let index = 0; index < LINKS; index++) expect(names).toContain(`b${index}`);
  }
  await changing;
  await ip(['link', 'del', 'group', '7']);
});

test('calls are answered in their order, whatever they take', async () => {
  const done: string[] = [];
  const calls = ['first', 'second', 'third'].map(async (name) => {
    await kernel.observe({ ...NOTHING, host: name === 'first' ? 'all' : [] });
    done.push(name);
  });
  await Promise.all(calls);
  expect(done).toEqual(['first', 'second', 'third']);
});

test('this kernel can do what vethd needs', async () => {
  const before = await linksOf();
  const found = await probeCapabilities();
  const names = ['netns', 'bridge', 'veth', 'nftables', 'bridge-port-locked', 'address-protocol'];
  expect(found).toEqual(names.map((name) => ({ name, available: true, reason: '' })));
  expect(await linksOf()).toEqual(before);
});

test('a closed kernel refuses calls and ends quietly', async () => {
  const ends: Error[] = [];
  const second = await openKernel({ onFatal: (error) => ends.push(error) });
  await second.close();
  await second.close();
  await expect(second.listNetnsNames()).rejects.toMatchObject({ kind: 'unavailable' });
  expect(ends).toEqual([]);
});
