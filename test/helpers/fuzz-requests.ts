/**
 * Generated requests to a real daemon, valid and not, over a handful of names, so that they meet: networks n1…n5,
 * containers c1…c4, and b1 and b2 for namespaces that are there before.
 */
import fc from 'fast-check';

/** One request. */
export interface FuzzRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body: unknown;
  /** Whether it asks for a dry run. */
  readonly dryRun: boolean;
}

const hex = 'deadbeef'.repeat(8);
const strange = fc.constantFrom(
  '',
  'nosuch',
  'a b',
  'ü',
  'x/y',
  '..',
  '%',
  hex,
  'x'.repeat(300),
  '\u0000',
  '-x',
);
const networkName = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('n1', 'n2', 'n3', 'n4', 'n5') },
  { weight: 1, arbitrary: fc.constantFrom('bridge', 'host', 'none', 'default', 'n') },
  { weight: 1, arbitrary: strange },
);
const containerName = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('c1', 'c2', 'c3', 'c4', 'b1', 'b2') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'pid:1',
      'pid:0',
      'pid:4000000',
      '/proc/1/ns/net',
      '/etc/passwd',
      '/run/netns/b1',
      'c',
    ),
  },
  { weight: 1, arbitrary: strange },
);
const subnet = fc.constantFrom(
  ...['10.201.0.0/24', '10.202.0.0/28', '10.202.0.0/24', '10.203.0.0/30', '10.204.0.0/31', '10.205.0.0/32'],
  ...[
    'fd00:fa::/64',
    'fd00:fb::/126',
    'fd00:fb::/128',
    '0.0.0.0/28',
    '::/80',
    '0.0.0.0/0',
    '10.1.2.3/24',
    'bad',
    '',
  ],
  ...[
    '10.0.0.0/33',
    '300.1.1.1/8',
    '224.0.0.0/24',
    '127.0.0.0/24',
    '169.254.0.0/16',
    'fe80::/64',
    'ff00::/64',
  ],
);
const address = fc.constantFrom(
  ...['10.201.0.1', '10.201.0.9', '10.201.0.0', '10.201.0.255', '10.202.0.2', '10.203.0.2', '10.204.0.1'],
  ...[
    'fd00:fa::1',
    'fd00:fa::9',
    'fd00:fb::2',
    '0.0.0.0',
    '::',
    '10.9.9.9',
    'bad',
    '',
    '127.0.0.1',
    '169.254.3.3',
  ],
);
const mac = fc.constantFrom(
  '',
  '02:00:00:00:00:01',
  '02:00:00:00:00:02',
  '01:00:00:00:00:01',
  '00:00:00:00:00:00',
  'x',
);
const word = fc.constantFrom(
  '',
  'a',
  'true',
  'false',
  '1',
  '-1',
  '0',
  '1400',
  '70000',
  'x'.repeat(20),
  'eth0',
  'nat',
  'isolated',
);
const odd = fc.constantFrom<unknown>(null, 0, -1, 1.5, true, '', [], {}, [null], 'text', { a: 1 });
const flag = fc.oneof({ weight: 9, arbitrary: fc.boolean() }, { weight: 1, arbitrary: odd });

/** The members that are there or not, and now and then of a wrong kind. */
function some(
  members: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  always: readonly string[] = [],
): fc.Arbitrary<unknown> {
  const values: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, value] of Object.entries(members)) {
    values[name] = fc.oneof({ weight: 30, arbitrary: value }, { weight: 1, arbitrary: odd });
  }
  return fc.record(values, { requiredKeys: [...always] });
}

const option = fc.constantFrom(
  'com.docker.network.driver.mtu',
  'com.docker.network.bridge.enable_icc',
  'com.docker.network.bridge.enable_ip_masquerade',
  'com.docker.network.bridge.inhibit_ipv4',
  'com.docker.network.bridge.gateway_mode_ipv4',
  'com.docker.network.bridge.gateway_mode_ipv6',
  'com.docker.network.bridge.host_binding_ipv4',
  'com.docker.network.bridge.trusted_host_interfaces',
  'com.docker.network.container_iface_prefix',
  'com.docker.network.host_ipv4',
  'com.docker.network.enable_ipv6',
  'com.docker.network.advertise_addr_ms',
  'unknown',
);
const networkBody = some(
  {
    Name: networkName,
    Driver: fc.constantFrom('bridge', '', 'bridge', 'host', 'null', 'overlay', 'macvlan'),
    EnableIPv4: flag,
    EnableIPv6: flag,
    Internal: flag,
    Attachable: flag,
    ConfigOnly: fc.constantFrom(false, false, false, true),
    ConfigFrom: fc.constantFrom(null, null, null, { Network: 'n1' }, { Network: 'nosuch' }),
    Labels: fc.constantFrom({}, { a: 'b' }, null),
    Options: fc.dictionary(option, word, { maxKeys: 2 }),
    IPAM: some({
      Driver: fc.constantFrom('default', 'default', '', 'null', 'nosuch'),
      Config: fc.array(
        some({
          Subnet: subnet,
          IPRange: fc.oneof(fc.constant(''), subnet),
          Gateway: fc.oneof(fc.constant(''), address),
          AuxiliaryAddresses: fc.dictionary(fc.constantFrom('a', 'DefaultGatewayIPv4'), address, {
            maxKeys: 1,
          }),
        }),
        { maxLength: 2 },
      ),
    }),
  },
  ['Name'],
);

