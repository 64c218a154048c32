/** `vethctl purge`: what was there before the first start is there after it, and nothing else. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attempt, run } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { addNetns, ip, removeNetns } from '../helpers/host.ts';
import { difference, world } from '../helpers/world.ts';

const daemon = new Daemon();
const purgeArgs = ['purge', '--force', '--state-dir', daemon.stateDir];

beforeAll(async () => {
  for (const name of ['mine', 'other']) {
    await addNetns(name);
    await ip(['-n', name, 'link', 'set', 'lo', 'up']);
  }
  await ip(['link', 'add', 'fbr0', 'type', 'bridge']);
  await ip(['link', 'add', 'fport', 'master', 'fbr0', 'type', 'veth', 'peer', 'name', 'fend']);
  for (const link of ['fbr0', 'fport', 'fend']) await ip(['link', 'set', link, 'up']);
  // IPv6 of its own, which an IPv4-only network on the bridge may not take away.
  await ip(['address', 'add', 'fd99::1/64', 'dev', 'fbr0', 'nodad']);
});

afterAll(async () => {
  await daemon.dispose();
  for (const link of ['fbr0', 'fport']) await ip(['link', 'del', link]);
  for (const name of ['mine', 'other']) await removeNetns(name);
});

const PORTS = { '80/tcp': [{ HostPort: '8080' }], '53/udp': [{ HostIp: '127.0.0.1', HostPort: '8053' }] };

/** Networks of all kinds, one on a bridge of somebody else's; members in namespaces of others and of ours. */
async function use(): Promise<void> {
  await daemon.start();
  await daemon.call('POST', '/networks/create', { Name: 'lab', EnableIPv6: true });
  await daemon.call('POST', '/networks/create', { Name: 'inner', Internal: true });
  await daemon.call('POST', '/networks/create', {
    Name: 'guest',
    Options: { 'com.docker.network.bridge.name': 'fbr0' },
  });
  const published = { Container: 'mine', EndpointConfig: { PortBindings: PORTS } };
  await daemon.call('POST', '/networks/lab/connect', published);
  for (const network of ['guest', 'inner']) {
    await daemon.call('POST', `/networks/${network}/connect`, { Container: 'other' });
  }
  await daemon.call('POST', '/containers/create?name=man', { HostConfig: { NetworkMode: 'lab' } });
  await daemon.call('POST', '/containers/man/start');
}

/** All settings of the host's network; those that change by themselves aside. */
async function settings(): Promise<readonly string[]> {
  const { stdout } = await attempt('sysctl', ['-a', '--pattern', '^net\\.']);
  return stdout.split('\n').filter((line) => !/conntrack_count|netdev_rss_key|mc_forwarding/.test(line));
}

function files(): readonly string[] {
  return ['/run/vethd', '/run/netns', '/etc/netns', daemon.folder].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : [],
  );
}

async function everything(): Promise<readonly string[]> {
  return [...(await world()), ...(await settings()), ...files()];
}

/** A purge that dies at the place. */
async function purgeUntil(failpoint: string): Promise<void> {
  const args = ['bin/vethd', '--purge', '--socket', daemon.socket, '--state-dir', daemon.stateDir];
  const { exitCode } = await attempt(process.execPath, args, { env: { VETHD_FAILPOINT: failpoint } });
  expect(exitCode, failpoint).not.toBe(0);
}

describe('purge leaves nothing', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['of a running daemon', async () => undefined],
    ['of one that was stopped', () => daemon.stop()],
    [
      'of one that was killed, when it dies itself at every step',
      async () => {
        await daemon.kill();
        for (const step of ['rows', 'links', 'tables', 'files']) await purgeUntil(`purge.${step}`);
      },
    ],
  ])('%s', async (_, before) => {
    const clean = await everything();
    await use();
    expect(difference(clean, await everything()).length).toBeGreaterThan(20);
    await before();
    await daemon.vethctl(...purgeArgs);
    expect(difference(clean, await everything())).toEqual([]);
    await daemon.kill();
  });

  test('of a host where vethd never ran', async () => {
    const clean = await everything();
    await daemon.vethctl(...purgeArgs);
    expect(difference(clean, await everything())).toEqual([]);
  });

  test('that is not vethd’s: tables, links and files of others stay', async () => {
    await run('nft', ['add table inet vethd_other']);
    await ip(['link', 'add', 'veth1234567', 'type', 'veth', 'peer', 'name', 'fpeer']);
    await run('sh', [
      '-c',
      'mkdir -p /etc/netns/mine && echo nameserver 9.9.9.9 > /etc/netns/mine/resolv.conf',
    ]);
    const clean = await everything();
    await use();
    await daemon.vethctl(...purgeArgs);
    expect(difference(clean, await everything())).toEqual([]);
    await daemon.kill();
    await run('nft', ['delete table inet vethd_other']);
    await ip(['link', 'del', 'veth1234567']);
    await run('rm', ['-r', '/etc/netns/mine']);
  });
});

/** A systemctl that knows one socket unit, writes down what it is to stop, and does so or not. */
async function fakeSystemctl(stops: boolean): Promise<string> {
  const script = `#!/bin/sh
case "$1 $2 $4" in
  "show --property=TriggeredBy vethd.service") echo vethd.socket ;;
  "show --property=Listen vethd.socket") echo "${daemon.socket} (Stream)" ;;
  "show --property=ActiveState vethd.socket") echo active ;;
  "stop "*) echo "$*" >> ${daemon.folder}/stopped; exit ${stops ? 0 : 1} ;;
esac
`;
  const folder = `${daemon.folder}/bin`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/systemctl`, script, { mode: 0o755 });
  return `${folder}:${process.env['PATH']}`;
}

describe('where systemd listens for the daemon', () => {
  function purge(path: string) {
    const args = ['bin/vethd', '--purge', '--socket', daemon.socket, '--state-dir', daemon.stateDir];
    return attempt(process.execPath, args, { env: { PATH: path } });
  }

  test('it is stopped first; when it does not stop, nothing is removed', async () => {
    await use();
    const before = await everything();
    const refused = await purge(await fakeSystemctl(false));
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringContaining('run systemctl stop vethd.socket vethd.service first'),
    ]);
    expect(difference(before, await everything()).filter((line) => !line.includes(daemon.folder))).toEqual(
      [],
    );
    expect((await daemon.request('GET', '/_ping')).status).toBe(200);
    const done = await purge(await fakeSystemctl(true));
    expect([done.exitCode, done.stderr]).toEqual([0, '']);
    expect(existsSync(daemon.stateDir)).toBe(false);
    expect(readFileSync(`${daemon.folder}/stopped`, 'utf8')).toBe(
      'stop vethd.socket vethd.service\n'.repeat(2),
    );
  });
});
