/** The daemon's own life: start, second start, crash, stop. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEWBORN_GROUP } from '../../src/kernel/codec/link.ts';
import { attempt } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { addNetns, ip, linksOf, linksOfVethd, ping, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const daemon = new Daemon();

beforeAll(async () => {
  await daemon.start();
  await daemon.call('POST', '/networks/create', {
    Name: 'lab',
    IPAM: { Config: [{ Subnet: '10.60.0.0/24' }] },
  });
  for (const name of ['one', 'two']) {
    await addNetns(name);
    await daemon.call('POST', '/networks/lab/connect', { Container: name });
  }
});

afterAll(async () => {
  await daemon.dispose();
});

/** Pings every 10 ms until told to stop; gives how many packets were sent and how many were lost. */
function steadyPing(netns: string, address: string): () => Promise<{ sent: number; lost: number }> {
  const child = spawn('ip', ['netns', 'exec', netns, 'ping', '-i', '0.01', '-q', address]);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return async () => {
    const closed = once(child, 'close');
    child.kill('SIGINT');
    await closed;
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? [];
    return { sent: Number(sent), lost: Number(sent) - Number(received) };
  };
}

async function linkIdentities(): Promise<string[]> {
  return (await linksOf()).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`);
}

describe('the daemon', () => {
  test('keeps its files to itself', () => {
    expect(statSync(daemon.stateDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(daemon.stateDir, 'vethd.db')).mode & 0o777).toBe(0o600);
    expect(statSync(daemon.socket).mode & 0o777).toBe(0o600);
  });

  test('lets no second one at the same state folder, and says who holds it', async () => {
    const args = ['bin/vethd', '--socket', `${daemon.socket}2`, '--state-dir', daemon.stateDir];
    // What the first one might be making at that moment.
    await ip(['link', 'add', 'newborn', 'type', 'bridge']);
    await ip(['link', 'set', 'newborn', 'group', String(NEWBORN_GROUP)]);
    const second = await attempt(process.execPath, args);
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toContain(`pid ${daemon.pid}`);
    await ip(['link', 'del', 'newborn']);
  });

  test.each(['/proc/vethd', '/etc/hostname/vethd', '/dev/null'])(
    'ends at a state folder that cannot be made: %s',
    async (stateDir) => {
      const args = ['bin/vethd', '--socket', `${daemon.socket}2`, '--state-dir', stateDir];
      const refused = await attempt(process.execPath, args);
      const reason = `cannot make the state folder ${stateDir}`;
      expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining(reason)]);
    },
  );

  test('refuses a socket on which another one answers', async () => {
    const args = [
      'bin/vethd',
      '--socket',
      daemon.socket,
      '--state-dir',
      `${daemon.stateDir}2`,
      '--bridge-name',
      'vethd9',
    ];
    const second = await attempt(process.execPath, args);
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toContain(daemon.socket);
    expect((await daemon.request('GET', '/_ping')).status).toBe(200);
  });

  test('lets no second one into its network namespace, whatever its socket and state folder', async () => {
    const args = ['bin/vethd', '--socket', `${daemon.socket}3`, '--state-dir', `${daemon.stateDir}3`];
    const second = await attempt(process.execPath, args);
    const holder = `pid ${daemon.pid} and the state folder ${daemon.stateDir} works in this`;
    expect([second.exitCode, second.stderr]).toEqual([1, expect.stringContaining(holder)]);
    const purge = await daemon.tryVethctl('purge', '--force', '--state-dir', `${daemon.stateDir}4`);
    expect(purge.stderr).toContain(`pid ${daemon.pid} `);
    expect(await ping('one', '10.60.0.3')).toBe(true);
  });

  test('refuses a state folder that is new or another one while links of the last one are there', async () => {
    const other = new Daemon({ ownHost: true });
    await other.start();
    await other.kill();
    await daemon.kill();
    const start = (stateDir: string) =>
      attempt(process.execPath, ['bin/vethd', '--socket', `${daemon.socket}5`, '--state-dir', stateDir]);
    const asNew = await start(`${daemon.stateDir}5`);
    expect([asNew.exitCode, asNew.stderr]).toEqual([1, expect.stringContaining('the state folder is new')]);
    const asOther = await start(other.stateDir);
    const reason = `the last state folder here was ${daemon.stateDir}, and vethd made 4 links`;
    expect([asOther.exitCode, asOther.stderr]).toEqual([1, expect.stringContaining(reason)]);
    expect(await ping('one', '10.60.0.3')).toBe(true);
    await daemon.start();
    await other.dispose();
  });

  test('loses no packet between two members over kill -9 and restart, and takes over what is there', async () => {
    const before = await linkIdentities();
    const stop = steadyPing('one', '10.60.0.3');
    await until('packets flow', async () => ping('one', '10.60.0.3'));
    await daemon.kill();
    await daemon.start();
    const { sent, lost } = await stop();
    expect(lost).toBe(0);
    expect(sent).toBeGreaterThan(10);
    expect(await linkIdentities()).toEqual(before);
    const shown = await daemon.call('GET', '/networks/lab');
    expect(Object.keys(shown.Containers)).toHaveLength(2);
  });

  test('mends at its start what was broken while it was down', async () => {
    const veth = (await linksOf()).find(({ ifname }) => /^veth[0-9a-f]{7}$/.test(ifname));
    await daemon.kill();
    await attempt('ip', ['link', 'del', veth?.ifname ?? '']);
    await daemon.start();
    expect(await ping('one', '10.60.0.3')).toBe(true);
    expect(await ping('two', '10.60.0.1')).toBe(true);
  });

  test('ends at SIGTERM with the data path up', async () => {
    const stop = steadyPing('one', '10.60.0.3');
    await until('packets flow', async () => ping('one', '10.60.0.3'));
    expect(await daemon.stop()).toBe(0);
    expect((await stop()).lost).toBe(0);
    expect(await ping('two', '10.60.0.2')).toBe(true);
    await daemon.start();
  });

  test('ends with code 0 though the kernel is still busy with what was removed', async () => {
    // 150 bridges take the kernel longer than a stop may take.
    const names = Array.from({ length: 150 }, (_, index) => `brief-${index}`);
    await Promise.all(names.map((name) => daemon.call('POST', '/networks/create', { Name: name })));
    await daemon.call('POST', `/networks/prune?filters=${encodeURIComponent('{"label!":["keep"]}')}`);
    expect(await daemon.stop()).toBe(0);
    await daemon.start();
  });

  test('leaves nothing when everything was removed', async () => {
    for (const name of ['one', 'two']) {
      await daemon.call('POST', '/networks/lab/disconnect', { Container: name });
      await removeNetns(name);
    }
    await daemon.call('DELETE', '/networks/lab');
    await until('only the predefined bridge is left', async () => (await linksOfVethd()).join() === 'vethd0');
  });
});
