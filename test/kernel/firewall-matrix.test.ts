/**
 * Who reaches whom: every kind of network, direction, family and protocol, with real packets, whether bridged
 * frames pass the host's hooks (net.bridge.bridge-nf-call-iptables) or not. Prints the matrix.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderRuleset, rulesetText } from '../../src/firewall/ruleset.ts';
import { runNft } from '../../src/kernel/nft.ts';
import type { Question } from '../helpers/agent.ts';
import { run } from '../helpers/commands.ts';
import {
  addressOf,
  buildLab,
  CLOSED_PORT,
  closeLab,
  HOST_SERVICE,
  hostPortOf,
  type Lab,
  type LabNetwork,
  labInput,
  memberName,
  NETWORKS,
  OPEN_PORT,
  OUTSIDE,
} from '../helpers/firewall-lab.ts';

type Family = 'ipv4' | 'ipv6';
type Protocol = Question['protocol'];

/** What the server saw: the asking host's own address, the host's, the one that the network names, or any. */
type Seen = 'own' | 'host' | 'named' | 'any';

interface Direction {
  readonly name: string;
  readonly protocols: readonly Protocol[];
  readonly families?: readonly Family[];
  /** Who asks: an agent's name. */
  from(network: LabNetwork): string;
  to(network: LabNetwork, family: Family): readonly [address: string, port: number];
  /** Networks in which an answer must come, and what the server sees; in all others none may come. */
  readonly allowed: Readonly<Record<string, Seen>>;
  /** Networks that are an exception where bridged frames pass the host's hooks. */
  readonly notWithHooks?: readonly string[];
}

const ALL: readonly Protocol[] = ['tcp', 'udp', 'icmp'];
const PORTS: readonly Protocol[] = ['tcp', 'udp'];
/** Networks whose ports are published by translation. */
const PUBLISHED = ['nat', 'other', 'plain', 'unprot', 'noicc', 'snat', 'trust'];
/** The hooks send a packet that was translated to the same bridge on as a frame: isolated ports drop it. */
const HOOKS_ISOLATE = ['noicc'];
const EVERY = NETWORKS.map(({ name }) => name);

function each(names: readonly string[], seen: Seen): Record<string, Seen> {
  return Object.fromEntries(names.map((name) => [name, seen]));
}

const a = (network: LabNetwork) => memberName(network, 2);
const b = (network: LabNetwork) => memberName(network, 3);
const stranger = (network: LabNetwork) => (network.name === 'other' ? 'nata' : 'othera');
const direct = (port: number) => (network: LabNetwork, family: Family) =>
  [addressOf(network, family, 2), port] as const;
const published = (network: LabNetwork, family: Family) =>
  [OUTSIDE.out0[family].host, hostPortOf(network)] as const;

const DIRECTIONS: readonly Direction[] = [
  {
    name: 'member to outside',
    protocols: ALL,
    from: a,
    to: (_, family) => [OUTSIDE.out0[family].own, OPEN_PORT],
    allowed: {
      ...each(['nat', 'other', 'unprot', 'noicc', 'trust'], 'host'),
      ...each(['plain', 'routed'], 'own'),
      snat: 'named',
    },
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
    name: 'host to member',
    protocols: ALL,
    from: () => 'host',
    to: direct(OPEN_PORT),
    allowed: each(EVERY, 'any'),
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
    families: ['ipv4'],
    from: () => 'host',
    to: (network) => ['127.0.0.1', hostPortOf(network)],
    allowed: each(PUBLISHED, 'any'),
  },
  {
    name: 'member to sibling',
    protocols: ALL,
    from: b,
    to: direct(OPEN_PORT),
    allowed: each(
      EVERY.filter((name) => name !== 'noicc'),
      'own',
    ),
  },
  {
    name: 'member to published sibling',
    protocols: PORTS,
    from: b,
    to: published,
    allowed: each(PUBLISHED, 'any'),
    notWithHooks: HOOKS_ISOLATE,
  },
  {
    name: 'member to itself, published',
    protocols: PORTS,
    from: a,
    to: published,
    allowed: each(PUBLISHED, 'any'),
    notWithHooks: HOOKS_ISOLATE,
  },
  {
    name: 'member of another network to member, published port',
    protocols: PORTS,
    from: stranger,
    to: direct(OPEN_PORT),
    allowed: { routed: 'any' },
  },
  {
    name: 'member of another network to member, other port',
    protocols: PORTS,
    from: stranger,
    to: direct(CLOSED_PORT),
    allowed: {},
  },
  {
    name: 'member of another network to member',
    protocols: ['icmp'],
    from: stranger,
    to: direct(0),
    allowed: {},
  },
  {
    name: 'member of another network to published',
    protocols: PORTS,
    from: stranger,
    to: published,
    allowed: each(PUBLISHED, 'any'),
  },
  {
    name: 'member of an internal network to published',
    protocols: PORTS,
    from: () => 'internala',
    to: published,
    allowed: {},
  },
  {
    name: 'member to the host',
    protocols: PORTS,
    from: a,
    to: (network, family) => [addressOf(network, family, 1), HOST_SERVICE],
    allowed: each(
      EVERY.filter((name) => name !== 'internal'),
      'own',
    ),
  },
];

