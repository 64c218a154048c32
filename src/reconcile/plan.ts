/**
 * Desired and observed in, Operations out. Pure: touches nothing, reads no clock. What is not ours is dropped
 * before anything is compared, so no plan can name a foreign object but to hang one of ours on it.
 */
import type { NetnsRef, Observation, ObservedNetns } from '../kernel/contract.ts';
import {
  EMPTY_NETSTATE,
  HOST,
  type Link,
  type NetnsKey,
  type NetState,
  type ObservedLink,
  type ObservedState,
  RETIRED_ALIAS,
  type Sysctl,
} from '../model/netstate.ts';
import type { Operation } from '../model/operation.ts';
import { type Desired, type DesiredNetns, mergeStates, netnsAliasOf } from './desired.ts';
import { addressKind, type EntryKind, fdbKind, neighbourKind, routeKind } from './kinds/entry.ts';
import { changeOf, changeOfNewPeer, isOurs, objectOf, retire } from './kinds/link.ts';
import { inOrder } from './order.ts';

/** A plan, and what it could not plan for. */
export interface Plan {
  readonly operations: readonly Operation[];
  /** Containers whose namespace is not there and not ours to make, with the reason. */
  readonly missing: ReadonlyMap<NetnsKey, string>;
  /** A half of a pair was found without its other half: only a look at everything can tell. */
  readonly needsEverything: boolean;
  /** How to reach the namespaces that the Operations name. */
  readonly netns: ReadonlyMap<
    NetnsKey,
    { readonly ref: NetnsRef; readonly observed: ObservedNetns | undefined }
  >;
}

/** A namespace while it is compared: what it should hold, what it holds, which link is which. */
interface Side {
  readonly netns: NetnsKey;
  readonly desired: NetState;
  readonly observed: ObservedState;
  /** By desired name: the link that will carry it; undefined for one that the plan makes. */
  readonly matched: Map<string, ObservedLink | undefined>;
  readonly retired: Set<ObservedLink>;
}

function sideOf(netns: NetnsKey, desired: NetState, observed: ObservedState): Side {
  return { netns, desired, observed, matched: new Map(), retired: new Set() };
}

/** Pairs each desired link that exists alone (bridges, lo) with the one that carries its alias, else its name. */
function matchSingles(side: Side): void {
  const { links } = side.observed;
  for (const link of side.desired.links) {
    if (link.kind === 'veth') continue;
    const byAlias = link.alias === '' ? undefined : links.find((other) => other.alias === link.alias);
    const found = byAlias ?? links.find((other) => other.ifname === link.ifname);
    side.matched.set(link.ifname, found);
  }
}

function isPair(host: ObservedLink, peer: ObservedLink): boolean {
  return host.kind === 'veth' && host.peerIndex === peer.ifindex && peer.peerIndex === host.ifindex;
}

function byAlias(side: Side | undefined, alias: string): ObservedLink | undefined {
  return side?.observed.links.find((link) => link.alias === alias && !side.retired.has(link));
}

/** The other end of a pair whose making was cut short: a peer gets its alias only after its birth. */
function unnamedPeer(side: Side, end: ObservedLink): ObservedLink | undefined {
  return side.observed.links.find((link) => link.alias === '' && isPair(end, link));
}

/** What planning adds to as it goes. */
interface Draft {
  readonly operations: Operation[];
  needsEverything: boolean;
}

