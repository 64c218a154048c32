/** Passes that go by what is presumed: right without a look, and with one where it was wrong. */
import { expect, test } from 'vitest';
import { fromNetworkCreate } from '../../src/api/networks/wire.ts';
import { MAX_MINOR } from '../../src/api/version.ts';
import { connect as connectVerb } from '../../src/engine/connect.ts';
import { createNetwork } from '../../src/engine/create-network.ts';
import { disconnect as disconnectVerb } from '../../src/engine/disconnect.ts';
import type { Container, NetnsIdentity } from '../../src/model/container.ts';
import { EMPTY_ENDPOINT_SPEC } from '../../src/model/endpoint.ts';
import type { PassResult } from '../../src/reconcile/loop.ts';
import { EVERYTHING, scopeOf } from '../../src/reconcile/scope.ts';
import { endpointOf, networkOf } from '../../src/reconcile/worlds.fixture.ts';
import { addNetns, inNetns, ip, linksOf, ping, removeNetns, type ShownLink } from '../helpers/host.ts';
import { contextOver, reconcilerForFile } from '../helpers/reconciler-for-file.ts';
import { until } from '../helpers/until.ts';

const LAB = networkOf('a', 'lab', { ipv6: true, internal: false, options: {} });
const BRIDGE = `br-${LAB.network.id.slice(0, 12)}`;
const GATEWAY = '10.10.0.1';

const rooms = reconcilerForFile();

async function linkOf(ifname: string, netns?: string): Promise<ShownLink | undefined> {
  return (await linksOf(netns)).find((link) => link.ifname === ifname);
}

async function identityOf(name: string): Promise<NetnsIdentity> {
  const probe = await rooms.kernel.probeNetns({ kind: 'name', name });
  if (probe.status !== 'present') throw new Error(probe.reason);
  return probe.identity;
}

function containerOf(name: string, identity: NetnsIdentity): Container {
  const time = '2026-01-01T00:00:00Z';
  return {
    id: Buffer.from(name).toString('hex').padEnd(64, '0'),
    name,
    created: time,
    source: { kind: 'named', netnsName: name },
    state: 'running',
    identity,
    startedAt: time,
    finishedAt: '0001-01-01T00:00:00Z',
    exitCode: 0,
    networkMode: '',
    labels: {},
    pending: {},
    config: {},
  };
}

/** Connects the container as a verb does; gives the endpoint, what the pass came to, and how often it looked. */
async function connect(name: string, host: number, identity?: NetnsIdentity) {
  const container = containerOf(name, identity ?? (await identityOf(name)));
  const address = `10.10.0.${host}`;
  const endpoint = endpointOf(`e${host}`, LAB, container.id, 'eth0', address, `fd00:0:0:a::${host}`);
  const before = rooms.looks;
  const scope = await rooms.store.write((writer) => {
    writer.insertContainer(container);
    for (const [index, one] of [endpoint.ipv4, endpoint.ipv6].entries()) {
      const subnet = LAB.network.subnets[index];
      if (subnet !== undefined && one !== undefined) writer.takeAddress(LAB.network.id, subnet, one);
    }
    writer.insertEndpoint({ ...endpoint, ordinal: writer.nextOrdinal() });
    const asked = scopeOf({ networks: [LAB.network.id], containers: [container.id] });
    rooms.reconciler.anticipate(asked, { endpoint: endpoint.id });
    return asked;
  });
  const result = await rooms.reconciler.reconcile(scope);
  return { endpoint, container, result, looks: rooms.looks - before };
}

const LIVE = { dryRun: false };

const contextOf = () => contextOver(rooms);

/** What a look at everything would still change. */
async function leftToDo(): Promise<readonly string[]> {
  return (await rooms.reconciler.reconcile(EVERYTHING, 'asked')).commands();
}

function errorsOf({ failures }: PassResult): unknown[] {
  return [...failures.values()].map(({ errno }) => errno);
}

test('a network, without a look', async () => {
  const scope = await rooms.store.write((writer) => {
    writer.insertNetwork(LAB.network);
    const asked = scopeOf({ networks: [LAB.network.id] });
    rooms.reconciler.anticipate(asked, { network: LAB.network.id });
    return asked;
  });
  const { failures } = await rooms.reconciler.reconcile(scope);
  expect([failures.size, rooms.looks]).toEqual([0, 0]);
  expect(await linkOf(BRIDGE)).toMatchObject({ flags: expect.arrayContaining(['UP']) });
  expect(await leftToDo()).toEqual([]);
});

test('a member, without a look as soon as another one is there', async () => {
  for (const name of ['one', 'two']) await addNetns(name);
  const one = await connect('one', 2);
  expect(one.looks).toBeGreaterThan(0);
  const two = await connect('two', 3);
  expect([two.looks, two.result.failures.size]).toEqual([0, 0]);
  expect([...two.result.present.keys()]).toEqual([two.container.id]);
  expect([
    await ping('two', GATEWAY),
    await ping('two', '10.10.0.2'),
    await ping('one', 'fd00:0:0:a::3'),
  ]).toEqual([true, true, true]);
  expect(await leftToDo()).toEqual([]);
});

test('its bridge was gone: made again, with the members that it lost', async () => {
  await addNetns('three');
  await ip(['link', 'del', BRIDGE]);
  const { looks: looked, result } = await connect('three', 4);
  expect([looked > 0, errorsOf(result)]).toEqual([true, []]);
  expect([await ping('three', GATEWAY), await ping('three', '10.10.0.3')]).toEqual([true, true]);
  expect(await leftToDo()).toEqual([]);
});

