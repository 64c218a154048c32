import { describe, expect, test } from 'vitest';
import { publish } from './flags.ts';
import { formatTable } from './table.ts';
import { unixTime } from './time.ts';

describe('publish', () => {
  test.each([
    ['80', '80/tcp', '', ''],
    ['8080:80', '80/tcp', '', '8080'],
    [':80', '80/tcp', '', ''],
    ['127.0.0.1:8080:80/tcp', '80/tcp', '127.0.0.1', '8080'],
    ['127.0.0.1::80', '80/tcp', '127.0.0.1', ''],
    ['[::1]:53:53/udp', '53/udp', '::1', '53'],
    ['8000-8010:80-90/sctp', '80-90/sctp', '', '8000-8010'],
  ])('%s', (text, key, HostIp, HostPort) => {
    expect(publish(text)).toEqual({ [key]: [{ HostIp, HostPort }] });
  });

  test.each(['', 'http', '1:2:3:4', '80/icmp', '[::1:80', 'host:80', '127.0.0.1:80'])(
    'refuses %j',
    (text) => {
      expect(() => publish(text)).toThrow('want [[address:]hostPort:]port[/protocol]');
    },
  );

  test('several of one port', () => {
    expect(publish('81:80', publish('80:80'))['80/tcp']).toHaveLength(2);
  });
});

describe('unixTime', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  test.each([
    ['1700000000', '1700000000'],
    ['1700000000.123456789', '1700000000.123456789'],
    ['2026-01-01T00:00:01Z', '1767225601.000'],
    ['1h30m', '1767220200.000'],
    ['500ms', '1767225599.500'],
  ])('%s', (text, seconds) => {
    expect(unixTime(text, now)).toBe(seconds);
  });

  test('refuses other text', () => {
    expect(() => unixTime('yesterday', now)).toThrow('invalid time yesterday');
  });
});

test('a table’s columns are at least ten wide and three apart', () => {
  expect(
    formatTable([
      ['A', 'B'],
      ['a-long-cell', 'b'],
    ]),
  ).toBe('A             B\na-long-cell   b\n');
});
