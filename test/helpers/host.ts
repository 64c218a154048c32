/**
 * The throwaway host that a test file runs in: its namespaces, links, addresses and rules, seen and changed by the
 * ordinary programs, so that the tests do not believe vethd's own view.
 */
import { readdirSync } from 'node:fs';
import { attempt, run } from './commands.ts';

if (process.env['VETHD_THROWAWAY'] !== '1') {
  throw new Error(
    'these tests change the network they run in: only vitest.config.ts gives them a throwaway host',
  );
}

/** A link as `ip -j -d link show` tells it, as far as tests look. */
export interface ShownLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly operstate: string;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly ifalias?: string;
  /** Index of the other end of a pair, in the namespace of the other end. */
  readonly link_index?: number;
  readonly link_netnsid?: number;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_slave_data?: Readonly<Record<string, unknown>>;
  };
}

/** An address as `ip -j address show` tells it. */
export interface ShownAddress {
  readonly ifname: string;
  readonly family: string;
  readonly local: string;
  readonly prefixlen: number;
}

/** A route as `ip -j route show` tells it. */
export interface ShownRoute {
  readonly dst: string;
  readonly dev: string;
  readonly gateway?: string;
}

/** Runs an `ip` command, in a named namespace where one is given, and gives its stdout. */
export function ip(args: readonly string[], netns?: string): Promise<string> {
  return run('ip', [...(netns === undefined ? [] : ['-n', netns]), ...args]);
}

async function shown<Item>(args: readonly string[], netns?: string): Promise<readonly Item[]> {
  const text = await ip(['-j', '-d', ...args], netns);
  return text === '' ? [] : JSON.parse(text);
}

/** Makes a named namespace as a user would, with `ip netns add`: its loopback is down. */
export async function addNetns(name: string): Promise<void> {
  await ip(['netns', 'add', name]);
}

/** Deletes a named namespace with `ip netns del`. */
export async function removeNetns(name: string): Promise<void> {
  await ip(['netns', 'del', name]);
}

/** Names under /run/netns, in order. */
export function listNetns(): readonly string[] {
  return readdirSync('/run/netns').sort();
}

/** Runs a program inside a named namespace and gives its stdout. */
export function inNetns(netns: string, file: string, ...args: readonly string[]): Promise<string> {
  return run('ip', ['netns', 'exec', netns, file, ...args]);
}

/** The links of the host, or of a named namespace. */
export function linksOf(netns?: string): Promise<readonly ShownLink[]> {
  return shown<ShownLink>(['link', 'show'], netns);
}

/** The addresses of the host, or of a named namespace, but IPv6's link-local ones. */
export async function addressesOf(netns?: string): Promise<readonly ShownAddress[]> {
  type Entry = { readonly ifname: string; readonly addr_info: readonly Omit<ShownAddress, 'ifname'>[] };
  const entries = await shown<Entry>(['address', 'show'], netns);
  return entries.flatMap(({ ifname, addr_info }) =>
    addr_info
      .filter(({ local }) => !local.startsWith('fe80:'))
      .map(({ family, local, prefixlen }) => ({ ifname, family, local, prefixlen })),
  );
}

/** The routes of the main table, IPv4 or IPv6, but those of IPv6 that the kernel adds on its own. */
export async function routesOf(netns?: string, family: 4 | 6 = 4): Promise<readonly ShownRoute[]> {
  const routes = await shown<ShownRoute>([`-${family}`, 'route', 'show'], netns);
  return routes.filter(({ dst }) => !dst.startsWith('fe80:') && !dst.startsWith('ff00:'));
}

/** Whether an echo request from the namespace is answered: one packet, one second. */
export async function ping(netns: string | undefined, address: string): Promise<boolean> {
  const prefix = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  const [file = 'ping', ...args] = [...prefix, 'ping', '-n', '-c', '1', '-W', '1', address];
  return (await attempt(file, args)).exitCode === 0;
}

/** All that can be left behind in the host's network, as text in a steady order. */
export interface Snapshot {
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly rules: string;
  readonly netns: readonly string[];
}

/** What the host's network holds now; two snapshots are compared with `toEqual`. */
export async function snapshot(): Promise<Snapshot> {
  const [links, addresses, routes4, routes6, rules] = await Promise.all([
    linksOf(),
    addressesOf(),
    routesOf(undefined, 4),
    routesOf(undefined, 6),
    run('nft', ['--stateless', 'list', 'ruleset']),
  ]);
  return {
    links: links.map((link) => `${link.ifname} master ${link.master ?? '-'}`).sort(),
    addresses: addresses.map(({ ifname, local, prefixlen }) => `${ifname} ${local}/${prefixlen}`).sort(),
    routes: [...routes4, ...routes6].map(({ dst, dev, gateway }) => `${dst} ${gateway ?? '-'} ${dev}`).sort(),
    rules,
    netns: listNetns(),
  };
}

/** Names of the links that bear vethd's mark: what must be gone when everything was removed. */
export async function linksOfVethd(): Promise<readonly string[]> {
  const links = await linksOf();
  return links.filter(({ ifalias }) => ifalias?.startsWith('vethd:')).map(({ ifname }) => ifname);
}
