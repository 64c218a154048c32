import { describe, expect, test } from 'vitest';
import type { PortSpec } from './endpoint.ts';
import { type ParsedPort, parsePorts } from './port-rules.ts';

function spec(containerPort: string, hostPort: string, rest: Partial<PortSpec> = {}): PortSpec {
  return { protocol: 'tcp', containerPort, hostAddress: '', hostPort, ...rest };
}

function text({ protocol, containerPort, containerPortEnd, hostPort }: ParsedPort): string {
  return `${hostPort ?? '?'}:${containerPort}-${containerPortEnd}/${protocol}`;
}

const texts = (specs: readonly PortSpec[]) => parsePorts(specs).map(text);

describe('parsePorts', () => {
  test('reads ports, ranges, and what is left to vethd', () => {
    expect(texts([spec('80', '8080'), spec('90-99', '9090-9099'), spec('81', ''), spec('82', '0')])).toEqual([
      '8080:80-80/tcp',
      '9090:90-99/tcp',
      '?:81-81/tcp',
      '?:82-82/tcp',
    ]);
  });

  test('joins a range that was sent port by port, whatever the order', () => {
    const ports = Array.from({ length: 10_000 }, (_, index) => spec(`${index + 1000}`, `${index + 21_000}`));
    ports.sort((a, b) => (a.containerPort < b.containerPort ? -1 : 1));
    expect(texts(ports)).toEqual(['21000:1000-10999/tcp']);
  });

  test.each<[string, PortSpec, PortSpec]>([
    ['another protocol', spec('80', '80'), spec('81', '81', { protocol: 'udp' })],
    ['another address', spec('80', '80'), spec('81', '81', { hostAddress: '127.0.0.1' })],
    ['a gap', spec('80', '80'), spec('82', '82')],
    ['a gap outside', spec('80', '80'), spec('81', '82')],
    ['the same ports', spec('80', '80'), spec('80', '80')],
  ])('does not join %s', (_, a, b) => {
    expect(parsePorts([a, b])).toHaveLength(2);
  });

  test.each<[string, PortSpec, string]>([
    ['port 0', spec('0', '80'), 'invalid port "0"'],
    ['no port', spec('65536', '80'), 'invalid port "65536"'],
    ['a range backwards', spec('90-80', ''), 'invalid port "90-80"'],
    [
      'ranges of two lengths',
      spec('80-81', '80-82'),
      'invalid ranges specified for container and host Ports',
    ],
    ['no address', spec('80', '80', { hostAddress: 'localhost' }), 'invalid host address localhost'],
  ])('refuses %s', (_, wrong, message) => {
    expect(() => parsePorts([wrong])).toThrow(message);
  });

  test('refuses more than 128 that are no ranges', () => {
    const ports = Array.from({ length: 129 }, (_, index) => spec(`${2 * index + 1}`, `${2 * index + 1}`));
    expect(() => parsePorts(ports)).toThrow('129 published ports: want at most 128 ranges');
    expect(parsePorts(ports.slice(1))).toHaveLength(128);
  });
});
