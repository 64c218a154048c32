/**
 * Who reaches whom on networks that the daemon made: every kind of network, direction, family and protocol, with real
 * packets. Prints the matrix. (`test/kernel/firewall-matrix.test.ts` asks the same of the ruleset alone.)
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent, type Question } from '../helpers/agent.ts';
import { run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { CLOSED_PORT, HOST_SERVICE, makeOutside, OPEN_PORT, OUTSIDE } from '../helpers/firewall-lab.ts';
import { addNetns } from '../helpers/host.ts';

type Family = 'ipv4' | 'ipv6';
type Protocol = Question['protocol'];
type Address = { readonly [Key in Family]: string };

/** What the server saw: the asking host's own address, the host's, the one that the network names, or any. */
type Seen = 'own' | 'host' | 'named' | 'any';

const DRIVER = 'com.docker.network.bridge';
const modes = (mode: string) => ({
  [`${DRIVER}.gateway_mode_ipv4`]: mode,
  [`${DRIVER}.gateway_mode_ipv6`]: mode,
});

/** A further address of the host, by which one network leaves it. */
const NAMED: Address = { ipv4: '198.51.100.9', ipv6: '2001:db8:1::9' };

/** Networks by name, as they are asked for; each in 10.N.0.0/24 and fdN::/64. */
const NETWORKS: Readonly<Record<string, object>> = {
  nat: {},
  other: {},
  v4only: { EnableIPv6: false },
  v6only: { EnableIPv4: false },
  plain: { Options: { [`${DRIVER}.enable_ip_masquerade`]: 'false' } },
  unprot: { Options: modes('nat-unprotected') },
  routed: { Options: modes('routed') },
  internal: { Internal: true },
  isolated: { Internal: true, Options: modes('isolated') },
  noicc: { Options: { [`${DRIVER}.enable_icc`]: 'false' } },
  snat: {
    Options: { 'com.docker.network.host_ipv4': NAMED.ipv4, 'com.docker.network.host_ipv6': NAMED.ipv6 },
  },
  trust: { Options: { [`${DRIVER}.trusted_host_interfaces`]: 'out1' } },
};
const NAMES = Object.keys(NETWORKS);
const LED_OUT = NAMES.filter((name) => name !== 'internal' && name !== 'isolated');
const PUBLISHED = LED_OUT.filter((name) => name !== 'routed');
const numberOf = (network: string) => 81 + NAMES.indexOf(network);
const hostPortOf = (network: string) => 8000 + numberOf(network);
const memberOf = (network: string, which: 'a' | 'b') => `${network}-${which}`;
const strangerTo = (network: string) => memberOf(network === 'other' ? 'nat' : 'other', 'a');

interface Direction {
  readonly name: string;
  readonly protocols: readonly Protocol[];
  /** Who asks: an agent's name. */
  from(network: string): string;
  to(network: string, family: Family): readonly [address: string, port: number];
  /** Networks in which an answer must come, and what the server sees; in all others none may come. */
  readonly allowed: Readonly<Record<string, Seen>>;
}

const addresses = new Map<string, Address>();

function addressOf(place: string, family: Family): string {
  return addresses.get(place)?.[family] ?? '';
}

function each(names: readonly string[], seen: Seen): Record<string, Seen> {
  return Object.fromEntries(names.map((name) => [name, seen]));
}

const ALL: readonly Protocol[] = ['icmp', 'tcp', 'udp'];
const PORTS: readonly Protocol[] = ['tcp', 'udp'];
const a = (network: string) => memberOf(network, 'a');
const b = (network: string) => memberOf(network, 'b');
const direct = (port: number) => (network: string, family: Family) =>
  [addressOf(a(network), family), port] as const;
const published = (network: string, family: Family) =>
  [OUTSIDE.out0[family].host, hostPortOf(network)] as const;

