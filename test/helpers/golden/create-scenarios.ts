/** Making networks: what may be asked for, what is shown afterwards, and every refusal. */
import { ipam, type Scenario, type Step, sceneNetwork } from './scenario.ts';

/** A create and, of the network that it makes, the inspect. */
function createAndInspect(
  what: string,
  name: string,
  spec: Readonly<Record<string, unknown>>,
): readonly Step[] {
  const body = { Name: name, ...spec };
  return [
    { name: `create ${what}`, method: 'POST', path: '/networks/create', body, save: name },
    { name: `inspect ${what}`, method: 'GET', path: `/networks/${name}` },
  ];
}

/** A create that is refused. */
function refused(what: string, body: unknown): Step {
  return { name: what, method: 'POST', path: '/networks/create', body };
}

const option = (key: string, value: string) => ({ Options: { [`com.docker.network.${key}`]: value } });

/** Networks that can be made, and how they look. */
export const create: Scenario = {
  name: 'create',
  steps: [
    ...createAndInspect('with a name alone', 'plain', {}),
    ...createAndInspect('as the CLI sends it', 'cli', {
      CheckDuplicate: true,
      Driver: 'bridge',
      Scope: '',
      IPAM: { Driver: 'default', Options: {}, Config: [] },
      Internal: false,
      Attachable: false,
      Ingress: false,
      ConfigOnly: false,
      ConfigFrom: null,
      Options: {},
      Labels: {},
    }),
    ...createAndInspect('with a subnet', 'subnet', ipam('10.90.0.0/24')),
    ...createAndInspect(
      'with everything of IPAM',
      'full',
      ipam('10.91.0.0/16', {
        IPRange: '10.91.4.0/24',
        Gateway: '10.91.4.254',
        AuxiliaryAddresses: { router: '10.91.4.1', printer: '10.91.9.9' },
      }),
    ),
    ...createAndInspect('with nulls', 'nulls', { ...ipam('10.92.0.0/24'), Options: null, Labels: null }),
    ...createAndInspect('with labels and unknown options', 'marked', {
      ...ipam('10.93.0.0/24'),
      Labels: { team: 'a', empty: '' },
      Options: { 'example.org/thing': '<&>' },
    }),
    ...createAndInspect('internal and attachable', 'inside', {
      ...ipam('10.94.0.0/24'),
      Internal: true,
      Attachable: true,
    }),
    ...createAndInspect('with bridge options', 'options', {
      ...ipam('10.95.0.0/24'),
      Options: {
        'com.docker.network.bridge.name': 'brgolden',
        'com.docker.network.driver.mtu': '1400',
        'com.docker.network.bridge.enable_icc': 'false',
        'com.docker.network.bridge.enable_ip_masquerade': 'false',
        'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
      },
    }),
    ...createAndInspect('dual stack', 'dual', {
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: 'fd00:90::/64' }, { Subnet: '10.96.0.0/24', Gateway: '10.96.0.9' }] },
    }),
    ...createAndInspect('config-only', 'bundle', {
      ConfigOnly: true,
      ...ipam('10.97.0.0/24'),
      Labels: { a: 'b' },
    }),
    ...createAndInspect('from a config-only network', 'unbundled', { ConfigFrom: { Network: 'bundle' } }),
    ...createAndInspect('with an odd name', '-lead', ipam('10.98.0.0/24')),
    { name: 'the host network', method: 'GET', path: '/networks/host' },
    { name: 'the none network', method: 'GET', path: '/networks/none' },
    { name: 'the bridge network', method: 'GET', path: '/networks/bridge' },
  ],
};

