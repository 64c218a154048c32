/** Looks at the kernel: the host's namespace, whole or just some links, and containers' namespaces, whole. */
import { closeSync } from 'node:fs';
import { VethdError } from '../errors.ts';
import { overlaps, type Prefix } from '../model/address.ts';
import {
  ALIAS_PREFIX,
  EMPTY_NETSTATE,
  type FdbEntry,
  type NetnsKey,
  type ObservedAddress,
  type ObservedLink,
  type ObservedNeighbour,
  type ObservedRoute,
  type ObservedState,
} from '../model/netstate.ts';
import { type DecodedAddress, decodeAddress, encodeDumpAddresses } from './codec/address.ts';
import { decodeCountedLink, decodeLink, encodeDumpLinks, encodeGetLink } from './codec/link.ts';
import type { NetlinkRequest } from './codec/message.ts';
import {
  type DecodedNeighbour,
  decodeNeighbour,
  encodeDumpFdb,
  encodeDumpNeighbours,
  encodeGetFdbEntry,
  encodeGetNeighbour,
} from './codec/neighbour.ts';
import { type DecodedRoute, decodeRoute, encodeDumpRoutes } from './codec/route.ts';
import type {
  LinkQuery,
  NetnsQuery,
  Observation,
  ObservedNetns,
  ObserveRequest,
  OnLinkRoute,
  OwnNetns,
} from './contract.ts';
import type { Namespaces } from './netns.ts';
import { NetlinkSocket } from './socket.ts';
import { readSysctl } from './sysctl.ts';

/** Up to so many links, a filtered dump for each is cheaper than one of everything, filtered here. */
const FEW_LINKS = 8;

/** Entries as decoded, by ifindex. */
interface Decoded {
  readonly addresses: readonly DecodedAddress[];
  readonly routes: readonly DecodedRoute[];
  readonly neighbours: readonly DecodedNeighbour[];
}

type Settings = ObservedState['sysctls'];

function readSettings(keys: readonly string[]): Settings {
  return keys.map((key) => ({ key, value: readSysctl(key) }));
}

/** The entries that are on these links; those of links that came or went meanwhile are left out. */
function stateOf(links: readonly ObservedLink[], decoded: Decoded, sysctls: Settings): ObservedState {
  const names = new Map(links.map(({ ifindex, ifname }) => [ifindex, ifname]));
  const addresses: ObservedAddress[] = [];
  const routes: ObservedRoute[] = [];
  const neighbours: ObservedNeighbour[] = [];
  const fdb = new Map<string, FdbEntry>();
  for (const { ifindex, prefix, ours } of decoded.addresses) {
    const ifname = names.get(ifindex);
    if (ifname !== undefined) addresses.push({ ifname, prefix, ours });
  }
  for (const { ifindex, ...route } of decoded.routes) {
    const ifname = names.get(ifindex);
    if (ifname !== undefined) routes.push({ ifname, ...route });
  }
  for (const entry of decoded.neighbours) {
    const ifname = names.get(entry.ifindex);
    if (ifname === undefined) continue;
    const { mac } = entry;
    // A bridge that filters VLANs tells an entry once for each.
    if (entry.table === 'bridge') fdb.set(`${ifname} ${mac}`, { ifname, mac });
    else neighbours.push({ ifname, address: entry.address, mac, ours: entry.ours });
  }
  return { links, addresses, routes, neighbours, fdb: [...fdb.values()], sysctls };
}

interface DumpOptions {
  readonly withFdb: boolean;
  readonly withCounters: boolean;
}

function dumpState(
  socket: NetlinkSocket,
  sysctls: Settings,
  { withFdb, withCounters }: DumpOptions,
): ObservedState {
  const decode = withCounters ? decodeCountedLink : decodeLink;
  const links = socket.dump('listing links', encodeDumpLinks(), decode);
  const neighbours = socket.dump('listing neighbours', encodeDumpNeighbours(0), decodeNeighbour);
  const fdb = withFdb ? socket.dump('listing forwarding tables', encodeDumpFdb(), decodeNeighbour) : [];
  const decoded = {
    addresses: socket.dump('listing addresses', encodeDumpAddresses(0), decodeAddress),
    routes: socket.dump('listing routes', encodeDumpRoutes(0), decodeRoute),
    neighbours: [...neighbours, ...fdb],
  };
  return stateOf(links, decoded, sysctls);
}

function getLinks(socket: NetlinkSocket, ifnames: readonly string[]): ObservedLink[] {
  const links: ObservedLink[] = [];
  const requests = ifnames.map((ifname) => encodeGetLink({ ifname }));
  socket.transact(requests, (_, message) => links.push(decodeLink(message)));
  return links;
}

/** The entries that the queries name, each asked for by itself: a table can hold thousands of others. */
function getNeighbours(
  socket: NetlinkSocket,
  queries: readonly LinkQuery[],
  links: readonly ObservedLink[],
): DecodedNeighbour[] {
  const indexes = new Map(links.map(({ ifname, ifindex }) => [ifname, ifindex]));
  const ports = new Set(links.filter(({ port }) => port !== undefined).map(({ ifname }) => ifname));
  const requests: NetlinkRequest[] = [];
  for (const { ifname, neighbours, fdb } of queries) {
    const ifindex = indexes.get(ifname);
    if (ifindex === undefined) continue;
    for (const address of neighbours) requests.push(encodeGetNeighbour(ifindex, address));
    if (ports.has(ifname)) for (const mac of fdb) requests.push(encodeGetFdbEntry(ifindex, mac));
  }
  const found: DecodedNeighbour[] = [];
  if (requests.length === 0) return found;
  socket.transact(requests, (_, message) => {
    const entry = decodeNeighbour(message);
    if (entry !== undefined) found.push(entry);
  });
  return found;
}