const DIRECTIONS: readonly Direction[] = [
  {
    name: 'member to member',
    protocols: ALL,
    from: b,
    to: direct(OPEN_PORT),
    allowed: each(
      NAMES.filter((name) => name !== 'noicc'),
      'own',
    ),
  },
  {
    name: 'member of another network to member, published port',
    protocols: PORTS,
    from: strangerTo,
    to: direct(OPEN_PORT),
    allowed: { routed: 'any' },
  },
  {
    name: 'member of another network to member, other port',
    protocols: PORTS,
    from: strangerTo,
    to: direct(CLOSED_PORT),
    allowed: {},
  },
  {
    name: 'member of another network to member',
    protocols: ['icmp'],
    from: strangerTo,
    to: direct(0),
    allowed: {},
  },
  {
    name: 'member of another network to published',
    protocols: PORTS,
    from: strangerTo,
    to: published,
    allowed: each(PUBLISHED, 'any'),
  },
  {
    name: 'member to outside',
    protocols: ALL,
    from: a,
    to: (_, family) => [OUTSIDE.out0[family].own, OPEN_PORT],
    allowed: { ...each(LED_OUT, 'host'), ...each(['plain', 'routed'], 'own'), snat: 'named' },
  },
  {
    name: 'outside to member, published port',
    protocols: PORTS,
    from: () => 'out0',
    to: direct(OPEN_PORT),
    allowed: each(['unprot', 'routed'], 'own'),
  },
  {
    name: 'outside to member, other port',
    protocols: PORTS,
    from: () => 'out0',
    to: direct(CLOSED_PORT),
    allowed: { unprot: 'own' },
  },
  {
    name: 'outside to member',
    protocols: ['icmp'],
    from: () => 'out0',
    to: direct(0),
    allowed: each(['unprot', 'routed'], 'own'),
  },
  {
    name: 'trusted outside to member, published port',
    protocols: PORTS,
    from: () => 'out1',
    to: direct(OPEN_PORT),
    allowed: each(['unprot', 'routed', 'trust'], 'own'),
  },
  {
    name: 'trusted outside to member, other port',
    protocols: PORTS,
    from: () => 'out1',
    to: direct(CLOSED_PORT),
    allowed: { unprot: 'own' },
  },
  {
    name: 'outside to published',
    protocols: PORTS,
    from: () => 'out0',
    to: published,
    allowed: each(PUBLISHED, 'own'),
  },
  {
    name: 'host to published',
    protocols: PORTS,
    from: () => 'host',
    to: published,
    allowed: each(PUBLISHED, 'any'),
  },
  {
    name: 'host to published, loopback',
    protocols: PORTS,
    from: () => 'host',
    to: (network, family) => [family === 'ipv4' ? '127.0.0.1' : '', hostPortOf(network)],
    allowed: each(PUBLISHED, 'any'),
  },
  {
    name: 'member to published sibling',
    protocols: PORTS,
    from: b,
    to: published,
    allowed: each(PUBLISHED, 'any'),
  },
  {
    name: 'member to itself, published',
    protocols: PORTS,
    from: a,
    to: published,
    allowed: each(PUBLISHED, 'any'),
  },
  {
    name: 'member of an internal network to published',
    protocols: PORTS,
    from: () => memberOf('internal', 'a'),
    to: published,
    allowed: {},
  },
  {
    name: 'host to member',
    protocols: ALL,
    from: () => 'host',
    to: direct(OPEN_PORT),
    allowed: each(
      NAMES.filter((name) => name !== 'isolated'),
      'any',
    ),
  },
  {
    name: 'member to host',
    protocols: PORTS,
    from: a,
    to: (network, family) => [
      addressOf(`${network} gateway`, family) || OUTSIDE.out0[family].host,
      HOST_SERVICE,
    ],
    allowed: each(LED_OUT, 'own'),
  },
];

/** Long where an answer must come: a slow machine is no fault. Short where none may. */
const PATIENCE_MS = 10_000;
const SILENCE_MS = 400;
/** Questions at a time: enough to wait together, few enough to be answered in time. */
const AT_ONCE = 24;

interface Cell {
  readonly direction: Direction;
  readonly network: string;
  readonly family: Family;
  readonly protocol: Protocol;
}

function cells(): Cell[] {
  return DIRECTIONS.flatMap((direction) =>
    NAMES.flatMap((network) =>
      (['ipv4', 'ipv6'] as const).flatMap((family) =>
        direction.protocols.map((protocol) => ({ direction, network, family, protocol })),
      ),
    ),
  );
}

/** Whether the question can be asked at all: who has no IPv6 has no address to ask. */
function isPossible({ direction, network, family }: Cell): boolean {
  return direction.to(network, family)[0] !== '' && addressOf(a(network), family) !== '';
}

function expected(cell: Cell): string {
  const seen = isPossible(cell) ? cell.direction.allowed[cell.network] : undefined;
  if (seen === undefined) return '-';
  return cell.protocol === 'icmp' ? 'any' : seen;
}

function seenBy(cell: Cell, answer: string | undefined): string {
  const { direction, network, family, protocol } = cell;
  if (answer === undefined) return '-';
  if (protocol === 'icmp' || expected(cell) === 'any') return 'any';
  const from = direction.from(network);
  const own = from === 'out0' || from === 'out1' ? OUTSIDE[from][family].own : addressOf(from, family);
  if (answer === own) return 'own';
  if (answer === NAMED[family]) return 'named';
  return answer === OUTSIDE.out0[family].host ? 'host' : answer;
}

const agents = new Map<string, Agent>();