/** Keeps a veth pair that is whole; otherwise retires what is left of it and makes it anew. */
function planPair(draft: Draft, host: Side, link: Link, inside: Side, everything: boolean): void {
  const peerLink = inside.desired.links.find((other) => other.ifname === link.peer?.ifname);
  if (peerLink === undefined) throw new Error(`no peer for ${link.ifname} in the desired state`);
  const hostEnd = byAlias(host, link.alias);
  const peerEnd = byAlias(inside, link.alias) ?? (hostEnd && unnamedPeer(inside, hostEnd));
  const whole = hostEnd !== undefined && peerEnd !== undefined && isPair(hostEnd, peerEnd);
  host.matched.set(link.ifname, whole ? hostEnd : undefined);
  inside.matched.set(peerLink.ifname, whole ? peerEnd : undefined);
  if (whole) return;
  if (hostEnd === undefined && peerEnd !== undefined && !everything) draft.needsEverything = true;
  for (const [side, end] of [
    [host, hostEnd],
    [inside, peerEnd],
  ] as const) {
    if (end === undefined) continue;
    side.retired.add(end);
    draft.operations.push(retire(side.netns, end, undefined));
  }
  const object = objectOf(link.alias);
  draft.operations.push(
    { op: 'createVeth', netns: HOST, object, link, peer: peerLink, peerNetns: inside.netns },
    {
      op: 'changeLink',
      netns: inside.netns,
      object,
      ifname: peerLink.ifname,
      change: changeOfNewPeer(peerLink),
    },
    { op: 'settleCarrier', netns: HOST, object, ifname: link.ifname },
  );
  if (link.master !== '') {
    draft.operations.push({ op: 'settleCarrier', netns: HOST, object, ifname: link.master });
  }
}

function planSingles(draft: Draft, side: Side): void {
  for (const link of side.desired.links) {
    if (link.kind === 'bridge' && side.matched.get(link.ifname) === undefined) {
      draft.operations.push({ op: 'createBridge', netns: side.netns, object: objectOf(link.alias), link });
    }
  }
}

function masterIndexOf(side: Side, link: Link): number | undefined {
  return link.master === '' ? 0 : side.matched.get(link.master)?.ifindex;
}

/** lo of a namespace that the plan makes: there, down. */
const NEW_LOOPBACK = { up: true } as const;

function planChanges(draft: Draft, side: Side): void {
  for (const link of side.desired.links) {
    const seen = side.matched.get(link.ifname);
    const object = objectOf(link.alias) || side.netns;
    if (seen === undefined) {
      if (link.kind !== 'loopback') continue;
      draft.operations.push({
        op: 'changeLink',
        netns: side.netns,
        object,
        ifname: 'lo',
        change: NEW_LOOPBACK,
      });
      continue;
    }
    // A bridge that somebody else made carries our members, but stays as it is, up aside.
    const change = isForeignBridge(link, seen)
      ? seen.up
        ? undefined
        : { up: true }
      : changeOf(link, seen, masterIndexOf(side, link));
    if (change === undefined) continue;
    draft.operations.push({ op: 'changeLink', netns: side.netns, object, ifname: seen.ifname, change });
    if (link.kind === 'veth' && side.netns === HOST) {
      draft.operations.push({ op: 'settleCarrier', netns: HOST, object, ifname: link.ifname });
    }
  }
}

function isForeignBridge(link: Link, seen: ObservedLink): boolean {
  return link.kind === 'bridge' && seen.alias !== link.alias;
}

/** Links of ours that nobody wants: the host's end takes its peer with it. */
function planRetirement(draft: Draft, host: Side, insides: readonly Side[]): void {
  const wanted = new Set([...host.matched.values()]);
  for (const link of host.observed.links) {
    if (!isOurs(link) || wanted.has(link) || host.retired.has(link)) continue;
    const found = insides.flatMap((side) => {
      const named = side.observed.links.find((other) => other.alias === link.alias && isPair(link, other));
      const peer = named ?? unnamedPeer(side, link);
      return peer === undefined ? [] : [{ side, peer }];
    })[0];
    if (found !== undefined) found.side.retired.add(found.peer);
    host.retired.add(link);
    const peer = found && { netns: found.side.netns, ifname: found.peer.ifname };
    draft.operations.push(retire(HOST, link, peer));
  }
}

function planOrphans(draft: Draft, side: Side, everything: boolean): void {
  const wanted = new Set([...side.matched.values()]);
  for (const link of side.observed.links) {
    if (!isOurs(link) || link.ifname === 'lo' || wanted.has(link) || side.retired.has(link)) continue;
    if (!everything) {
      draft.needsEverything = true;
      continue;
    }
    side.retired.add(link);
    draft.operations.push(retire(side.netns, link, undefined));
  }
}

