/** A host's end that is retired: shut when the answer goes, and taken away behind it. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { applyOperations } from '../../src/kernel/apply.ts';
import type { Kernel } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { Namespaces } from '../../src/kernel/netns.ts';
import { retiredName } from '../../src/kernel/requests.ts';
import { NetlinkSocket } from '../../src/kernel/socket.ts';
import { Targets } from '../../src/kernel/targets.ts';
import type { Operation } from '../../src/model/operation.ts';
import { run } from '../helpers/commands.ts';
import { addNetns, inNetns, ip, linksOf, ping, removeNetns } from '../helpers/host.ts';
import {
  addressOf,
  bridgeOperations,
  connectOperations,
  disconnectOperation,
  GATEWAY,
  macOf,
  named,
  refusals,
} from '../helpers/operations.ts';

const MEMBERS = ['a', 'b'];
/** Echo requests that a namespace has received, by nstat(8). */
const ECHOES = ['-asz', 'IcmpInEchos'];

let kernel: Kernel;
let namespaces: Namespaces;
let hostSocket: NetlinkSocket;

beforeAll(async () => {
  kernel = await openKernel();
  namespaces = new Namespaces({ netnsDir: '/run/netns', allowedPaths: [] });
  hostSocket = new NetlinkSocket();
});

afterAll(async () => {
  hostSocket.close();
  namespaces.close();
  await kernel.close();
});

beforeEach(async () => {
  for (const name of MEMBERS) await addNetns(name);
  const operations = [
    ...bridgeOperations('br0'),
    ...connectOperations('br0', 'a', 'veth1', 2),
    ...connectOperations('br0', 'b', 'veth2', 3),
  ];
  expect(await refusals(kernel, operations, named(...MEMBERS))).toEqual([]);
});

afterEach(async () => {
  await kernel.reap();
  for (const { ifname } of await linksOf()) if (ifname !== 'lo') await ip(['link', 'del', ifname]);
  for (const name of MEMBERS) await removeNetns(name);
});

/** Carries out Operations as the kernel thread does, but for what comes after the answer. */
async function apply(...operations: readonly Operation[]) {
  const netns = named(...MEMBERS);
  // The one that was worked in last is kept for whoever asks next.
  namespaces.forget();
  const context = {
    namespaces,
    hostSocket,
    applyRuleset: () => Promise.resolve({ ok: true } as const),
    changeElements: () => ({ ok: true }) as const,
    dropConnections: () => undefined,
  };
  const targets = new Targets(namespaces, hostSocket, netns);
  const { results, retired, finish } = await applyOperations(context, { operations, netns }, targets);
  expect([results.every(({ ok }) => ok), retired]).toEqual([true, true]);
  return finish;
}

async function linkOf(ifname: string) {
  return (await linksOf()).find((link) => link.ifname === ifname);
}

test.each([
  ['one for this member alone', ['locked', 'on', 'learning', 'off']],
  ['one that learns', ['locked', 'off', 'learning', 'on']],
])('%s lets nothing through, whatever is done inside, until it is taken away', async (_what, port) => {
  await run('bridge', ['link', 'set', 'dev', 'veth1', ...port]);
  const index = (await linkOf('veth1'))?.ifindex ?? 0;
  expect(await ping('a', addressOf(3))).toBe(true);
  const finish = await apply(disconnectOperation('a', 'veth1'));
  expect(await linkOf('veth1')).toMatchObject({ master: 'br0', flags: expect.arrayContaining(['UP']) });
  const [inside = ''] = (await linksOf('a')).map(({ ifname }) => ifname).filter((name) => name !== 'lo');
  expect(inside).toMatch(/^vd[0-9a-f]+$/);
  for (const state of ['up', 'down', 'up']) await ip(['link', 'set', inside, state], 'a');
  await ip(['addr', 'replace', `${addressOf(2)}/24`, 'dev', inside], 'a');
  await ip(['neigh', 'replace', GATEWAY.address, 'lladdr', GATEWAY.mac, 'dev', inside], 'a');
  await ip(['neigh', 'flush', 'dev', 'eth0'], 'b');
  const before = await run('nstat', ECHOES);
  const pings = [ping('a', GATEWAY.address), ping('a', addressOf(3)), ping('b', addressOf(2))];
  expect(await Promise.all([...pings, ping(undefined, addressOf(2))])).toEqual([false, false, false, false]);
  expect(await run('nstat', ECHOES)).toBe(before);
  // Neither what the other member asked of all, nor what it sends to the MAC that it knows.
  await ip(['neigh', 'replace', addressOf(2), 'lladdr', macOf(2), 'dev', 'eth0'], 'b');
  expect(await ping('b', addressOf(2))).toBe(false);
  expect(await ip(['neigh', 'show', 'dev', inside], 'a')).not.toContain(macOf(3));
  expect(await inNetns('a', 'nstat', ...ECHOES)).toMatch(/IcmpInEchos +0 /);
  expect(await ping('b', GATEWAY.address)).toBe(true);
  expect(finish?.()).toEqual([]);
  expect(await linkOf('veth1')).toBeUndefined();
  expect(await linkOf(retiredName(index))).toMatchObject({ flags: expect.not.arrayContaining(['UP']) });
  expect(await linkOf(retiredName(index))).not.toHaveProperty('master');
});

test('is taken away at once where another link is made after it', async () => {
  const again = connectOperations('br0', 'a', 'veth1', 4);
  expect(await apply(disconnectOperation('a', 'veth1'), ...again)).toBeUndefined();
  expect(await ping('a', addressOf(3))).toBe(true);
});

test('is taken away at once where it is no port that could be shut, and others are shut', async () => {
  await ip(['link', 'set', 'veth1', 'nomaster']);
  const finish = await apply(disconnectOperation('a', 'veth1'), disconnectOperation('b', 'veth2'));
  expect([await linkOf('veth1'), await linkOf('veth2')]).toMatchObject([undefined, { master: 'br0' }]);
  expect(finish?.()).toEqual([]);
  expect(await linkOf('veth2')).toBeUndefined();
});

test('that cannot be taken away is told as a change, and one that has gone is not', async () => {
  const index = (await linkOf('veth1'))?.ifindex ?? 0;
  await ip(['link', 'add', retiredName(index), 'type', 'bridge']);
  const finish = await apply(disconnectOperation('a', 'veth1'), disconnectOperation('b', 'veth2'));
  await ip(['link', 'del', 'veth2']);
  expect(finish?.()).toEqual([{ kind: 'network', nsid: undefined, ifname: 'veth1' }]);
});