async function askCell(cell: Cell): Promise<string> {
  if (!isPossible(cell)) return '-';
  const { direction, network, family, protocol } = cell;
  const [address, port] = direction.to(network, family);
  const timeoutMs = expected(cell) === '-' ? SILENCE_MS : PATIENCE_MS;
  const agent = agents.get(direction.from(network));
  if (agent === undefined) throw new Error(`no agent in ${direction.from(network)}`);
  return seenBy(cell, await agent.ask({ protocol, address, port, timeoutMs }));
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** One line for each direction, family and protocol; one column for each network. */
function matrix(results: ReadonlyMap<Cell, string>): string {
  const lines = new Map<string, string[]>();
  for (const [cell, seen] of results) {
    const title = `${cell.direction.name}, ${cell.family}, ${cell.protocol}`;
    const line = lines.get(title) ?? [];
    lines.set(title, [...line, `${seen}${seen === expected(cell) ? '' : '!'}`.padEnd(9)]);
  }
  const head = ' '.repeat(68) + NAMES.map((name) => name.padEnd(9)).join('');
  return [head, ...[...lines].map(([title, line]) => title.padEnd(68) + line.join(''))].join('\n');
}

async function startAgent(name: string, ports: readonly number[]): Promise<void> {
  const agent = new Agent(name === 'host' ? undefined : name);
  agents.set(name, agent);
  await agent.serve(ports);
}

const MEMBERS = NAMES.flatMap((network) => [a(network), b(network)]);

beforeAll(async () => {
  await makeOutside('out0');
  await makeOutside('out1');
  await run('ip', ['address', 'add', `${NAMED.ipv4}/24`, 'dev', 'out0']);
  await run('ip', ['address', 'add', `${NAMED.ipv6}/64`, 'dev', 'out0', 'nodad', 'preferred_lft', '0']);
  // Where bridged frames pass the hooks, isolated ports keep a translated packet from a sibling (docs/ports.md).
  await run('sysctl', [
    '-q',
    '-w',
    'net.bridge.bridge-nf-call-iptables=0',
    'net.bridge.bridge-nf-call-ip6tables=0',
  ]);
  for (const member of MEMBERS) await addNetns(member);
  await startAgent('out0', [OPEN_PORT]);
  await startAgent('out1', []);
  await startAgent('host', [HOST_SERVICE]);
}, 120_000);

const daemon = daemonForFile();

async function makeNetwork(name: string): Promise<void> {
  const number = numberOf(name);
  const Config = [{ Subnet: `10.${number}.0.0/24` }, { Subnet: `fd${number}::/64` }];
  await daemon.call('POST', '/networks/create', {
    Name: name,
    EnableIPv6: true,
    IPAM: { Config: Config.filter((_, place) => name !== ['v6only', 'v4only'][place]) },
    ...NETWORKS[name],
  });
  const { IPAM: ipam } = await daemon.call('GET', `/networks/${name}`);
  const gateways: { Gateway?: string }[] = ipam.Config;
  const gatewayOf = (mark: string): string =>
    name === 'isolated' ? '' : (gateways.find(({ Gateway }) => Gateway?.includes(mark))?.Gateway ?? '');
  addresses.set(`${name} gateway`, { ipv4: gatewayOf('.'), ipv6: gatewayOf(':') });
}

async function join(network: string, member: string): Promise<void> {
  const binding = [{ HostPort: `${hostPortOf(network)}` }];
  const publishes = member === a(network);
  const ports = publishes ? { [`${OPEN_PORT}/tcp`]: binding, [`${OPEN_PORT}/udp`]: binding } : {};
  await daemon.call('POST', `/networks/${network}/connect`, {
    Container: member,
    EndpointConfig: { PortBindings: ports },
  });
  const { NetworkSettings: settings } = await daemon.call('GET', `/containers/${member}/json`);
  const { IPAddress: ipv4, GlobalIPv6Address: ipv6 } = settings.Networks[network];
  addresses.set(member, { ipv4, ipv6 });
}

beforeAll(async () => {
  for (const network of NAMES) {
    await makeNetwork(network);
    for (const member of [a(network), b(network)]) {
      await join(network, member);
      await startAgent(member, [OPEN_PORT, CLOSED_PORT]);
    }
  }
}, 120_000);

afterAll(async () => {
  await Promise.all([...agents.values()].map((agent) => agent.close()));
  for (const network of NAMES) {
    for (const member of [a(network), b(network)]) {
      await daemon.call('POST', `/networks/${network}/disconnect`, { Container: member });
    }
    await daemon.call('DELETE', `/networks/${network}`);
  }
});

test('every cell is as it must be', { timeout: 120_000 }, async () => {
  const results = new Map<Cell, string>(cells().map((cell) => [cell, '']));
  await inParallel([...results.keys()], async (cell) => {
    results.set(cell, await askCell(cell));
  });
  console.log(matrix(results));
  const wrong = [...results]
    .filter(([cell, seen]) => seen !== expected(cell))
    .map(([cell, seen]) => ({
      cell: [cell.direction.name, cell.network, cell.family, cell.protocol].join(', '),
      expected: expected(cell),
      seen,
    }));
  expect(wrong).toEqual([]);
});
