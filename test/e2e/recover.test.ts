/** `vethd --recover`, `vethctl recover`: lost or damaged state rebuilt from the kernel, without touching a link. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Daemon } from '../helpers/daemon.ts';
import { addNetns, linksOf, ping, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const daemon = new Daemon({ args: ['--recover'] });

beforeAll(async () => {
  await daemon.start();
  await daemon.call('POST', '/networks/create', { Name: 'lab', EnableIPv6: true });
  await addNetns('one');
  await daemon.call('POST', '/networks/lab/connect', { Container: 'one' });
  await daemon.call('POST', '/containers/create?name=man', { HostConfig: { NetworkMode: 'lab' } });
  await daemon.call('POST', '/containers/man/start');
});

afterAll(async () => {
  await daemon.dispose();
  await removeNetns('one');
});

let networkId = '';

interface Member {
  readonly Name: string;
  readonly EndpointID: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
  readonly MacAddress: string;
}

async function members(term: string): Promise<readonly Member[]> {
  const { Containers } = await daemon.call('GET', `/networks/${term}`);
  const all: readonly Member[] = Object.values(Containers);
  return [...all].sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

async function linkIdentities(): Promise<readonly string[]> {
  return (await linksOf()).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`);
}

test('networks, containers and endpoints are known again, with ids, addresses and MACs; no link is touched', async () => {
  const { Id } = await daemon.call('GET', '/networks/lab');
  networkId = Id;
  const before = { members: await members(Id), links: await linkIdentities() };
  await daemon.kill();
  rmSync(daemon.stateDir, { recursive: true });
  // A crash while recovering costs no more than another start.
  await expect(daemon.start({ VETHD_FAILPOINT: 'recover.written' })).rejects.toThrow('ended at once');
  await daemon.kill();
  await daemon.start();
  expect({ members: await members(Id), links: await linkIdentities() }).toEqual(before);
  expect((await daemon.call('POST', '/vethd/reconcile?dry-run=true')).Commands).toEqual([]);
  expect(await ping('one', '172.18.0.3')).toBe(true);
  expect((await daemon.call('GET', '/containers/man/json')).State.Status).toBe('running');
  const count = (await linksOf()).length;
  await daemon.call('POST', `/networks/${Id}/disconnect`, { Container: 'one' });
  await until('its link is gone', async () => (await linksOf()).length < count);
});

test('a damaged database is set aside and rebuilt by vethctl recover, while no daemon runs', async () => {
  const links = await linkIdentities();
  const running = await daemon.tryVethctl('recover', '--state-dir', daemon.stateDir);
  expect([running.exitCode, running.stderr]).toEqual([1, expect.stringContaining(`pid ${daemon.pid}`)]);
  const before = await members(networkId);
  await daemon.stop();
  writeFileSync(join(daemon.stateDir, 'vethd.db'), 'x'.repeat(8_192));
  const told = await daemon.vethctl('recover', '--state-dir', daemon.stateDir);
  expect(told).toContain('4 networks with 1 members are known');
  expect(readdirSync(daemon.stateDir)).toContain('vethd.db.damaged-1');
  await daemon.start();
  expect(await members(networkId)).toEqual(before);
  expect(await linkIdentities()).toEqual(links);
});
