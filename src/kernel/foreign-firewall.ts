/** Looks at other programs' firewalls, by the ordinary programs; changes nothing. */
import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import type { Family } from '../model/address.ts';
import type { ForeignFirewall, ForeignForwardChain } from '../model/foreign-firewall.ts';
import { FORWARD_MARK, FORWARD_MARK_WORDS } from '../model/forward-mark.ts';
import { NFT_TABLE } from '../model/nft-sets.ts';

const TIMEOUT_MS = 5_000;

/** A chain as `nft -j list chains` tells it; type, hook and policy only for base chains. */
interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly type?: string;
  readonly hook?: string;
  readonly policy?: string;
}

const FAMILIES = ['ip', 'ip6', 'inet'] as const;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isChain(value: unknown): value is NftChain {
  if (!isRecord(value)) return false;
  return ['family', 'table', 'name'].every((key) => typeof value[key] === 'string');
}

function parseChains(json: string): NftChain[] {
  const root: unknown = JSON.parse(json);
  const entries = isRecord(root) ? root['nftables'] : undefined;
  if (!Array.isArray(entries)) return [];
  return entries.map((entry: unknown) => (isRecord(entry) ? entry['chain'] : undefined)).filter(isChain);
}

function forwardChain(chain: NftChain): ForeignForwardChain[] {
  const family = FAMILIES.find((name) => name === chain.family);
  if (family === undefined || chain.hook !== 'forward') return [];
  const policy = chain.policy === 'drop' ? 'drop' : 'accept';
  return [{ family, table: chain.table, chain: chain.name, policy, accepts: [], legacy: false }];
}

const TRANSLATED: Record<string, readonly Family[]> = { ip: ['ipv4'], ip6: ['ipv6'], inet: ['ipv4', 'ipv6'] };

function translatedFamilies({ family, type, hook }: NftChain): readonly Family[] {
  return type === 'nat' && hook === 'postrouting' ? (TRANSLATED[family] ?? []) : [];
}

function familiesWith(chains: readonly NftChain[], isIt: (chain: NftChain) => boolean): string[] {
  return [...new Set(chains.filter(isIt).map(({ family }) => family))];
}

/** Reads the answer of `nft -j list chains`; vethd's own tables are left out. */
export function parseForeignFirewall(json: string): ForeignFirewall {
  const chains = parseChains(json).filter(({ table }) => table !== NFT_TABLE);
  return {
    forwardChains: chains.flatMap(forwardChain),
    dockerUser: familiesWith(chains, ({ name }) => name === 'DOCKER-USER'),
    ufw: familiesWith(chains, ({ name }) => name === 'ufw-before-forward' || name === 'ufw6-before-forward'),
    firewalld: chains.some(({ table }) => table === 'firewalld'),
    translates: [...new Set(chains.flatMap(translatedFamilies))],
  };
}

async function runQuietly(file: string, args: readonly string[]): Promise<string> {
  const { failed, stdout } = await execa(file, args, { reject: false, timeout: TIMEOUT_MS, stdin: 'ignore' });
  return failed ? '' : stdout;
}

const MARK = FORWARD_MARK.toString(16);
const LEGACY_MARKED = `-A DOCKER-USER ${FORWARD_MARK_WORDS.join(' ')} `;
// As nft lists them, those that iptables made included; a rule with any other condition is none of these.
const NFT_ACCEPT = /^\s*(iifname|oifname) "([^"]+)"(?: counter packets \d+ bytes \d+)? accept\b/;
const NFT_MARKED = new RegExp(
  `^\\s*meta mark (?:&|and) 0x0*${MARK} == 0x0*${MARK}(?:\\s+counter packets \\d+ bytes \\d+)?\\s+accept\\b`,
);
const LEGACY_ACCEPT = /^-A (?:FORWARD|DOCKER-USER) (-i|-o) (\S+) -j ACCEPT$/;