/**
 * How often links are looked at anew because one of them went while they were looked at: retired ones are deleted on
 * other threads, and anybody may delete what he likes.
 */
const LOOKS = 8;

function observeLinks(
  socket: NetlinkSocket,
  queries: readonly LinkQuery[],
  sysctls: Settings,
): ObservedState {
  for (let look = 1; ; look++) {
    try {
      return observeLinksOnce(socket, queries, sysctls);
    } catch (error) {
      if (look === LOOKS || !(error instanceof VethdError) || error.errno !== 'ENODEV') throw error;
    }
  }
}

function observeLinksOnce(
  socket: NetlinkSocket,
  queries: readonly LinkQuery[],
  sysctls: Settings,
): ObservedState {
  const names = [...new Set(queries.map(({ ifname }) => ifname))];
  const links = names.length === 0 ? [] : getLinks(socket, names);
  if (links.length === 0) return { ...EMPTY_NETSTATE, sysctls };
  const indexes = links.length > FEW_LINKS ? [0] : links.map(({ ifindex }) => ifindex);
  const decoded = {
    addresses: indexes.flatMap((ifindex) =>
      socket.dump('listing addresses', encodeDumpAddresses(ifindex), decodeAddress),
    ),
    routes: indexes.flatMap((ifindex) =>
      socket.dump('listing routes', encodeDumpRoutes(ifindex), decodeRoute),
    ),
    neighbours: getNeighbours(socket, queries, links),
  };
  return stateOf(links, decoded, sysctls);
}

/** Opens a socket in the namespace and reads settings there; the caller closes the socket. */
function enter(namespaces: Namespaces, fd: number, sysctls: readonly string[]): [NetlinkSocket, Settings] {
  return namespaces.within(fd, () => {
    const settings = readSettings(sysctls);
    return [new NetlinkSocket(), settings];
  });
}

function observeNetns(
  namespaces: Namespaces,
  { ref, sysctls }: NetnsQuery,
  withCounters: boolean,
): ObservedNetns {
  const opened = namespaces.open(ref);
  if (opened.status !== 'present') return opened;
  try {
    const [socket, settings] = enter(namespaces, opened.fd, sysctls);
    try {
      const state = dumpState(socket, settings, { withFdb: false, withCounters });
      return { status: 'present', identity: opened.identity, state };
    } finally {
      socket.close();
    }
  } finally {
    closeSync(opened.fd);
  }
}

/** A namespace with the alias of its lo, ours or not. */
function openByName(namespaces: Namespaces, name: string): OwnNetns | undefined {
  const opened = namespaces.open({ kind: 'name', name });
  if (opened.status !== 'present') return undefined;
  try {
    const [socket] = enter(namespaces, opened.fd, []);
    try {
      const alias = getLinks(socket, ['lo'])[0]?.alias ?? '';
      return { name, alias, identity: opened.identity };
    } finally {
      socket.close();
    }
  } finally {
    closeSync(opened.fd);
  }
}

/** The namespaces of ours at other names under /run/netns. */
function scanNames(namespaces: Namespaces, seen: ReadonlySet<string>): OwnNetns[] {
  return namespaces.listEntries().flatMap((name) => {
    const found = seen.has(name) ? undefined : openByName(namespaces, name);
    return found?.alias.startsWith(ALIAS_PREFIX) ? [found] : [];
  });
}

/** Looks at everything that the request names (observe-parts.ts). `host` is a socket in the host's namespace. */
export function observe(
  namespaces: Namespaces,
  host: NetlinkSocket,
  request: ObserveRequest,
  seen: readonly string[],
): Observation {
  const withCounters = request.counters ?? false;
  const settings = readSettings(request.hostSysctls);
  const hostState =
    request.host === 'all'
      ? dumpState(host, settings, { withFdb: true, withCounters })
      : observeLinks(host, request.host, settings);
  const netns = new Map<NetnsKey, ObservedNetns>();
  for (const query of request.netns) netns.set(query.key, observeNetns(namespaces, query, withCounters));
  const ownNetns = request.scanNames ? scanNames(namespaces, new Set(seen)) : [];
  return { host: hostState, netns, ownNetns };
}

function dumpOnLinkRoutes(host: NetlinkSocket): DecodedRoute[] {
  const routes = host.dump('listing routes', encodeDumpRoutes(0), decodeRoute);
  return routes.filter(
    ({ destination, gateway }) => destination.address.family === 'ipv6' && gateway === undefined,
  );
}

/** Where the host's on-link IPv6 routes lead; those of IPv4 are host-routes.ts's. */
export function listOnLinkPrefixes(host: NetlinkSocket): Prefix[] {
  return dumpOnLinkRoutes(host).map(({ destination }) => destination);
}

/** The host's on-link IPv6 routes that overlap one of the prefixes, with the names of their links alone. */
export function findOnLinkRoutes(host: NetlinkSocket, prefixes: readonly Prefix[]): OnLinkRoute[] {
  const routes = dumpOnLinkRoutes(host).filter(({ destination }) =>
    prefixes.some((prefix) => overlaps(prefix, destination)),
  );
  const indexes = [...new Set(routes.map(({ ifindex }) => ifindex))];
  const names = new Map<number, string>();
  host.transact(
    indexes.map((ifindex) => encodeGetLink({ ifindex })),
    (_, message) => {
      const { ifindex, ifname } = decodeLink(message);
      names.set(ifindex, ifname);
    },
  );
  return routes.map(({ destination, ifindex }) => ({ destination, ifname: names.get(ifindex) ?? '' }));
}
