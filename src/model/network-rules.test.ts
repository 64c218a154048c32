import { describe, expect, test } from 'vitest';
import type { ErrorKind } from '../errors.ts';
import { parseAddress, parsePrefix } from './address.ts';
import type { IpamConfigSpec, NetworkSpec } from './network.ts';
import { parseNetworkSpec } from './network-rules.ts';

const SPEC: NetworkSpec = {
  name: 'lab',
  driver: '',
  scope: '',
  enableIPv4: undefined,
  enableIPv6: undefined,
  internal: false,
  attachable: false,
  ingress: false,
  configOnly: false,
  configFrom: '',
  ipamDriver: '',
  ipamOptions: undefined,
  ipamConfig: [],
  options: {},
  labels: {},
};

function parse(rest: Partial<NetworkSpec>) {
  return parseNetworkSpec({ ...SPEC, ...rest });
}

function entry(subnet: string, rest: Partial<IpamConfigSpec> = {}): IpamConfigSpec {
  return { subnet, ipRange: '', gateway: '', aux: {}, ...rest };
}

const AUTOMATIC = {
  prefix: undefined,
  length: undefined,
  ipRange: undefined,
  gateway: undefined,
  aux: {},
} as const;

describe('taken', () => {
  test('a name alone: a bridge with an automatic IPv4 subnet', () => {
    expect(parse({})).toEqual({
      name: 'lab',
      driver: 'bridge',
      enableIPv4: true,
      enableIPv6: false,
      internal: false,
      attachable: false,
      configOnly: false,
      configFrom: '',
      ipamOptions: undefined,
      subnets: [{ ...AUTOMATIC, family: 'ipv4' }],
      options: {},
      labels: {},
    });
  });

  test('IPv4 first, whatever order they were sent in; the rest parsed', () => {
    const v6 = entry('fd00:1::/64');
    const v4 = entry('10.1.0.0/16', {
      ipRange: '10.1.2.0/24',
      gateway: '10.1.0.254',
      aux: { DefaultGatewayIPv4: '10.1.0.7' },
    });
    expect(parse({ enableIPv6: true, ipamConfig: [v6, v4] }).subnets).toEqual([
      {
        family: 'ipv4',
        prefix: parsePrefix('10.1.0.0/16'),
        length: undefined,
        ipRange: parsePrefix('10.1.2.0/24'),
        gateway: parseAddress('10.1.0.254'),
        aux: { DefaultGatewayIPv4: parseAddress('10.1.0.7') },
      },
      { ...AUTOMATIC, family: 'ipv6', prefix: parsePrefix('fd00:1::/64') },
    ]);
  });

  test('0.0.0.0/N and ::/N: an automatic one of that length', () => {
    const ipamConfig = [entry('0.0.0.0/26'), entry('::/80')];
    expect(parse({ enableIPv6: true, ipamConfig }).subnets).toEqual([
      { ...AUTOMATIC, family: 'ipv4', length: 26 },
      { ...AUTOMATIC, family: 'ipv6', length: 80 },
    ]);
  });

  test('entries of a family that is off are neither checked nor used', () => {
    const ipamConfig = [entry('fd00::1/64', { gateway: 'nonsense' })];
    expect(parse({ ipamConfig }).subnets).toEqual([{ ...AUTOMATIC, family: 'ipv4' }]);
  });

  test.each([
    [{ enableIPv6: true }, ['ipv4', 'ipv6']],
    [{ enableIPv4: false, enableIPv6: true }, ['ipv6']],
    [{ options: { 'com.docker.network.enable_ipv6': '1' } }, ['ipv4', 'ipv6']],
    [{ enableIPv6: false, options: { 'com.docker.network.enable_ipv6': '1' } }, ['ipv4']],
  ])('families of %j', (rest, families) => {
    expect(parse(rest).subnets.map(({ family }) => family)).toEqual(families);
  });

  test('config-only: only what was given, shown with driver null', () => {
    const parsed = parse({ configOnly: true, driver: 'bridge', labels: { a: 'b' } });
    expect(parsed).toMatchObject({ driver: 'null', configOnly: true, subnets: [], labels: { a: 'b' } });
  });

  test('made from a config-only network', () => {
    expect(parse({ configFrom: 'base', internal: true })).toMatchObject({ configFrom: 'base', subnets: [] });
  });
});

const SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const CONFIG_ONLY =
  'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.';
const CONFIG_FROM =
  'user-specified configurations are not supported if the network depends on a configuration network';

test.each<[Partial<NetworkSpec>, ErrorKind, string]>([
  [{ name: '' }, 'invalidArgument', 'invalid name: name is empty'],
  [{ name: 'host' }, 'forbidden', 'operation is not permitted on predefined host network '],
  [{ name: 'default' }, 'forbidden', 'operation is not permitted on predefined default network '],
  [{ driver: 'nosuch' }, 'notFound', 'plugin "nosuch" not found'],
  [{ driver: 'none' }, 'notFound', 'plugin "none" not found'],
  [{ driver: 'host' }, 'forbidden', 'only one instance of "host" network is allowed'],
  [{ driver: 'null' }, 'forbidden', 'only one instance of "null" network is allowed'],
  [{ driver: 'overlay' }, 'forbidden', SWARM],
  [{ ipamDriver: 'nosuch' }, 'notFound', 'plugin "nosuch" not found'],
  [{ ipamDriver: 'null' }, 'invalidArgument', 'ipv4 pool is empty'],
  [{ scope: 'swarm' }, 'forbidden', 'cannot create a swarm scoped network when swarm is not active'],
  [{ ingress: true }, 'forbidden', 'Ingress network can only be global scope network'],
  [{ configOnly: true, internal: true }, 'forbidden', CONFIG_ONLY],
  [{ configOnly: true, scope: 'local' }, 'forbidden', CONFIG_ONLY],
  [{ configOnly: true, ingress: true }, 'forbidden', CONFIG_ONLY],
  [{ configFrom: 'x', enableIPv6: true }, 'forbidden', CONFIG_FROM],
  [{ configFrom: 'x', labels: { a: 'b' } }, 'forbidden', CONFIG_FROM],
  [{ configFrom: 'x', ipamConfig: [entry('10.0.0.0/24')] }, 'forbidden', CONFIG_FROM],
  [
    { configFrom: 'x', options: { a: 'b' } },
    'forbidden',
    'network driver options are not supported if the network depends on a configuration network',
  ],
  [
    { configFrom: 'x', configOnly: true },
    'forbidden',
    'a configuration network cannot depend on another configuration network',
  ],
  [{ enableIPv4: false }, 'invalidArgument', 'IPv4 or IPv6 must be enabled'],
  [
    { ipamConfig: [entry('10.0.0.0/24'), entry('10.0.1.0/24')] },
    'forbidden',
    "bridge driver doesn't support multiple subnets",
  ],
  [{ options: { 'com.docker.network.driver.mtu': '-1' } }, 'invalidArgument', 'invalid MTU number: -1'],
])('%j is refused', (rest, kind, message) => {
  expect(() => parse(rest)).toThrow(expect.objectContaining({ kind, message }));
});

