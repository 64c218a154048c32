/**
 * Where a pass has to look. A trigger names objects, never what happened to them; names of things that are no
 * longer stored (a removed endpoint's veth) are part of the scope, because only the kernel still knows them.
 */
import type { NetnsRef } from '../kernel/contract.ts';
import type { Neighbour, NetnsKey } from '../model/netstate.ts';

/** What a pass looks at. */
export interface Scope {
  /** Everything: all rows, all host links, all names under /run/netns. The other members are then moot. */
  readonly everything: boolean;
  readonly networks: ReadonlySet<string>;
  readonly containers: ReadonlySet<string>;
  /** Endpoints that are no longer stored. */
  readonly endpoints: ReadonlySet<string>;
  /** Host links by name, besides those that the rows name. */
  readonly links: ReadonlySet<string>;
  /** Host neighbour entries that may be left over. */
  readonly neighbours: readonly Neighbour[];
  /** Namespaces of containers that are no longer stored. */
  readonly netns: ReadonlyMap<NetnsKey, NetnsRef>;
  /** Whether the ruleset must be seen in the kernel, not just remembered. */
  readonly firewall: boolean;
}

/** Looks nowhere. */
export const EMPTY_SCOPE: Scope = Object.freeze({
  everything: false,
  networks: new Set<string>(),
  containers: new Set<string>(),
  endpoints: new Set<string>(),
  links: new Set<string>(),
  neighbours: [],
  netns: new Map<NetnsKey, NetnsRef>(),
  firewall: false,
});

/**
 * Looks everywhere but at the ruleset: foreign changes of it are always heard of (firewall-events.ts), and a pass
 * that knows nothing of it yet replaces it anyway.
 */
export const EVERYTHING: Scope = Object.freeze({ ...EMPTY_SCOPE, everything: true });

/** A scope of the given parts; what is left out is empty. */
export function scopeOf(parts: {
  readonly networks?: Iterable<string>;
  readonly containers?: Iterable<string>;
  readonly endpoints?: Iterable<string>;
  readonly links?: Iterable<string>;
  readonly neighbours?: readonly Neighbour[];
  readonly netns?: Iterable<readonly [NetnsKey, NetnsRef]>;
  readonly firewall?: boolean;
}): Scope {
  return {
    everything: false,
    networks: new Set(parts.networks),
    containers: new Set(parts.containers),
    endpoints: new Set(parts.endpoints),
    links: new Set(parts.links),
    neighbours: parts.neighbours ?? [],
    netns: new Map(parts.netns),
    firewall: parts.firewall ?? false,
  };
}

/** The scope that covers all of them. */
export function unionOf(scopes: Iterable<Scope>): Scope {
  const networks = new Set<string>();
  const containers = new Set<string>();
  const endpoints = new Set<string>();
  const links = new Set<string>();
  const neighbours: Neighbour[] = [];
  const netns = new Map<NetnsKey, NetnsRef>();
  let everything = false;
  let firewall = false;
  for (const scope of scopes) {
    everything ||= scope.everything;
    firewall ||= scope.firewall;
    for (const id of scope.networks) networks.add(id);
    for (const id of scope.containers) containers.add(id);
    for (const id of scope.endpoints) endpoints.add(id);
    for (const name of scope.links) links.add(name);
    neighbours.push(...scope.neighbours);
    for (const [key, ref] of scope.netns) netns.set(key, ref);
  }
  return { everything, networks, containers, endpoints, links, neighbours, netns, firewall };
}
