/** Faults of the machine: reboot, a locked, full or damaged database, no descriptors, a stopped process. */
import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

async function endpointOfOne(): Promise<string> {
  const { NetworkSettings: settings } = await daemon.call('GET', '/containers/one/json');
  return settings.Networks.lab.EndpointID;
}

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

const PAGE = 4_096;

function overwrite(path: string, at: number, bytes: Buffer): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

function faultsOf(path: string, check: 'quick_check' | 'integrity_check'): unknown {
  const database = new Database(path, { readonly: true });
  try {
    return database.pragma(check, { simple: true });
  } finally {
    database.close();
  }
}

/** Changes one bit of the text where only a look at the indexes shows it: it stands in rows and free space, too. */
function flipBitOfIndex(path: string, text: string): void {
  const bytes = readFileSync(path);
  const scratch = join(mkdtempSync(join(daemon.folder, 'flip-')), 'vethd.db');
  const flipped = Buffer.from([text.charCodeAt(0) ^ 1]);
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    copyFileSync(path, scratch);
    overwrite(scratch, at, flipped);
    if (faultsOf(scratch, 'quick_check') !== 'ok' || faultsOf(scratch, 'integrity_check') === 'ok') continue;
    overwrite(path, at, flipped);
    return;
  }
  throw new Error('no bit whose change only integrity_check sees');
}

describe('a damaged database: a clear line, an exit code, and no endpoint torn down', () => {
  const path = join(daemon.stateDir, 'vethd.db');
  const copy = join(daemon.folder, 'copy');

  test.each<[string, (endpointId: string) => void]>([
    [
      'every other page overwritten',
      () => {
        for (let page = 1; page < statSync(path).size / PAGE; page += 2)
          overwrite(path, page * PAGE, Buffer.alloc(PAGE, 0xa5));
      },
    ],
    ['cut short', () => truncateSync(path, 10 * PAGE)],
    ['no database at all', () => writeFileSync(path, 'x'.repeat(2 * PAGE))],
    [
      'empty, but its log is not',
      () => {
        truncateSync(path, 0);
        writeFileSync(`${path}-wal`, 'x'.repeat(PAGE));
      },
    ],
    ['a bit of an index changed', (endpointId) => flipBitOfIndex(path, endpointId)],
  ])('%s', async (_, damage) => {
    const endpointId = await endpointOfOne();
    await daemon.stop();
    const links = (await linksOf()).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`);
    copyFileSync(path, copy);
    damage(endpointId);
    const before = readFileSync(path);
    const args = ['bin/vethd', '--socket', daemon.socket, '--state-dir', daemon.stateDir];
    const refused = await attempt(process.execPath, args);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/the database .* is damaged: .*vethctl recover/);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect((await linksOf()).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`)).toEqual(links);
    for (const log of ['-wal', '-shm']) rmSync(path + log, { force: true });
    copyFileSync(copy, path);
    await daemon.start();
    expect((await linksOf()).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`)).toEqual(links);
    expect(await ping('one', '10.60.0.1')).toBe(true);
  });
});

test('a power cut: the files as they are at a moment of a busy daemon are good for a start', async () => {
  const copies = join(daemon.folder, 'copies');
  let over = false;
  const acknowledged = new Set<string>();
  const write = async (): Promise<void> => {
    for (let nth = 0; !over; nth++) {
      const name = `cut${nth}`;
      const answer = await daemon.request('POST', `/containers/create?name=${name}`, {});
      if (answer.status === 201) acknowledged.add(name);
    }
  };
  const writing = write();
  await until('some are acknowledged', () => acknowledged.size > 20);
  process.kill(daemon.pid, 'SIGSTOP');
  const promised = [...acknowledged];
  cpSync(daemon.stateDir, copies, { recursive: true });
  process.kill(daemon.pid, 'SIGCONT');
  over = true;
  await writing;
  await daemon.kill();
  for (const file of ['vethd.db', 'vethd.db-wal', 'vethd.db-shm']) {
    rmSync(join(daemon.stateDir, file), { force: true });
  }
  // The shared memory is no file of a disk: a cut leaves none.
  for (const file of ['vethd.db', 'vethd.db-wal'])
    copyFileSync(join(copies, file), join(daemon.stateDir, file));
  await daemon.start();
  const there: readonly { Names: string[] }[] = await daemon.call('GET', '/containers/json?all=1');
  const names = new Set(there.map(({ Names }) => Names[0]?.slice(1)));
  expect(promised.filter((name) => !names.has(name))).toEqual([]);
  expect((await daemon.call('POST', '/vethd/reconcile?dry-run=true')).Commands).toEqual([]);
  await daemon.call('POST', '/containers/prune');
});

test('a state folder that can only be read: a clear line, an exit code, and no endpoint torn down', async () => {
  await daemon.stop();
  const links = await linksOfVethd();
  await run('mount', ['-o', 'remount,ro', daemon.stateDir]);
  const args = ['bin/vethd', '--socket', daemon.socket, '--state-dir', daemon.stateDir];
  const refused = await attempt(process.execPath, args);
  await run('mount', ['-o', 'remount,rw', daemon.stateDir]);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringMatching(/read-only.*state/)]);
  expect(await linksOfVethd()).toEqual(links);
  await daemon.start();
});
