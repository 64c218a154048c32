/** Passes that go by what is presumed: right without a look, and with one where it was wrong. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bridgeDriver } from '../../src/drivers/bridge.ts';
import { hostDriver, nullDriver } from '../../src/drivers/plain.ts';
import type { Kernel } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import type { Container, NetnsIdentity } from '../../src/model/container.ts';
import { createReconciler, type PassResult, type Reconciler } from '../../src/reconcile/loop.ts';
import { EVERYTHING, scopeOf } from '../../src/reconcile/scope.ts';
import { endpointOf, networkOf } from '../../src/reconcile/worlds.fixture.ts';
import type { Store } from '../../src/store/contract.ts';
import { openStore } from '../../src/store/store.ts';
import { addNetns, inNetns, ip, linksOf, ping, removeNetns, type ShownLink } from '../helpers/host.ts';

const LAB = networkOf('a', 'lab', { ipv6: true, internal: false, options: {} });
const BRIDGE = `br-${LAB.network.id.slice(0, 12)}`;
const GATEWAY = '10.10.0.1';

let folder: string;
let kernel: Kernel;
let store: Store;
let reconciler: Reconciler;
let looks = 0;

beforeAll(async () => {
  kernel = await openKernel({});
  folder = mkdtempSync(join(tmpdir(), 'vethd-presume-'));
  store = openStore(join(folder, 'vethd.db'));
  const counting: Kernel = {
    ...kernel,
    observe: (request) => {
      looks += 1;
      return kernel.observe(request);
    },
  };
  const drivers = { bridge: bridgeDriver, host: hostDriver, null: nullDriver };
  reconciler = createReconciler({ store, kernel: counting, drivers });
});

afterAll(async () => {
  store.close();
  await kernel.close();
  rmSync(folder, { recursive: true });
});

async function linkOf(ifname: string, netns?: string): Promise<ShownLink | undefined> {
  return (await linksOf(netns)).find((link) => link.ifname === ifname);
}

async function identityOf(name: string): Promise<NetnsIdentity> {
  const probe = await kernel.probeNetns({ kind: 'name', name });
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
  const before = looks;
  const scope = await store.write((writer) => {
    writer.insertContainer(container);
    for (const [index, one] of [endpoint.ipv4, endpoint.ipv6].entries()) {
      const subnet = LAB.network.subnets[index];
      if (subnet !== undefined && one !== undefined) writer.takeAddress(LAB.network.id, subnet, one);
    }
    writer.insertEndpoint({ ...endpoint, ordinal: writer.nextOrdinal() });
    const asked = scopeOf({ networks: [LAB.network.id], containers: [container.id] });
    reconciler.anticipate(asked, { endpoint: endpoint.id });
    return asked;
  });
  const result = await reconciler.reconcile(scope);
  return { endpoint, container, result, looks: looks - before };
}

/** What a look at everything would still change. */
async function leftToDo(): Promise<readonly string[]> {
  return (await reconciler.reconcile(EVERYTHING, 'asked')).commands();
}

function errorsOf({ failures }: PassResult): unknown[] {
  return [...failures.values()].map(({ errno }) => errno);
}

test('a network, without a look', async () => {
  const scope = await store.write((writer) => {
    writer.insertNetwork(LAB.network);
    const asked = scopeOf({ networks: [LAB.network.id] });
    reconciler.anticipate(asked, { network: LAB.network.id });
    return asked;
  });
  const { failures } = await reconciler.reconcile(scope);
  expect([failures.size, looks]).toEqual([0, 0]);
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
  await store.write((writer) => writer.removeContainer(container.id));
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
  await store.write((writer) => writer.removeContainer(container.id));
  await leftToDo();
  expect(await leftToDo()).toEqual([]);
});
