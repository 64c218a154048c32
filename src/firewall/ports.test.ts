import { describe, expect, test } from 'vitest';
import { VethdError } from '../errors.ts';
import { parseAddress } from '../model/address.ts';
import type { HostListener } from '../model/host-port.ts';
import { parsePorts } from '../model/port-rules.ts';
import { needsRouteLocalnet, type PortUse, resolvePorts } from './ports.ts';
import { portWith } from './ruleset.fixture.ts';

const FREE: PortUse = { published: [], listeners: [], automatic: { first: 32768, last: 32775 } };

function wish(hostPort: string, containerPort = '80', hostAddress = '', protocol: 'tcp' | 'udp' = 'tcp') {
  return { protocol, containerPort, hostAddress, hostPort };
}

function resolve(use: PortUse, ...wishes: ReturnType<typeof wish>[]): string[] {
  return resolvePorts(parsePorts(wishes), use, 'new').map(({ hostPort, hostPortEnd }) =>
    hostPort === hostPortEnd ? `${hostPort}` : `${hostPort}-${hostPortEnd}`,
  );
}

function refusal(use: PortUse, ...wishes: ReturnType<typeof wish>[]): string {
  try {
    resolve(use, ...wishes);
  } catch (error) {
    if (error instanceof VethdError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return 'none';
}

function listener(address: string, port: number): HostListener {
  return { protocol: 'tcp', address: parseAddress(address), port };
}

const held: PortUse = { ...FREE, published: [{ port: portWith(), holder: 'web1' }] };

describe('a named host port', () => {
  test('is given when it is free', () => {
    expect(resolve(held, wish('8081'), wish('8080', '80', '', 'udp'))).toEqual(['8081', '8080']);
  });

  test('is refused in Docker’s words, naming the container that has it', () => {
    expect(refusal(held, wish('8080'))).toBe(
      'conflict: Bind for 0.0.0.0:8080 failed: port is already allocated (tcp, published by container web1)',
    );
  });

  test('is refused when a range touches it, naming the port', () => {
    expect(refusal(held, wish('8070-8090', '70-90'))).toContain('Bind for 0.0.0.0:8080 failed');
  });

  test('is refused when a program listens on it', () => {
    const use = { ...FREE, listeners: [listener('127.0.0.1', 22)] };
    expect(refusal(use, wish('22'))).toBe(
      'conflict: Bind for 0.0.0.0:22 failed: port is already allocated ' +
        '(tcp, a program of the host listens on 127.0.0.1:22)',
    );
  });

  test.for([
    ['another address of the family', '192.0.2.1', '192.0.2.2', true],
    ['the same address', '192.0.2.1', '192.0.2.1', false],
    ['every address of the family', '192.0.2.1', '0.0.0.0', false],
    ['the other family', '192.0.2.1', '::', true],
  ] as const)('beside a publication at %s', ([, first, second, isFree]) => {
    const port = portWith({ hostAddress: parseAddress(first) });
    const use = { ...FREE, published: [{ port, holder: 'web1' }] };
    expect(refusal(use, wish('8080', '80', second)) === 'none').toBe(isFree);
  });

  test('collides with a listener on :: in both families', () => {
    const use = { ...FREE, listeners: [listener('::', 80)] };
    expect(refusal(use, wish('80', '80', '192.0.2.1'))).toContain('[::]:80');
  });

  test('may be named once a request', () => {
    expect(refusal(FREE, wish('80'), wish('80', '81'))).toContain('published by container new');
  });
});

describe('an automatic host port', () => {
  test('is the lowest free one, behind what is taken and what the same request names', () => {
    const use = { ...FREE, listeners: [listener('0.0.0.0', 32768)] };
    expect(resolve(use, wish(''), wish('32769'), wish('0'))).toEqual(['32769', '32770', '32771']);
  });

  test('may be one that another protocol or address has', () => {
    const port = portWith({ hostPort: 32768, hostPortEnd: 32768, hostAddress: parseAddress('192.0.2.1') });
    const use = { ...FREE, published: [{ port, holder: 'web1' }] };
    expect(resolve(use, wish(''))).toEqual(['32769']);
    expect(resolve(use, wish('', '80', '', 'udp'))).toEqual(['32768']);
    expect(resolve(use, wish('', '80', '192.0.2.2'))).toEqual(['32768']);
  });

  test('is a run of free ones for a range', () => {
    const use = { ...FREE, listeners: [listener('0.0.0.0', 32770)] };
    expect(resolve(use, wish('', '80-83'))).toEqual(['32771-32774']);
  });

  test('is refused when there is none left', () => {
    expect(refusal(FREE, wish('', '1-9'))).toBe(
      'conflict: all tcp ports of 32768-32775 on 0.0.0.0 are allocated',
    );
  });
});

test.for([
  [undefined, true],
  ['0.0.0.0', true],
  ['127.0.0.2', true],
  ['192.0.2.1', false],
  ['::1', false],
] as const)('a port at %s needs route_localnet: %s', ([address, needed]) => {
  const hostAddress = address === undefined ? undefined : parseAddress(address);
  expect(needsRouteLocalnet([portWith({ hostAddress })])).toBe(needed);
});