/** Compares one kind of entry on the links of a namespace that stay or come. */
function planEntries<Wanted extends { readonly ifname: string }, Seen extends { readonly ifname: string }>(
  draft: Draft,
  side: Side,
  kind: EntryKind<Wanted, Seen>,
  wanted: readonly Wanted[],
  seen: readonly Seen[],
): void {
  const desiredNames = new Map<string, string>();
  for (const [name, link] of side.matched) if (link !== undefined) desiredNames.set(link.ifname, name);
  // What waits to be deleted takes everything on it along.
  const waiting = side.observed.links.filter(({ alias }) => alias === RETIRED_ALIAS);
  const gone = new Set([...side.retired, ...waiting].map((link) => link.ifname));
  const objects = new Map(side.desired.links.map((link) => [link.ifname, objectOf(link.alias)]));
  const objectFor = (ifname: string): string => objects.get(ifname) || side.netns;
  const present = new Map<string, Seen>();
  for (const entry of seen) {
    if (gone.has(entry.ifname)) continue;
    present.set(kind.key({ ...entry, ifname: desiredNames.get(entry.ifname) ?? entry.ifname }), entry);
  }
  const keys = new Set<string>();
  for (const entry of wanted) {
    keys.add(kind.key(entry));
    const found = present.get(kind.key(entry));
    const isNew = side.matched.get(entry.ifname) === undefined;
    if (
      found !== undefined &&
      kind.same(entry, { ...found, ifname: desiredNames.get(found.ifname) ?? found.ifname })
    ) {
      continue;
    }
    if (isNew && kind.comesWithLink(entry)) continue;
    draft.operations.push(kind.add(side.netns, objectFor(entry.ifname), entry));
  }
  for (const [key, entry] of present) {
    if (keys.has(key) || !kind.isOurs(entry)) continue;
    const name = desiredNames.get(entry.ifname) ?? entry.ifname;
    draft.operations.push(kind.remove(side.netns, objectFor(name), entry));
  }
}

/** Static entries count as ours only on ports of ours. */
function ownFdb(side: Side): ObservedState['fdb'] {
  const ports = new Set(
    [...side.matched.values()].flatMap((link) => (link && isOurs(link) ? [link.ifname] : [])),
  );
  const own = side.observed.links.filter((link) => ports.has(link.ifname));
  return side.observed.fdb.filter(({ ifname, mac }) =>
    own.some((link) => link.ifname === ifname && link.mac !== mac),
  );
}

/** Whether the setting is of an interface that the plan makes: what was read is then its predecessor's. */
function isOfNewLink({ matched }: Side, key: string): boolean {
  const [, , ifname = ''] = key.split('/');
  return matched.has(ifname) && matched.get(ifname) === undefined;
}

/**
 * Whether the setting is of a bridge that somebody else made, and nothing that our members need: IPv6 turned off on
 * it would take his addresses away.
 */
function isForeignTaste({ desired, matched }: Side, { key, value }: Sysctl): boolean {
  const [family, , ifname = '', name] = key.split('/');
  if (family !== 'ipv6' || (name === 'disable_ipv6' && value === '0')) return false;
  const [link, seen] = [desired.links.find((one) => one.ifname === ifname), matched.get(ifname)];
  return link !== undefined && seen !== undefined && isForeignBridge(link, seen);
}

function planState(draft: Draft, side: Side): void {
  const { desired, observed } = side;
  planChanges(draft, side);
  planEntries(draft, side, addressKind, desired.addresses, observed.addresses);
  planEntries(draft, side, routeKind, desired.routes, observed.routes);
  planEntries(draft, side, neighbourKind, desired.neighbours, observed.neighbours);
  planEntries(draft, side, fdbKind, desired.fdb, ownFdb(side));
  const values = new Map(observed.sysctls.map(({ key, value }) => [key, value]));
  for (const sysctl of desired.sysctls) {
    const { key, value, askedBy } = sysctl;
    const found = values.get(key);
    // Looked for and not there: the kernel has no such setting, or its link has gone. Then nobody needs it.
    const isNeedless = values.has(key) && found === undefined && askedBy === undefined;
    if ((isNeedless || found === value) && !isOfNewLink(side, key)) continue;
    if (isForeignTaste(side, sysctl)) continue;
    draft.operations.push({ op: 'setSysctl', netns: side.netns, object: askedBy ?? side.netns, sysctl });
  }
}

