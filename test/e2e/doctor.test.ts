/** vethctl doctor against the real daemon, while things are made worse and better again. */
import { chmodSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { ip } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const vethd = daemonForFile();

interface Found {
  readonly Name: string;
  readonly Status: string;
  readonly Message: string;
  readonly Mend: readonly string[];
}

/** The checks by name, and the exit code. */
async function doctor(): Promise<{ exitCode: number; checks: ReadonlyMap<string, Found> }> {
  const { exitCode, stdout } = await vethd.tryVethctl('doctor', '--format', 'json');
  const { Checks }: { Checks: Found[] } = JSON.parse(stdout);
  return { exitCode, checks: new Map(Checks.map((check) => [check.Name, check])) };
}

test('a healthy daemon is healthy', async () => {
  const { checks } = await doctor();
  const names = ['netns', 'bridge', 'veth', 'nftables'].map((name) => `kernel ${name}`);
  for (const name of [
    ...names,
    'forwarding ipv4',
    'last full pass',
    'drift',
    'kernel state',
    'queues',
    'state folder',
  ]) {
    expect(checks.get(name)?.Status, name).toBe('ok');
  }
  expect(await vethd.vethctl('doctor').catch(String)).toMatch(/^CHECK +STATUS +FOUND\n/);
});

test('a firewall that drops is a warning with the line that mends it', async () => {
  await run('nft', ['add table ip other']);
  await run('nft', ['add chain ip other fw { type filter hook forward priority 0; policy drop; }']);
  const { exitCode, checks } = await doctor();
  expect(exitCode).toBe(1);
  const found = checks.get('other firewalls');
  expect(found).toMatchObject({ Status: 'warning', Message: expect.stringContaining('chain fw') });
  for (const line of found?.Mend ?? []) await run('sh', ['-c', line]);
  expect((await doctor()).checks.get('other firewalls')?.Status).toBe('ok');
  await run('nft', ['delete table ip other']);
});

test('drift is counted', async () => {
  await ip(['link', 'set', 'vethd0', 'down']);
  await until('it is repaired', async () => (await doctor()).checks.get('drift')?.Message.startsWith('1 '));
  expect((await doctor()).checks.get('kernel state')?.Status).toBe('ok');
});

test('a state folder that others may read is a warning', async () => {
  chmodSync(vethd.stateDir, 0o755);
  const { exitCode, checks } = await doctor();
  expect([exitCode, checks.get('state folder')?.Status]).toEqual([1, 'warning']);
  chmodSync(vethd.stateDir, 0o700);
});

test('without the daemon it is broken, and says what can be seen', async () => {
  await vethd.stop();
  const { exitCode, checks } = await doctor();
  expect(exitCode).toBe(2);
  expect(checks.get('daemon')).toMatchObject({
    Status: 'broken',
    Message: expect.stringContaining('Is the daemon running?'),
  });
  expect(checks.get('links')?.Message).toMatch(/^1 of vethd’s/);
  await vethd.start();
});