const endpointOption = fc.constantFrom(
  'com.docker.network.endpoint.ifname',
  'com.docker.network.endpoint.sysctls',
  'unknown',
);
const endpointConfig = some({
  IPAMConfig: some({
    IPv4Address: address,
    IPv6Address: address,
    LinkLocalIPs: fc.array(address, { maxLength: 2 }),
  }),
  MacAddress: mac,
  Aliases: fc.array(fc.constantFrom('alias', '', 'a b', 'x'.repeat(300)), { maxLength: 2 }),
  GwPriority: fc.constantFrom(0, 1, -5, 2 ** 40),
  DriverOpts: fc.dictionary(
    endpointOption,
    fc.constantFrom(
      'lan0',
      'lo',
      'eth0',
      'net.ipv4.conf.IFNAME.log_martians=1',
      'net.x',
      '',
      '../x',
      'x'.repeat(20),
    ),
    { maxKeys: 1 },
  ),
});
const containerBody = some({
  Image: fc.constantFrom('image', '', 'a:b'),
  Labels: fc.constantFrom({}, { a: 'b' }),
  HostConfig: some({
    NetworkMode: fc.oneof(
      networkName,
      fc.constantFrom('none', 'host', 'container:c1', 'container:nosuch', 'default'),
    ),
  }),
  NetworkingConfig: some({ EndpointsConfig: fc.dictionary(networkName, endpointConfig, { maxKeys: 2 }) }),
});

const query = fc.constantFrom('', '', '', '', 'dry-run=true', 'filters={', 'filters={"x":["y"]}', 'force=1');
const filters = fc.constantFrom(
  '',
  'filters={"label":["a"]}',
  'filters={"until":["1h"]}',
  'filters={"until":["x"]}',
  'dry-run=1',
);

function toRequest(
  method: FuzzRequest['method'],
  path: fc.Arbitrary<string>,
  queries: fc.Arbitrary<string>,
  body: fc.Arbitrary<unknown> = fc.constant(undefined),
): fc.Arbitrary<FuzzRequest> {
  return fc.tuple(path, queries, body).map(([plain, asked, json]) => ({
    method,
    path: asked === '' ? plain : `${plain}?${asked.replaceAll(/[{}"[\]]/g, encodeURIComponent)}`,
    body: json,
    dryRun: asked.startsWith('dry-run'),
  }));
}

function below(prefix: string, name: fc.Arbitrary<string>, suffix = ''): fc.Arbitrary<string> {
  return name.map((text) => `${prefix}/${encodeURIComponent(text)}${suffix}`);
}

const change = fc.constantFrom('start', 'start', 'stop', 'restart', 'kill', 'kill', 'pause', 'rename');
const changeQuery = fc.oneof(
  query,
  fc.constantFrom('signal=WINCH', 'signal=99', 'name=c1', 'name=c4', 'name=b1', 'name=n1'),
);

/** A generated request. */
export const fuzzRequest: fc.Arbitrary<FuzzRequest> = fc.oneof(
  { weight: 4, arbitrary: toRequest('POST', fc.constant('/networks/create'), query, networkBody) },
  { weight: 2, arbitrary: toRequest('DELETE', below('/networks', networkName), query) },
  {
    weight: 5,
    arbitrary: toRequest(
      'POST',
      below('/networks', networkName, '/connect'),
      query,
      some({ Container: containerName, EndpointConfig: endpointConfig }, ['Container']),
    ),
  },
  {
    weight: 3,
    arbitrary: toRequest(
      'POST',
      below('/networks', networkName, '/disconnect'),
      query,
      some({ Container: containerName, Force: flag }, ['Container']),
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(containerName, containerBody)
      .chain(([name, body]) =>
        toRequest(
          'POST',
          fc.constant(`/containers/create?name=${encodeURIComponent(name)}`),
          fc.constant(''),
          fc.constant(body),
        ),
      ),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(containerName, change)
      .chain(([name, verb]) =>
        toRequest('POST', fc.constant(`/containers/${encodeURIComponent(name)}/${verb}`), changeQuery),
      ),
  },
  { weight: 2, arbitrary: toRequest('DELETE', below('/containers', containerName), query) },
  {
    weight: 1,
    arbitrary: toRequest('POST', fc.constantFrom('/networks/prune', '/containers/prune'), filters),
  },
  { weight: 1, arbitrary: toRequest('GET', below('/networks', networkName), query) },
  { weight: 1, arbitrary: toRequest('GET', below('/containers', containerName, '/json'), query) },
  { weight: 1, arbitrary: toRequest('GET', fc.constantFrom('/networks', '/containers/json'), filters) },
);