/** Long where an answer must come: a slow machine is no fault. Short where none may. */
const PATIENCE_MS = 10_000;
const SILENCE_MS = 400;
/** Questions at a time: enough to wait together, few enough to be answered in time. */
const AT_ONCE = 24;

interface Cell {
  readonly hooks: boolean;
  readonly direction: Direction;
  readonly network: LabNetwork;
  readonly family: Family;
  readonly protocol: Protocol;
}

function cellsOf(hooks: boolean): Cell[] {
  return DIRECTIONS.flatMap((direction) =>
    NETWORKS.flatMap((network) =>
      (direction.families ?? (['ipv4', 'ipv6'] as const)).flatMap((family) =>
        direction.protocols.map((protocol) => ({ hooks, direction, network, family, protocol })),
      ),
    ),
  );
}

function ownAddress({ direction, network, family }: Cell): string {
  const from = direction.from(network);
  if (from === 'out0' || from === 'out1') return OUTSIDE[from][family].own;
  return addressOf(network, family, from.endsWith('a') ? 2 : 3);
}

function seenBy(cell: Cell, answer: string | undefined): string {
  if (answer === undefined) return '-';
  if (cell.protocol === 'icmp') return 'any';
  if (answer === ownAddress(cell)) return 'own';
  if (answer === OUTSIDE.out0[cell.family].host) return 'host';
  return answer === '198.51.100.9' || answer === '2001:db8:1::9' ? 'named' : answer;
}

function expected({ hooks, direction, network, protocol }: Cell): string {
  const seen = direction.allowed[network.name];
  if (seen === undefined || (hooks && direction.notWithHooks?.includes(network.name))) return '-';
  return protocol === 'icmp' ? 'any' : seen;
}

let lab: Lab = new Map();

async function askCell(cell: Cell): Promise<string> {
  const { direction, network, family, protocol } = cell;
  const [address, port] = direction.to(network, family);
  const timeoutMs = expected(cell) === '-' ? SILENCE_MS : PATIENCE_MS;
  const agent = lab.get(direction.from(network));
  if (agent === undefined) throw new Error(`no agent in ${direction.from(network)}`);
  const seen = seenBy(cell, await agent.ask({ protocol, address, port, timeoutMs }));
  return expected(cell) === 'any' && seen !== '-' ? 'any' : seen;
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
    const wrong = seen === expected(cell) ? '' : '!';
    lines.set(title, [...line, `${seen}${wrong}`.padEnd(9)]);
  }
  const head = ' '.repeat(68) + NETWORKS.map(({ name }) => name.padEnd(9)).join('');
  return [head, ...[...lines].map(([title, line]) => title.padEnd(68) + line.join(''))].join('\n');
}

beforeAll(async () => {
  lab = await buildLab();
}, 120_000);

afterAll(() => closeLab(lab));

describe.for(['0', '1'])('with net.bridge.bridge-nf-call-iptables %s', (value) => {
  test('every cell is as it must be', { timeout: 120_000 }, async () => {
    await run('sysctl', [
      '-q',
      '-w',
      `net.bridge.bridge-nf-call-iptables=${value}`,
      `net.bridge.bridge-nf-call-ip6tables=${value}`,
    ]);
    const applied = await runNft(rulesetText(renderRuleset(labInput())), () => undefined);
    expect(applied).toEqual({ ok: true });
    const results = new Map<Cell, string>(cellsOf(value === '1').map((cell) => [cell, '']));
    await inParallel([...results.keys()], async (cell) => {
      results.set(cell, await askCell(cell));
    });
    console.log(matrix(results));
    const wrong = [...results]
      .filter(([cell, seen]) => seen !== expected(cell))
      .map(([cell, seen]) => ({
        cell: [cell.direction.name, cell.network.name, cell.family, cell.protocol].join(', '),
        expected: expected(cell),
        seen,
      }));
    expect(wrong).toEqual([]);
  });
});
