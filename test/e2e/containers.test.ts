/** Containers that come and go: names that are deleted and made again, processes and paths that end, stopped members. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, addressesOf, linksOf, listNetns, ping, removeNetns, routesOf } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const daemon = daemonForFile();
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

beforeAll(async () => {
  await createNetwork('lab', '10.95.0.0/24');
});

afterAll(async () => {
  await daemon.call('DELETE', '/networks/lab');
});

function createNetwork(name: string, subnet: string): Promise<{ Id: string }> {
  return daemon.call('POST', '/networks/create', { Name: name, IPAM: { Config: [{ Subnet: subnet }] } });
}

function connect(network: string, container: string, config: object = {}): Promise<unknown> {
  return daemon.call('POST', `/networks/${network}/connect`, {
    Container: container,
    EndpointConfig: config,
  });
}

async function membersOf(network: string): Promise<string[]> {
  const shown = await daemon.call('GET', `/networks/${network}`);
  return Object.values<{ Name: string }>(shown.Containers).map(({ Name }) => Name);
}

async function actionsOf(since: string, filters: object = {}): Promise<string[]> {
  return (await daemon.events(filters, since)).map(({ Type, Action }) => `${Type} ${Action}`);
}

function now(): string {
  return (Date.now() / 1000).toFixed(3);
}

/** A process, run by `file`, in a network namespace other than this one. */
async function spawnInside(file: string, ...args: string[]): Promise<number> {
  const child = spawn(file, args, { stdio: 'ignore' });
  children.push(child);
  const own = readlinkSync('/proc/self/ns/net');
  await until('it is in its namespace', () => readlinkSync(`/proc/${child.pid}/ns/net`) !== own);
  return child.pid ?? 0;
}

