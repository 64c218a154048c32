import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { attempt, run } from '../helpers/commands.ts';
import { addNetns, inNetns, ip, linksOf, listNetns, ping, removeNetns, snapshot } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

test('begins with loopback alone and no namespace', async () => {
  expect(await snapshot()).toEqual({
    links: ['lo master -'],
    addresses: ['lo 127.0.0.1/8', 'lo ::1/128'],
    routes: expect.any(Array),
    rules: '',
    netns: [],
  });
});

test('makes named namespaces that other programs can enter', async () => {
  await addNetns('a');
  expect(listNetns()).toEqual(['a']);
  await ip(['link', 'set', 'lo', 'up'], 'a');
  expect(await ping('a', '127.0.0.1')).toBe(true);
  expect(await ping('a', '192.0.2.1')).toBe(false);
  expect(await inNetns('a', 'cat', '/proc/sys/net/ipv4/ip_forward')).toMatch(/^[01]$/);
  await removeNetns('a');
  expect(listNetns()).toEqual([]);
});

test('a snapshot tells what was added', async () => {
  const before = await snapshot();
  await ip(['link', 'add', 'b0', 'type', 'bridge']);
  await ip(['address', 'add', '192.0.2.1/24', 'dev', 'b0']);
  const after = await snapshot();
  expect(after.links).toContain('b0 master -');
  expect(after.addresses).toContain('b0 192.0.2.1/24');
  expect((await linksOf()).find((link) => link.ifname === 'b0')?.linkinfo?.info_kind).toBe('bridge');
  await ip(['link', 'del', 'b0']);
  expect(await snapshot()).toEqual(before);
});

test('keeps changes of /etc and processes to itself', async () => {
  const mark = `/etc/vethd-throwaway-${process.pid}`;
  writeFileSync(mark, '');
  const seen = await run('scripts/throwaway', ['sh', '-c', 'touch /etc/vethd-inner; sleep 60 & echo $!']);
  expect(existsSync('/etc/vethd-inner')).toBe(false);
  expect(existsSync(mark)).toBe(true);
  expect(Number(seen)).toBeGreaterThan(1);
  expect(readFileSync('/proc/1/cmdline', 'utf8')).toContain('throwaway');
});

test('a program that ends badly gives its exit code; until gives up by name', async () => {
  expect((await attempt('scripts/throwaway', ['sh', '-c', 'exit 3'])).exitCode).toBe(3);
  await expect(until('pigs fly', () => false, 50)).rejects.toThrow('pigs fly');
});