test('a stranger has its name inside: refused, and the stranger as he was', async () => {
  await addNetns('four');
  await ip(['link', 'add', 'eth0', 'type', 'bridge'], 'four');
  const setting = '/proc/sys/net/ipv6/conf/eth0/accept_ra';
  await inNetns('four', 'sh', '-c', `echo 2 > ${setting}`);
  const stranger = await linkOf('eth0', 'four');
  const { result, endpoint, container } = await connect('four', 5);
  expect(errorsOf(result)).toContain('EEXIST');
  expect(result.failures.has(endpoint.id)).toBe(true);
  expect(await linkOf('eth0', 'four')).toEqual(stranger);
  expect((await inNetns('four', 'cat', setting)).trim()).toBe('2');
  await rooms.store.write((writer) => writer.removeContainer(container.id));
});

test('another namespace has its name by now: that one is joined', async () => {
  await addNetns('five');
  const former = await identityOf('five');
  await removeNetns('five');
  await addNetns('five');
  const { result, looks: looked, container } = await connect('five', 6, { ...former, inode: '4:1' });
  expect([looked > 0, errorsOf(result)]).toEqual([true, []]);
  expect(result.present.get(container.id)).toEqual(await identityOf('five'));
  expect(await ping('five', GATEWAY)).toBe(true);
});

test('its namespace has gone: told as missing', async () => {
  await addNetns('six');
  const former = await identityOf('six');
  await removeNetns('six');
  const { result, container } = await connect('six', 7, former);
  expect(result.missing.get(container.id)).toContain('six');
  await rooms.store.write((writer) => writer.removeContainer(container.id));
  await leftToDo();
  expect(await leftToDo()).toEqual([]);
});

test('the verbs say what they have made: a network, and a member beside others, without a look', async () => {
  const context = contextOf();
  const before = rooms.looks;
  const body = { Name: 'verbs', IPAM: { Config: [{ Subnet: '10.77.0.0/24' }] } };
  await createNetwork(context, fromNetworkCreate(body, MAX_MINOR), LIVE);
  await addNetns('seven');
  await connectVerb(context, 'verbs', 'seven', EMPTY_ENDPOINT_SPEC, LIVE);
  expect(rooms.looks).toBe(before);
  expect(await ping('seven', '10.77.0.1')).toBe(true);
  expect(await leftToDo()).toEqual([]);
});

/** Connects a new namespace to the network of the verbs; gives the host's ends. */
async function joinVerbs(name: string): Promise<{ veth: string; bridge: string }> {
  await addNetns(name);
  const { result } = await connectVerb(contextOf(), 'verbs', name, EMPTY_ENDPOINT_SPEC, LIVE);
  return { veth: result.veth, bridge: `br-${result.networkId.slice(0, 12)}` };
}

/** Disconnects it; gives how often the kernel was looked at for that. */
async function leaveVerbs(name: string): Promise<number> {
  const before = rooms.looks;
  await disconnectVerb(contextOf(), 'verbs', name, false, LIVE);
  return rooms.looks - before;
}

const namesIn = async (netns?: string) => (await linksOf(netns)).map(({ ifname }) => ifname);

test('a member that leaves, without a look: its names are free before anything else is done', async () => {
  const { veth } = await joinVerbs('eight');
  expect(await leaveVerbs('eight')).toBe(0);
  expect(await namesIn('eight')).not.toContain('eth0');
  await rooms.kernel.listNetnsNames();
  expect(await namesIn()).not.toContain(veth);
  expect(await ping('eight', '10.77.0.1')).toBe(false);
  expect(await leftToDo()).toEqual([]);
});

test.each<[string, (ends: { veth: string; bridge: string }) => Promise<unknown>]>([
  ['its pair was gone', ({ veth }) => ip(['link', 'del', veth])],
  ['its bridge was gone', ({ bridge }) => ip(['link', 'del', bridge])],
  ['its host end has another name', ({ veth }) => ip(['link', 'set', veth, 'down', 'name', 'elsewhere'])],
])('a member that leaves when %s: found by a look', async (_what, disturb) => {
  const ends = await joinVerbs('nine');
  await disturb(ends);
  expect(await leaveVerbs('nine')).toBeGreaterThan(0);
  await until('both ends are gone', async () =>
    [...(await namesIn('nine')), ...(await namesIn())].every(
      (name) => name !== 'eth0' && name !== 'elsewhere',
    ),
  );
  expect(await leftToDo()).toEqual([]);
  expect(await ping('seven', '10.77.0.1')).toBe(true);
  await removeNetns('nine');
});

test('a member that leaves when a stranger has the name of its host end: the stranger stays', async () => {
  const { veth } = await joinVerbs('ten');
  await ip(['link', 'del', veth]);
  await ip(['link', 'add', veth, 'type', 'bridge']);
  const stranger = await linkOf(veth);
  expect(await leaveVerbs('ten')).toBeGreaterThan(0);
  expect(await linkOf(veth)).toEqual(stranger);
  expect(await leftToDo()).toEqual([]);
});

test('a member that leaves when its own end has another name: that is gone as well', async () => {
  await joinVerbs('eleven');
  await ip(['link', 'set', 'eth0', 'down', 'name', 'mine'], 'eleven');
  expect(await leaveVerbs('eleven')).toBe(0);
  expect(await namesIn('eleven')).not.toContain('mine');
  expect(await leftToDo()).toEqual([]);
});

test('a member that stays on another network is looked at', async () => {
  await joinVerbs('twelve');
  await connectVerb(contextOf(), LAB.network.name, 'twelve', EMPTY_ENDPOINT_SPEC, LIVE);
  expect(await leaveVerbs('twelve')).toBeGreaterThan(0);
  expect(await ping('twelve', GATEWAY)).toBe(true);
  expect(await leftToDo()).toEqual([]);
});