/** Namespaces: ours that are missing are made; those of others that are missing are told. */
function planNetns(
  draft: Draft,
  key: NetnsKey,
  wanted: DesiredNetns,
  found: ObservedNetns | undefined,
): ObservedState | string {
  if (found?.status === 'present') {
    const stale = wanted.identity !== undefined && wanted.identity.inode !== found.identity.inode;
    return stale ? 'another namespace is there now' : found.state;
  }
  if (wanted.managedName === undefined || (found?.status === 'refused' && found.hollow !== true))
    return found?.reason ?? 'not looked at';
  const alias = netnsAliasOf(key);
  draft.operations.push({ op: 'createNetns', netns: key, object: key, name: wanted.managedName, alias });
  return EMPTY_NETSTATE;
}

/** Namespaces of ours that no running container has, and further names of those that one has. */
function planVacated(draft: Draft, desired: Desired, observation: Observation): void {
  const kept = new Set(
    [...desired.netns].flatMap(([key, { managedName }]) =>
      managedName ? [`${netnsAliasOf(key)} ${managedName}`] : [],
    ),
  );
  const remove = (name: string, alias: string): void => {
    if (kept.has(`${alias} ${name}`)) return;
    const object = objectOf(alias);
    draft.operations.push({ op: 'removeNetns', netns: HOST, object, name });
  };
  if (desired.everything) {
    for (const { name, alias } of observation.ownNetns) remove(name, alias);
    return;
  }
  for (const [key, ref] of desired.vacant) {
    const found = observation.netns.get(key);
    if (ref.kind !== 'name' || found?.status !== 'present') continue;
    const lo = found.state.links.find((link) => link.ifname === 'lo');
    if (lo !== undefined && isOurs(lo)) remove(ref.name, lo.alias);
  }
}

function vacantSides(desired: Desired, observation: Observation): Side[] {
  return [...desired.vacant.keys()].flatMap((key) => {
    const found = observation.netns.get(key);
    return found?.status === 'present' ? [sideOf(key, mergeStates([]), found.state)] : [];
  });
}

/** The ordered Operations that make the observed world the desired one, `first` among them. */
export function plan(desired: Desired, observation: Observation, first: readonly Operation[] = []): Plan {
  const draft: Draft = { operations: [...first], needsEverything: false };
  const missing = new Map<NetnsKey, string>();
  const insides: Side[] = [];
  const outsides: NetState[] = [desired.host];
  for (const [key, wanted] of desired.netns) {
    const state = planNetns(draft, key, wanted, observation.netns.get(key));
    if (typeof state === 'string') {
      missing.set(key, state);
      continue;
    }
    insides.push(sideOf(key, wanted.inside, state));
    outsides.push(wanted.outside);
  }
  const host = sideOf(HOST, mergeStates(outsides), observation.host);
  const byKey = new Map(insides.map((side) => [side.netns, side]));
  const vacant = vacantSides(desired, observation);
  for (const side of [host, ...insides]) matchSingles(side);
  for (const link of host.desired.links) {
    const inside = link.peer && byKey.get(link.peer.netns);
    if (inside !== undefined) planPair(draft, host, link, inside, desired.everything);
  }
  planRetirement(draft, host, [...insides, ...vacant]);
  for (const side of [...insides, ...vacant]) planOrphans(draft, side, desired.everything);
  planSingles(draft, host);
  for (const side of [host, ...insides]) planState(draft, side);
  planVacated(draft, desired, observation);
  return {
    operations: inOrder(draft.operations),
    missing,
    needsEverything: draft.needsEverything,
    netns: reachable(desired, observation),
  };
}

function reachable(desired: Desired, observation: Observation): Plan['netns'] {
  const refs = new Map<NetnsKey, { ref: NetnsRef; observed: ObservedNetns | undefined }>();
  for (const [key, { ref }] of desired.netns) refs.set(key, { ref, observed: observation.netns.get(key) });
  for (const [key, ref] of desired.vacant) refs.set(key, { ref, observed: observation.netns.get(key) });
  return refs;
}