async function end(pid: number): Promise<void> {
  const child = children.find((other) => other.pid === pid);
  if (child === undefined) throw new Error(`no child ${pid}`);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** How many passes over a part there were. */
async function passes(): Promise<number> {
  const { body } = await daemon.request('GET', '/metrics');
  return Number(/^vethd_pass_seconds_count\{scope="part"\} (\d+)$/m.exec(String(body))?.[1] ?? 0);
}

describe('a namespace by name', () => {
  test('that is deleted and made again is attached again, with the same addresses and MAC', async () => {
    await addNetns('red');
    await connect('lab', 'red', { Aliases: ['r'] });
    const before = (await daemon.call('GET', '/containers/red/json')).NetworkSettings.Networks.lab;
    const since = now();
    await removeNetns('red');
    await until('it is seen to be gone', async () => (await membersOf('lab')).length === 0);
    expect((await daemon.call('GET', '/containers/red/json')).State).toMatchObject({
      Status: 'exited',
      Running: false,
    });
    await daemon.call('POST', '/containers/create?name=other', { HostConfig: { NetworkMode: 'lab' } });
    await daemon.call('POST', '/containers/other/start');
    await addNetns('red');
    await until('it is attached again', async () => (await membersOf('lab')).includes('red'));
    expect((await daemon.call('GET', '/containers/red/json')).NetworkSettings.Networks.lab).toEqual(before);
    expect((await addressesOf('red')).map(({ local }) => local)).toContain(before.IPAddress);
    expect((await linksOf('red')).find(({ ifname }) => ifname === 'eth0')?.address).toBe(before.MacAddress);
    expect(await ping('red', '10.95.0.1')).toBe(true);
    const actions = await actionsOf(since, { container: ['red'], type: ['container'] });
    expect(actions).toEqual(['container die', 'container start']);
    await daemon.call('DELETE', '/containers/other?force=1');
  });

  test('that is made again while the daemon is down is attached at its start', async () => {
    await daemon.stop();
    await removeNetns('red');
    await addNetns('red');
    await daemon.start();
    expect(await membersOf('lab')).toEqual(['red']);
    expect(await ping('red', '10.95.0.1')).toBe(true);
  });

  test('that is replaced by another program in one go is attached as well', async () => {
    await removeNetns('red');
    await addNetns('red');
    await until('the new one is attached', async () =>
      (await linksOf('red')).some(({ ifname }) => ifname === 'eth0'),
    );
    await until('a packet passes', async () => ping('red', '10.95.0.1'));
    await daemon.call('DELETE', '/containers/red?force=1');
    await until('its link is gone', async () =>
      (await linksOf('red')).every(({ ifname }) => ifname === 'lo'),
    );
    await removeNetns('red');
  });
});

describe('a process', () => {
  test('takes its endpoints along when it ends, though another one keeps the namespace', async () => {
    const pid = await spawnInside('unshare', '--net', 'sleep', '600');
    await connect('lab', `pid:${pid}`);
    const keeper = await spawnInside('nsenter', `--net=/proc/${pid}/ns/net`, 'sleep', '600');
    const since = now();
    await end(pid);
    await until('the endpoint is released', async () => (await membersOf('lab')).length === 0, 2_000);
    await until('the link is gone', async () =>
      (await linksOf()).every(({ ifname }) => !/^veth[0-9a-f]{7}$/.test(ifname)),
    );
    expect(await actionsOf(since, { type: ['container', 'network'] })).toEqual([
      'container die',
      'network disconnect',
      'container destroy',
    ]);
    expect((await daemon.request('GET', `/containers/pid-${pid}/json`)).status).toBe(404);
    await end(keeper);
  });

  test('is watched again after a restart of the daemon', async () => {
    const pid = await spawnInside('unshare', '--net', 'sleep', '600');
    await connect('lab', `pid:${pid}`);
    await spawnInside('nsenter', `--net=/proc/${pid}/ns/net`, 'sleep', '600');
    await daemon.kill();
    await daemon.start();
    expect(await membersOf('lab')).toEqual([`pid-${pid}`]);
    await end(pid);
    await until('the endpoint is released', async () => (await membersOf('lab')).length === 0, 2_000);
  });

  test('that ended while the daemon was down has left', async () => {
    const pid = await spawnInside('unshare', '--net', 'sleep', '600');
    await connect('lab', `pid:${pid}`);
    await daemon.stop();
    await end(pid);
    await daemon.start();
    expect(await membersOf('lab')).toEqual([]);
    await connectAndLeave('10.95.0.2');
  });

  test('by its path under /proc ends with the namespace', async () => {
    const pid = await spawnInside('unshare', '--net', 'sleep', '600');
    const before = await passes();
    await connect('lab', `/proc/${pid}/ns/net`);
    expect(await membersOf('lab')).toEqual([`proc-${pid}-ns-net`]);
    // The look at what the connect did would find out by itself.
    await until('that is over', async () => (await passes()) >= before + 2);
    await end(pid);
    await until('the endpoint is released', async () => (await membersOf('lab')).length === 0, 5_000);
  });

  test.each([
    ['/proc/1/ns/net', 400],
    ['/etc/passwd', 400],
    ['pid:1', 400],
    ['pid:4194303', 404],
  ])('%s is no container', async (container, status) => {
    const answer = await daemon.request('POST', '/networks/lab/connect', { Container: container });
    expect(answer.status).toBe(status);
    expect(Object.keys(answer.body)).toEqual(['message']);
  });
});

/** A container that gets this address shows that it is free. */
async function connectAndLeave(address: string): Promise<void> {
  await daemon.call('POST', '/containers/create?name=probe', { HostConfig: { NetworkMode: 'lab' } });
  await daemon.call('POST', '/containers/probe/start');
  const shown = await daemon.call('GET', '/containers/probe/json');
  expect(shown.NetworkSettings.Networks.lab.IPAddress).toBe(address);
  await daemon.call('DELETE', '/containers/probe?force=1');
}

describe('a stopped member', () => {
  test('keeps no network from being removed, and wants it back at its start', async () => {
    await createNetwork('brief', '10.96.0.0/24');
    await daemon.call('POST', '/containers/create?name=member', {
      HostConfig: { NetworkMode: 'brief' },
      NetworkingConfig: { EndpointsConfig: { brief: {} } },
    });
    await daemon.call('POST', '/containers/member/start');
    const inUse = await daemon.request('DELETE', '/networks/brief');
    expect(inUse.status).toBe(403);
    expect(inUse.body.message).toMatch(
      /^error while removing network: network brief has active endpoints \(name:"member" id:"[0-9a-f]{12}"\)$/,
    );
    await daemon.call('POST', '/containers/member/stop');
    await daemon.call('DELETE', '/networks/brief');
    const failed = await daemon.request('POST', '/containers/member/start');
    expect([failed.status, failed.body.message]).toEqual([404, 'network brief not found']);
    expect(listNetns()).toEqual([]);
    expect((await daemon.call('GET', '/containers/member/json')).State.Status).toBe('exited');
    await createNetwork('brief', '10.97.0.0/24');
    await daemon.call('POST', '/containers/member/start');
    expect((await addressesOf('member')).map(({ local }) => local)).toContain('10.97.0.2');
    await daemon.call('DELETE', '/containers/member?force=1');
    await daemon.call('DELETE', '/networks/brief');
  });

  test('can be connected twice in its configuration, not when it runs', async () => {
    await daemon.call('POST', '/containers/create?name=twice', { HostConfig: { NetworkMode: 'none' } });
    await daemon.call('POST', '/networks/none/disconnect', { Container: 'twice' });
    await connect('lab', 'twice', { IPAMConfig: { IPv4Address: '10.95.0.40' } });
    await connect('lab', 'twice', {
      IPAMConfig: { IPv4Address: '10.95.0.41' },
      MacAddress: '02:00:00:00:00:41',
    });
    await daemon.call('POST', '/containers/twice/start');
    const shown = await daemon.call('GET', '/containers/twice/json');
    expect(shown.NetworkSettings.Networks.lab).toMatchObject({
      IPAddress: '10.95.0.41',
      MacAddress: '02:00:00:00:00:41',
    });
    const again = await daemon.request('POST', '/networks/lab/connect', { Container: 'twice' });
    expect([again.status, again.body.message]).toEqual([
      403,
      'endpoint with name twice already exists in network lab',
    ]);
    await daemon.call('DELETE', '/containers/twice?force=1');
  });
});

describe('the default route', () => {
  test('goes by GwPriority, recomputed at every connect and disconnect, and by name among equals', async () => {
    await createNetwork('east', '10.98.0.0/24');
    await createNetwork('west', '10.99.0.0/24');
    await addNetns('walker');
    const gateway = async () =>
      (await routesOf('walker')).filter(({ dst }) => dst === 'default').map((route) => route.gateway);
    await connect('lab', 'walker');
    expect(await gateway()).toEqual(['10.95.0.1']);
    await connect('west', 'walker', { GwPriority: -1 });
    expect(await gateway()).toEqual(['10.95.0.1']);
    await connect('east', 'walker', { GwPriority: 3 });
    expect(await gateway()).toEqual(['10.98.0.1']);
    await daemon.call('POST', '/networks/east/disconnect', { Container: 'walker' });
    expect(await gateway()).toEqual(['10.95.0.1']);
    await daemon.call('POST', '/networks/lab/disconnect', { Container: 'walker' });
    expect(await gateway()).toEqual(['10.99.0.1']);
    await daemon.call('DELETE', '/containers/walker?force=1');
    await removeNetns('walker');
    await daemon.call('DELETE', '/networks/east');
    await daemon.call('DELETE', '/networks/west');
  });
});

describe('a rename', () => {
  test('is one for the daemon that starts next, and nothing of the old name is left', async () => {
    await daemon.call('POST', '/containers/create?name=before', { HostConfig: { NetworkMode: 'lab' } });
    await daemon.call('POST', '/containers/before/start');
    await daemon.call('POST', '/containers/before/rename?name=after');
    await daemon.kill();
    await daemon.start();
    expect(listNetns()).toEqual(['after']);
    expect(await ping('after', '10.95.0.1')).toBe(true);
    expect((await daemon.request('GET', '/containers/before/json')).status).toBe(404);
    await addNetns('theirs');
    const taken = await daemon.request('POST', '/containers/after/rename?name=theirs');
    expect(taken.status).toBe(409);
    expect(listNetns()).toEqual(['after', 'theirs']);
    await removeNetns('theirs');
    await daemon.call('DELETE', '/containers/after?force=1');
    expect(listNetns()).toEqual([]);
  });
});
