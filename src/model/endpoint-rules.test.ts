import { describe, expect, test } from 'vitest';
import { parseAddress } from './address.ts';
import { EMPTY_ENDPOINT_SPEC, type EndpointSpec, type PortSpec } from './endpoint.ts';
import { ENDPOINT_OPTION, parseEndpointSpec } from './endpoint-rules.ts';
import { parseEndpointSysctl } from './endpoint-sysctls.ts';

function parse(rest: Partial<EndpointSpec>) {
  return parseEndpointSpec({ ...EMPTY_ENDPOINT_SPEC, ...rest });
}

function port(rest: Partial<PortSpec>): PortSpec {
  return { protocol: 'tcp', containerPort: '80', hostAddress: '', hostPort: '', ...rest };
}

test('nothing asked', () => {
  expect(parse({})).toEqual({
    ...EMPTY_ENDPOINT_SPEC,
    ipv4: undefined,
    ipv6: undefined,
    askedIpv4: '',
    askedIpv6: '',
    ifname: undefined,
  });
});

test('everything asked', () => {
  const driverOpts = {
    [ENDPOINT_OPTION.ifname]: 'wan0',
    [ENDPOINT_OPTION.sysctls]: 'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.neigh.ifname.gc_stale_time=30',
  };
  const parsed = parse({
    ipv4: '10.0.0.5',
    ipv6: 'FD00::0005',
    linkLocal: ['169.254.1.1', 'fe80::1'],
    mac: '02-AA-00-00-00-01',
    aliases: ['web', 'www.example.com', '_srv'],
    links: ['db:database'],
    driverOpts,
    gwPriority: -5,
    ports: [port({ containerPort: '80-81', hostAddress: '127.0.0.1', hostPort: '8080-8081' })],
  });
  expect(parsed).toMatchObject({
    ipv4: parseAddress('10.0.0.5'),
    ipv6: parseAddress('fd00::5'),
    askedIpv6: 'FD00::0005',
    linkLocal: [parseAddress('169.254.1.1'), parseAddress('fe80::1')],
    mac: '02:aa:00:00:00:01',
    ifname: 'wan0',
    driverOpts,
    gwPriority: -5,
    ports: [
      {
        protocol: 'tcp',
        containerPort: 80,
        containerPortEnd: 81,
        hostAddress: parseAddress('127.0.0.1'),
        hostPort: 8080,
      },
    ],
  });
});

const SYSCTL_WORDS =
  "represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'";

test.each<[Partial<EndpointSpec>, string]>([
  [{ ipv4: '10.0.0' }, 'invalid endpoint settings:\ninvalid IPv4 address: 10.0.0'],
  [{ ipv4: 'fd00::1' }, 'invalid endpoint settings:\ninvalid IPv4 address: fd00::1'],
  [{ ipv4: '0.0.0.0' }, 'invalid endpoint settings:\ninvalid IPv4 address: 0.0.0.0'],
  [{ ipv6: 'fe80::1%eth0' }, 'invalid endpoint settings:\ninvalid IPv6 address: fe80::1%eth0'],
  [
    { ipv4: 'x', ipv6: 'y', linkLocal: ['z', '10.0.0.1'] },
    'invalid endpoint settings:\ninvalid IPv4 address: x\ninvalid IPv6 address: y\ninvalid link-local IP address: z\ninvalid link local IP address: 10.0.0.1',
  ],
  [
    { driverOpts: { [ENDPOINT_OPTION.sysctls]: 'net.ipv4.conf.eth0.log_martians=1' } },
    `invalid endpoint settings:\nunrecognised network interface sysctl 'net.ipv4.conf.eth0.log_martians=1'; ${SYSCTL_WORDS}`,
  ],
  [{ gwPriority: 0.5 }, 'invalid endpoint settings:\ninvalid GwPriority 0.5: want an integer from'],
  [{ gwPriority: 2 ** 31 }, 'invalid GwPriority 2147483648'],
  [{ aliases: ['a b'] }, 'invalid alias "a b"'],
  [{ aliases: ['a..b'] }, 'invalid alias "a..b"'],
  [{ aliases: [''] }, 'invalid alias ""'],
  [{ aliases: ['x'.repeat(64)] }, 'invalid alias'],
  [{ aliases: new Array(65).fill('x') }, 'more than 64 aliases'],
  [{ links: ['a\nb'] }, 'invalid link'],
  [{ mac: '01:00:00:00:00:00' }, 'invalid MAC address: 01:00:00:00:00:00: it is a multicast address'],
  [{ driverOpts: { [ENDPOINT_OPTION.ifname]: 'a/b' } }, 'invalid interface name "a/b"'],
  [{ ports: [port({ containerPort: '0' })] }, 'invalid port "0"'],
  [{ ports: [port({ containerPort: '81-80' })] }, 'invalid port "81-80"'],
  [{ ports: [port({ hostPort: '65536' })] }, 'invalid port "65536"'],
  [{ ports: [port({ hostAddress: 'x' })] }, 'invalid host address x'],
  [
    { ports: [port({ hostPort: '8000-8010' })] },
    'invalid ranges specified for container and host Ports: 80 and 8000-8010',
  ],
])('%j is refused', (spec, message) => {
  expect(() => parse(spec)).toThrow(expect.objectContaining({ kind: 'invalidArgument' }));
  expect(() => parse(spec)).toThrow(message);
});

test.each(['', '0'])('host port %j: vethd chooses', (hostPort) => {
  expect(parse({ ports: [port({ hostPort })] }).ports[0]?.hostPort).toBeUndefined();
});

describe('parseEndpointSysctl', () => {
  test('takes the folder apart', () => {
    expect(parseEndpointSysctl(' net.mpls.conf.IFNAME.input=1 ')).toEqual({
      family: 'mpls',
      folder: 'conf',
      name: 'input',
      value: '1',
    });
  });

  test.each([
    ...[
      '',
      'net.ipv4.conf.IFNAME.x',
      'net.core.conf.IFNAME.x=1',
      'net.ipv4.conf.all.x=1',
      'ipv4.conf.IFNAME.x=1',
    ],
    ...['net.ipv4.../../x.IFNAME.x=1', 'net.ipv4.conf.IFNAME.a/b=1', 'net.ipv4.conf.IFNAME.x=1\n2'],
    ...['net.ipv4.conf.IFNAME.x=', `net.ipv4.conf.IFNAME.x=${'1'.repeat(65)}`],
  ])('refuses %j', (text) => expect(parseEndpointSysctl(text)).toBeUndefined());
});
