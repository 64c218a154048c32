import { describe, expect, test } from 'vitest';
import {
  judgeCapabilities,
  judgeFirewalls,
  judgeForwarding,
  judgePasses,
  judgeStateFolder,
} from './checks.ts';
import type { History } from './history.ts';

const QUIET: History = {
  lastFullPass: { timeNano: 1_700_000_000_000_000_000n, durationMs: 12.4, repairs: 0 },
  repairs: 0,
  delayed: 0,
  failures: new Map(),
};

describe('kernel', () => {
  test.each([
    ['veth', 'broken'],
    ['nftables', 'broken'],
    ['bridge-port-locked', 'warning'],
    ['address-protocol', 'warning'],
  ] as const)('without %s: %s', (name, status) => {
    const [check] = judgeCapabilities([{ name, available: false, reason: 'no such thing' }]);
    expect(check).toMatchObject({ name: `kernel ${name}`, status });
    expect(check?.message).toContain('no such thing');
  });
});

test('forwarding is broken only when it is off and needed', () => {
  expect(judgeForwarding('ipv4', '0', true, 'everybody')).toMatchObject({
    status: 'broken',
    mend: ['sysctl -w net.ipv4.ip_forward=1'],
  });
  expect(judgeForwarding('ipv4', '0', false, 'everybody').status).toBe('ok');
  expect(judgeForwarding('ipv6', undefined, false, 'everybody').status).toBe('ok');
  expect(judgeForwarding('ipv6', '1', true, 'everybody').status).toBe('ok');
});

test('forwarding says for whom it is on', () => {
  expect(judgeForwarding('ipv4', '1', true, 'everybody').message).toBe('on');
  expect(judgeForwarding('ipv4', '1', true, 'members').message).toContain("for vethd's networks alone");
  expect(judgeForwarding('ipv4', '1', false, 'bridges').message).toContain('bridges of other programs');
});

test('a firewall in the way comes with the line that mends it', () => {
  expect(judgeFirewalls([]).map(({ status }) => status)).toEqual(['ok']);
  expect(judgeFirewalls([{ message: 'ufw drops', lines: ['ufw allow'] }])).toEqual([
    { name: 'other firewalls', status: 'warning', message: 'ufw drops', mend: ['ufw allow'] },
  ]);
});

describe('passes', () => {
  test('all quiet', () => {
    const [last, drift, now] = judgePasses(QUIET, []);
    expect(last?.message).toBe('2023-11-14T22:13:20.000000000Z, 12 ms, nothing to repair');
    expect(drift).toMatchObject({ status: 'ok', message: '0 repairs since the start' });
    expect(now).toMatchObject({ status: 'ok', message: 'as it should be' });
  });

  test('somebody undoes repairs', () => {
    expect(judgePasses({ ...QUIET, repairs: 11, delayed: 1 }, [])[1]).toMatchObject({ status: 'warning' });
  });

  test('something is to be mended now', () => {
    expect(judgePasses(QUIET, ['ip link set a up', 'x'])[2]).toMatchObject({
      status: 'warning',
      message: '2 commands would mend it now, the first: ip link set a up',
    });
  });

  test('something could not be mended', () => {
    const failures = new Map([['abc', 'the kernel refused']]);
    expect(judgePasses({ ...QUIET, failures }, [])[2]).toMatchObject({
      status: 'broken',
      message: '1 are not as they should be: abc: the kernel refused',
    });
  });
});

describe('state folder', () => {
  const folder = { path: '/var/lib/vethd', mode: 0o700, uid: 0, freeBytes: 2 ** 30 };

  test.each([
    ['root’s alone, with space', {}, ['ok', 'ok']],
    ['readable for others', { mode: 0o755 }, ['warning', 'ok']],
    ['somebody else’s', { uid: 1000 }, ['warning', 'ok']],
    ['little space', { freeBytes: 10 * 2 ** 20 }, ['ok', 'warning']],
    ['no space', { freeBytes: 1000 }, ['ok', 'broken']],
  ] as const)('%s', (_name, change, statuses) => {
    expect(judgeStateFolder({ ...folder, ...change }).map(({ status }) => status)).toEqual(statuses);
  });
});
