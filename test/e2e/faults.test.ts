/** Faults of the machine: reboot, a locked, full or damaged database, no descriptors, a stopped process. */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attempt, run } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { addNetns, ip, linksOf, linksOfVethd, listNetns, ping, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const daemon = new Daemon();

beforeAll(async () => {
  mkdirSync(daemon.stateDir, { mode: 0o700 });
  await run('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', daemon.stateDir]);
  await daemon.start();
  await daemon.call('POST', '/networks/create', {
    Name: 'lab',
    IPAM: { Config: [{ Subnet: '10.60.0.0/24' }] },
  });
  await addNetns('one');
  await daemon.call('POST', '/networks/lab/connect', { Container: 'one' });
  await daemon.call('POST', '/containers/create?name=man', { HostConfig: { NetworkMode: 'lab' } });
  await daemon.call('POST', '/containers/man/start');
});

afterAll(async () => {
  await daemon.kill();
  await run('umount', [daemon.stateDir]);
  await daemon.dispose();
  await removeNetns('one').catch(() => undefined);
});

async function membersOfLab(): Promise<readonly string[]> {
  const { Containers } = await daemon.call('GET', '/networks/lab');
  const members: readonly Readonly<Record<string, string>>[] = Object.values(Containers);
  return members.map((member) => `${member['Name']} ${member['IPv4Address']} ${member['MacAddress']}`).sort();
}

/** The kernel as after a reboot: no links, no namespaces, no rules, nothing in /etc/netns. */
async function forgetEverything(): Promise<void> {
  for (const ifname of await linksOfVethd()) await attempt('ip', ['link', 'del', ifname]);
  for (const name of listNetns()) await removeNetns(name);
  await run('nft', ['flush', 'ruleset']);
  rmSync('/etc/netns', { recursive: true, force: true });
}

test('after a reboot managed namespaces are back, named ones when somebody makes them, all with their addresses', async () => {
  const before = await membersOfLab();
  await daemon.kill();
  await forgetEverything();
  await daemon.start();
  expect(listNetns()).toEqual(['man']);
  expect(await ping('man', '10.60.0.1')).toBe(true);
  await addNetns('one');
  await until('both members reach each other', () => ping('one', '10.60.0.3'));
  expect(await membersOfLab()).toEqual(before);
});

test('a database locked for 3 s: 503 with a reason, reads go on, then all is well', async () => {
  const other = new Database(join(daemon.stateDir, 'vethd.db'));
  other.exec('BEGIN IMMEDIATE');
  const refused = daemon.request('POST', '/networks/create', { Name: 'locked' });
  expect((await daemon.request('GET', '/networks')).status).toBe(200);
  const answer = await refused;
  expect(answer.status).toBe(503);
  expect(answer.body.message).toContain('locked');
  await sleep(1_000);
  other.exec('ROLLBACK');
  other.close();
  await daemon.call('POST', '/networks/create', { Name: 'locked' });
  await daemon.call('DELETE', '/networks/locked');
});

function fillDisk(path: string): void {
  const fd = openSync(path, 'w', 0o600);
  for (const bytes of [65_536, 4_096, 512]) {
    for (;;) {
      try {
        if (writeSync(fd, Buffer.alloc(bytes)) < bytes) break;
      } catch {
        break;
      }
    }
  }
  closeSync(fd);
}

test('a full disk: 507 with a reason, reads go on, and it recovers by itself', async () => {
  const filler = join(daemon.stateDir, 'filler');
  fillDisk(filler);
  const labels = Object.fromEntries(
    Array.from({ length: 15 }, (_, index) => [`l${index}`, 'x'.repeat(4_000)]),
  );
  const refused = await until('a write that finds no room', async () => {
    const answer = await daemon.request('POST', '/networks/create', {
      Name: `full${Math.random().toString(36).slice(2)}`,
      Driver: 'bridge',
      ConfigOnly: true,
      Labels: labels,
    });
    return answer.status >= 500 && answer;
  });
  expect(refused.status).toBe(507);
  expect(refused.body.message).toContain('full');
  expect((await daemon.request('GET', '/networks')).status).toBe(200);
  rmSync(filler);
  await until(
    'writes go on',
    async () => (await daemon.request('POST', '/networks/create', { Name: 'room' })).status === 201,
  );
  await daemon.call('DELETE', '/networks/room');
  await daemon.call('POST', '/networks/prune');
  expect(await ping('one', '10.60.0.3')).toBe(true);
});

test('no descriptors left: refused with a reason, then all is well', async () => {
  const inUse = readdirSync(`/proc/${daemon.pid}/fd`).length;
  await run('prlimit', ['--pid', String(daemon.pid), `--nofile=${inUse}:`]);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      daemon
        .request('POST', '/networks/lab/disconnect', { Container: 'one' }, { timeoutMs: 3_000 })
        .catch(() => undefined),
    ),
  );
  await run('prlimit', ['--pid', String(daemon.pid), '--nofile=1024:']);
  for (const answer of answers) expect([undefined, 200, 404, 500, 503]).toContain(answer?.status);
  await until('it answers again', async () => (await daemon.request('GET', '/_ping')).status === 200);
  await until('one is a member', async () => {
    await daemon.request('POST', '/networks/lab/connect', { Container: 'one' });
    return ping('one', '10.60.0.1');
  });
  expect((await daemon.call('POST', '/vethd/reconcile?dry-run=true')).Commands).toEqual([]);
});

test('stopped for 3 s: what was broken meanwhile is repaired, what was asked is answered', async () => {
  process.kill(daemon.pid, 'SIGSTOP');
  const asked = daemon.request('POST', '/networks/create', { Name: 'later' });
  await ip(['link', 'set', 'vethd0', 'down']);
  await sleep(3_000);
  process.kill(daemon.pid, 'SIGCONT');
  expect((await asked).status).toBe(201);
  await until('repaired', async () =>
    (await linksOf()).some(({ ifname, flags }) => ifname === 'vethd0' && flags.includes('UP')),
  );
  await daemon.call('DELETE', '/networks/later');
});

test('a damaged database: a clear line, an exit code, and no endpoint torn down', async () => {
  await daemon.stop();
  const links = (await linksOf()).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`);
  const path = join(daemon.stateDir, 'vethd.db');
  for (const log of ['-wal', '-shm']) rmSync(path + log, { force: true });
  const before = readFileSync(path);
  const fd = openSync(path, 'r+');
  for (let page = 1; page < statSync(path).size / 4_096; page += 2)
    writeSync(fd, Buffer.alloc(4_096, 0xa5), 0, 4_096, page * 4_096);
  const args = ['dist/main.js', '--socket', daemon.socket, '--state-dir', daemon.stateDir];
  const refused = await attempt(process.execPath, args);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/the database .* is damaged/);
  expect((await linksOf()).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`)).toEqual(links);
  expect(await ping('one', '10.60.0.1')).toBe(true);
  writeSync(fd, before, 0, before.length, 0);
  closeSync(fd);
  await daemon.start();
  expect(await ping('one', '10.60.0.1')).toBe(true);
});