/** Every refusal of a create that needs no packet to be seen. */
export const createErrors: Scenario = {
  name: 'create-errors',
  steps: [
    sceneNetwork('taken', {
      ...ipam('10.90.0.0/16'),
      Options: { 'com.docker.network.bridge.name': 'brtaken' },
    }),
    sceneNetwork('bundle', { ConfigOnly: true, Labels: { a: 'b' } }),
    refused('empty name', { Name: '' }),
    refused('blank name', { Name: '  ' }),
    refused('no name', {}),
    ...['bridge', 'host', 'none', 'default'].map((name) =>
      refused(`predefined name ${name}`, { Name: name }),
    ),
    refused('name taken', { Name: 'taken', CheckDuplicate: true }),
    refused('unknown driver', { Name: 'x', Driver: 'nosuch' }),
    refused('driver none', { Name: 'x', Driver: 'none' }),
    refused('driver host', { Name: 'x', Driver: 'host' }),
    refused('driver null', { Name: 'x', Driver: 'null' }),
    refused('driver overlay', { Name: 'x', Driver: 'overlay' }),
    refused('unknown IPAM driver', { Name: 'x', IPAM: { Driver: 'nosuch' } }),
    refused('IPAM driver null', { Name: 'x', IPAM: { Driver: 'null' } }),
    refused('scope swarm', { Name: 'x', Scope: 'swarm' }),
    refused('ingress', { Name: 'x', Ingress: true }),
    refused('config-only and internal', { Name: 'x', ConfigOnly: true, Internal: true }),
    refused('config-only and attachable', { Name: 'x', ConfigOnly: true, Attachable: true }),
    refused('config-only and scope', { Name: 'x', ConfigOnly: true, Scope: 'local' }),
    refused('config-from unknown', { Name: 'x', ConfigFrom: { Network: 'nosuch' } }),
    refused('config-from a normal network', { Name: 'x', ConfigFrom: { Network: 'taken' } }),
    refused('config-from and IPv6', { Name: 'x', ConfigFrom: { Network: 'bundle' }, EnableIPv6: true }),
    refused('config-from and labels', { Name: 'x', ConfigFrom: { Network: 'bundle' }, Labels: { a: 'c' } }),
    refused('config-from and IPAM', { Name: 'x', ConfigFrom: { Network: 'bundle' }, ...ipam('10.1.0.0/24') }),
    refused('config-from and options', { Name: 'x', ConfigFrom: { Network: 'bundle' }, Options: { a: 'b' } }),
    refused('config-from and config-only', {
      Name: 'x',
      ConfigFrom: { Network: 'bundle' },
      ConfigOnly: true,
    }),
    refused('two IPv4 subnets', {
      Name: 'x',
      IPAM: { Config: [{ Subnet: '10.1.0.0/24' }, { Subnet: '10.2.0.0/24' }] },
    }),
    refused('subnet that is no CIDR', { Name: 'x', ...ipam('10.1.0.0') }),
    refused('subnet that is a word', { Name: 'x', ...ipam('pool') }),
    refused('ip-range that is no CIDR', { Name: 'x', ...ipam('10.1.0.0/24', { IPRange: 'range' }) }),
    refused('gateway outside', { Name: 'x', ...ipam('10.1.0.0/24', { Gateway: '10.2.0.1' }) }),
    refused('gateway that is a word', { Name: 'x', ...ipam('10.1.0.0/24', { Gateway: 'router' }) }),
    refused('auxiliary address outside', {
      Name: 'x',
      ...ipam('10.3.0.0/24', { AuxiliaryAddresses: { a: '10.2.0.1' } }),
    }),
    refused('the same subnet', { Name: 'x', ...ipam('10.90.0.0/16') }),
    refused('a smaller subnet', { Name: 'x', ...ipam('10.90.4.0/24') }),
    refused('a larger subnet', { Name: 'x', ...ipam('10.0.0.0/8') }),
    refused('the bridge taken', {
      Name: 'x',
      ...ipam('10.4.0.0/24'),
      ...option('bridge.name', 'brtaken'),
    }),
    refused('icc that is no boolean', {
      Name: 'x',
      ...ipam('10.5.0.0/24'),
      ...option('bridge.enable_icc', 'maybe'),
    }),
    refused('masquerade that is no boolean', {
      Name: 'x',
      ...ipam('10.6.0.0/24'),
      ...option('bridge.enable_ip_masquerade', 'maybe'),
    }),
    refused('MTU that is no number', { Name: 'x', ...ipam('10.7.0.0/24'), ...option('driver.mtu', 'abc') }),
    refused('MTU below 0', { Name: 'x', ...ipam('10.8.0.0/24'), ...option('driver.mtu', '-5') }),
    refused('host binding that is no address', {
      Name: 'x',
      ...ipam('10.9.0.0/24'),
      ...option('bridge.host_binding_ipv4', 'here'),
    }),
    refused('ip-range outside', { Name: 'ranged', ...ipam('10.11.0.0/24', { IPRange: '10.2.0.0/25' }) }),
    refused('subnet with host bits', { Name: 'bits', ...ipam('10.12.0.5/24') }),
    refused('device name that is too long', {
      Name: 'long',
      ...ipam('10.13.0.0/24'),
      ...option('bridge.name', 'abcdefghijklmnop'),
    }),
    refused('MTU that no device takes', {
      Name: 'wide',
      ...ipam('10.14.0.0/24'),
      ...option('driver.mtu', '70000'),
    }),
    { name: 'nothing is left of them', method: 'GET', path: '/networks', pick: ['*.Name'] },
  ],
};
