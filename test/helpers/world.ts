/**
 * Everything that vethd keeps true, as the ordinary programs show it: two worlds are equal when nothing that
 * matters differs. Numbers that the kernel gives anew each time (ifindex, handles, port numbers) are left out.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from './commands.ts';
import { listNetns } from './host.ts';

type Json = Readonly<Record<string, unknown>>;

const LINK_FIELDS = ['ifname', 'mtu', 'operstate', 'master', 'ifalias', 'inet6_addr_gen_mode', 'group'];
const PORT_FIELDS = [
  'state',
  'isolated',
  'locked',
  'learning',
  'neigh_suppress',
  'hairpin',
  'bpdu_guard',
  'root_block',
];
/** Settings that the kernel does not show by other means. */
const SYSCTLS = ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'];

async function shown(netns: string | undefined, ...args: readonly string[]): Promise<readonly Json[]> {
  const { stdout } = await attempt('ip', [...(netns === undefined ? [] : ['-n', netns]), '-j', ...args]);
  return stdout.trim() === '' ? [] : JSON.parse(stdout);
}

/** Static entries of the bridges' forwarding tables, of the host. */
async function shownForwarding(): Promise<readonly Json[]> {
  const { stdout } = await attempt('bridge', ['-j', 'fdb', 'show']);
  const entries: readonly Json[] = JSON.parse(stdout.trim() === '' ? '[]' : stdout);
  return entries.filter(({ state, master }) => state === 'static' && master !== undefined);
}

function pick(from: Json, fields: readonly string[]): string {
  return fields.map((field) => `${field}=${JSON.stringify(from[field] ?? '')}`).join(' ');
}

function objectAt(from: Json, field: string): Json {
  const found = from[field];
  return typeof found === 'object' && found !== null ? { ...found } : {};
}

function listAt(from: Json, field: string): readonly Json[] {
  const found = from[field];
  return Array.isArray(found) ? found : [];
}

function linkLine(link: Json): string {
  const info = objectAt(link, 'linkinfo');
  const isHostEnd = /^veth[0-9a-f]{7}$/.test(String(link['ifname']));
  const port = pick(objectAt(info, 'info_slave_data'), PORT_FIELDS);
  const flags = listAt(link, 'flags').map(String);
  const kind = String(info['info_kind'] ?? '');
  const mac = isHostEnd ? '' : String(link['address']);
  return `link ${pick(link, LINK_FIELDS)} ${kind} ${mac} ${flags.includes('UP') ? 'up' : 'down'} ${port}`;
}

async function netnsLines(netns: string | undefined): Promise<string[]> {
  const [links, addresses, routes4, routes6, neighbours, forwarding] = await Promise.all([
    shown(netns, '-d', 'link', 'show'),
    shown(netns, 'address', 'show'),
    shown(netns, '-4', 'route', 'show'),
    shown(netns, '-6', 'route', 'show'),
    shown(netns, 'neighbour', 'show', 'nud', 'permanent'),
    netns === undefined ? shownForwarding() : [],
  ]);
  const addressLines = addresses.flatMap((link) =>
    listAt(link, 'addr_info')
      .filter(({ local }) => !String(local).startsWith('fe80:'))
      .map((address) => `address ${String(link['ifname'])} ${pick(address, ['local', 'prefixlen'])}`),
  );
  const routeLines = [...routes4, ...routes6]
    .filter(({ dst }) => !/^f[ef]/.test(String(dst)))
    .map((route) => `route ${pick(route, ['dst', 'gateway', 'dev', 'prefsrc', 'metric', 'protocol'])}`);
  const neighbourLines = neighbours.map((entry) => `neighbour ${pick(entry, ['dst', 'lladdr', 'dev'])}`);
  const forwardingLines = forwarding.map((entry) => `fdb ${pick(entry, ['mac', 'ifname', 'master'])}`);
  const lines = [
    ...links.map(linkLine),
    ...addressLines,
    ...routeLines,
    ...neighbourLines,
    ...forwardingLines,
  ];
  return lines.map((line) => `${netns ?? 'host'}: ${line}`).sort();
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return otherwise;
  }
}

function resolvConfLines(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => `${name}: ${readOr(join(folder, name, 'resolv.conf'), '-')}`);
  } catch {
    return [];
  }
}

/** nft's listing, each line with its elements in order: nft keeps no order of its own. */
async function rulesetLines(): Promise<string[]> {
  const { stdout } = await attempt('nft', ['--stateless', '--json', 'list', 'ruleset']);
  const { nftables = [] } = JSON.parse(stdout === '' ? '{}' : stdout);
  return nftables
    .filter((item: Json) => !('metainfo' in item))
    .map((item: Json) => JSON.stringify(item, withoutHandles))
    .sort();
}

function withoutHandles(key: string, value: unknown): unknown {
  if (key === 'handle') return undefined;
  return key === 'elem' && Array.isArray(value)
    ? value.map((element) => JSON.stringify(element)).sort()
    : value;
}

/** The host's and all named namespaces' state, one line for each thing. */
export async function world(netnsEtc = '/etc/netns'): Promise<readonly string[]> {
  const places = await Promise.all([undefined, ...listNetns()].map(netnsLines));
  const sysctls = SYSCTLS.map((key) => `sysctl ${key}=${readOr(`/proc/sys/net/${key}`, '-')}`);
  return [...places.flat(), ...sysctls, ...(await rulesetLines()), ...resolvConfLines(netnsEtc).sort()];
}

/** The lines that only one of them has. */
export function difference(before: readonly string[], after: readonly string[]): readonly string[] {
  const [old, now] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ];
}