describe('faults of the IPAM configuration', () => {
  test.each<[IpamConfigSpec, string[]]>([
    [entry(''), ['invalid subnet : invalid CIDR block notation']],
    [entry('10.0.0.0'), ['invalid subnet 10.0.0.0: invalid CIDR block notation']],
    [entry('010.0.0.0/8'), ['invalid subnet 010.0.0.0/8: invalid CIDR block notation']],
    [entry('10.91.0.5/24'), ['invalid subnet 10.91.0.5/24: it should be 10.91.0.0/24']],
    [entry('127.0.0.0/24'), ['invalid subnet 127.0.0.0/24: 127.0.0.0/8 is the loopback network']],
    [entry('96.0.0.0/3'), ['invalid subnet 96.0.0.0/3: 127.0.0.0/8 is the loopback network']],
    [entry('0.1.0.0/16'), ['invalid subnet 0.1.0.0/16: 0.0.0.0/8 is "this network" (RFC 791)']],
    [entry('169.254.3.0/24'), ['invalid subnet 169.254.3.0/24: 169.254.0.0/16 is for link-local addresses']],
    [entry('224.0.0.0/24'), ['invalid subnet 224.0.0.0/24: 224.0.0.0/4 is for multicast']],
    [entry('255.255.255.255/32'), ['invalid subnet 255.255.255.255/32: 240.0.0.0/4 is reserved']],
    [entry('fe80::/64'), ['invalid subnet fe80::/64: fe80::/10 is for link-local addresses']],
    [entry('ff02::/64'), ['invalid subnet ff02::/64: ff00::/8 is for multicast']],
    [entry('fe80::%eth0/64'), ['invalid subnet fe80::%eth0/64: invalid CIDR block notation']],
    [
      entry('::ffff:10.0.0.0/120'),
      ['invalid subnet ::ffff:a00:0/120: ::ffff:0:0/96 is for IPv4 addresses in IPv6 text'],
    ],
    [entry('10.0.0.0/24', { ipRange: 'x' }), ['invalid ip-range x: invalid CIDR block notation']],
    [
      entry('10.0.0.0/24', { ipRange: '10.0.0.0/16' }),
      ['invalid ip-range 10.0.0.0/16: CIDR block is bigger than its parent subnet 10.0.0.0/24'],
    ],
    [
      entry('10.0.0.0/24', { ipRange: '10.0.0.9/29' }),
      ['invalid ip-range 10.0.0.9/29: it should be 10.0.0.8/29'],
    ],
    [
      entry('10.0.0.0/24', { ipRange: '10.0.1.0/28' }),
      ["invalid ip-range 10.0.1.0/28: parent subnet 10.0.0.0/24 doesn't contain ip-range"],
    ],
    [
      entry('10.0.0.0/24', { ipRange: 'fd00::/80' }),
      ['invalid ip-range fd00::/80: parent subnet is an IPv4 block'],
    ],
    [
      entry('10.0.0.0/24', { gateway: '10.0.1.1' }),
      ["invalid gateway 10.0.1.1: parent subnet 10.0.0.0/24 doesn't contain this address"],
    ],
    [
      entry('10.0.0.0/24', { gateway: 'fd00::1' }),
      ['invalid gateway fd00::1: parent subnet is an IPv4 block'],
    ],
    [entry('10.0.0.0/24', { gateway: 'x' }), ['invalid gateway x: invalid address']],
    [
      entry('10.0.0.0/24', { aux: { nas: 'x', tv: '10.9.9.9' } }),
      [
        'invalid auxiliary address nas: invalid address',
        "invalid auxiliary address tv: parent subnet 10.0.0.0/24 doesn't contain this address",
      ],
    ],
    [
      entry('10.0.0.5/24', { ipRange: '10.1.0.7/29', gateway: 'x' }),
      [
        'invalid subnet 10.0.0.5/24: it should be 10.0.0.0/24',
        'invalid ip-range 10.1.0.7/29: it should be 10.1.0.0/29',
        "invalid ip-range 10.1.0.7/29: parent subnet 10.0.0.5/24 doesn't contain ip-range",
        'invalid gateway x: invalid address',
      ],
    ],
  ])('%j', (config, faults) => {
    expect(() => parse({ enableIPv6: true, ipamConfig: [config] })).toThrow(
      expect.objectContaining({
        kind: 'invalidArgument',
        message: `invalid network config:\n${faults.join('\n')}`,
      }),
    );
  });

  test('of several entries, all at once; not more than 16', () => {
    expect(() => parse({ enableIPv6: true, ipamConfig: [entry('x'), entry('fd00::1/64')] })).toThrow(
      'invalid network config:\ninvalid subnet x: invalid CIDR block notation\ninvalid subnet fd00::1/64: it should be fd00::/64',
    );
    expect(() => parse({ ipamConfig: new Array(17).fill(entry('10.0.0.0/24')) })).toThrow(
      'more than 16 subnets',
    );
  });
});