/** Interfaces that lines of rules accept both as input and as output. */
function acceptedBothWays(lines: readonly string[], pattern: RegExp): string[] {
  const ways = new Map<string, Set<string>>();
  for (const line of lines) {
    const [, way = '', ifname = ''] = pattern.exec(line) ?? [];
    if (ifname !== '') ways.set(ifname, (ways.get(ifname) ?? new Set()).add(way));
  }
  return [...ways].filter(([, seen]) => seen.size === 2).map(([ifname]) => ifname);
}

async function withAccepts(
  chain: ForeignForwardChain,
  dockerUser: readonly string[],
): Promise<ForeignForwardChain> {
  if (chain.policy !== 'drop') return chain;
  const names = [chain.chain, ...(dockerUser.includes(chain.family) ? ['DOCKER-USER'] : [])];
  const texts = await Promise.all(
    names.map((name) => runQuietly('nft', ['list', 'chain', chain.family, chain.table, name])),
  );
  const lines = texts.join('\n').split('\n');
  return {
    ...chain,
    accepts: acceptedBothWays(lines, NFT_ACCEPT),
    acceptsMarked: lines.some((line) => NFT_MARKED.test(line)),
  };
}

const LEGACY = [
  { family: 'ip', program: 'iptables-legacy', tables: '/proc/net/ip_tables_names' },
  { family: 'ip6', program: 'ip6tables-legacy', tables: '/proc/net/ip6_tables_names' },
] as const;

/** Asking would load the module and make the table; the kernel says first whether it is there. */
function hasLegacyTable(tables: string, name: string): boolean {
  try {
    return readFileSync(tables, 'utf8').split('\n').includes(name);
  } catch {
    return false;
  }
}

type Legacy = Omit<ForeignFirewall, 'firewalld'>;

async function readLegacy({ family, program, tables }: (typeof LEGACY)[number]): Promise<Legacy> {
  const translates = hasLegacyTable(tables, 'nat') ? (TRANSLATED[family] ?? []) : [];
  if (!hasLegacyTable(tables, 'filter')) return { forwardChains: [], dockerUser: [], ufw: [], translates };
  const lines = (await runQuietly(program, ['-S'])).split('\n');
  const policy = lines.includes('-P FORWARD DROP') ? 'drop' : 'accept';
  const accepts = acceptedBothWays(lines, LEGACY_ACCEPT);
  const has = (start: string): boolean => lines.some((line) => line.startsWith(start));
  const acceptsMarked = lines.some((line) => line.startsWith(LEGACY_MARKED) && line.endsWith(' ACCEPT'));
  return {
    forwardChains: [
      { family, table: 'filter', chain: 'FORWARD', policy, accepts, acceptsMarked, legacy: true },
    ],
    dockerUser: has('-N DOCKER-USER') ? [family] : [],
    ufw: has('-N ufw') ? [family] : [],
    translates,
  };
}

/** Other programs' firewalls in the namespace of this process. Where nft does not answer, there are none. */
export async function readForeignFirewall(): Promise<ForeignFirewall> {
  const [json, ...legacies] = await Promise.all([
    runQuietly('nft', ['-j', 'list', 'chains']),
    ...LEGACY.map(readLegacy),
  ]);
  const seen = parseForeignFirewall(json === '' ? '{}' : json);
  const forwardChains = await Promise.all(
    seen.forwardChains.map((chain) => withAccepts(chain, seen.dockerUser)),
  );
  return {
    forwardChains: [...forwardChains, ...legacies.flatMap(({ forwardChains }) => forwardChains)],
    dockerUser: [...seen.dockerUser, ...legacies.flatMap(({ dockerUser }) => dockerUser)],
    ufw: [...seen.ufw, ...legacies.flatMap(({ ufw }) => ufw)],
    firewalld: seen.firewalld,
    translates: [...seen.translates, ...legacies.flatMap(({ translates }) => translates)],
  };
}
