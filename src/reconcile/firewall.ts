/**
 * The ruleset that the store asks for, and the smallest Operation that gets the kernel there. What nft accepted
 * last is the one thing that passes remember of the kernel (also from an earlier run: firewall-record.ts); it is
 * forgotten at every sign that somebody else changed a table.
 */
import { createHash } from 'node:crypto';
import { bridgeName } from '../drivers/bridge.ts';
import type { FirewallEndpoint, FirewallInput, FirewallNetwork } from '../firewall/input.ts';
import { renderMarking } from '../firewall/marking.ts';
import {
  diffRulesets,
  type Guard,
  patchRuleset,
  type Ruleset,
  renderRuleset,
  rulesetText,
} from '../firewall/ruleset.ts';
import { formatAddress } from '../model/address.ts';
import type { Endpoint, PublicationChange, PublishedPort } from '../model/endpoint.ts';
import { HOST } from '../model/netstate.ts';
import type { Network } from '../model/network.ts';
import type { Operation } from '../model/operation.ts';
import type { StoreReader } from '../store/contract.ts';
import { driverNetworkOf } from './desired.ts';
import { guardedFamilies, sharedFamilies } from './forwarding.ts';
import type { Scope } from './scope.ts';

/** Whom a failure to change the ruleset concerns: every request of the pass. */
export const FIREWALL_OBJECT = 'firewall';

function firewallNetwork(network: Network): FirewallNetwork | undefined {
  if (network.driver !== 'bridge' || network.configOnly) return undefined;
  const driverNetwork = driverNetworkOf(network);
  const { id, internal, enableIPv4, enableIPv6 } = network;
  return {
    id,
    bridge: bridgeName(driverNetwork),
    internal,
    enableIPv4,
    enableIPv6,
    options: driverNetwork.options,
  };
}

function firewallEndpoint(endpoint: Endpoint): FirewallEndpoint {
  const { id, networkId, veth, mac, ipv4, ipv6, asked, ports } = endpoint;
  return { id, networkId, veth, mac, ipv4, ipv6, linkLocal: asked.linkLocal, ports };
}

function plumbedEndpoints(store: StoreReader, endpoints: readonly Endpoint[]): FirewallEndpoint[] {
  return endpoints.flatMap((endpoint) => {
    if (endpoint.veth === '' || store.getNetwork(endpoint.networkId) === undefined) return [];
    if (store.getContainer(endpoint.containerId)?.state !== 'running') return [];
    return [firewallEndpoint(endpoint)];
  });
}

/** Everything, for a start and after somebody else changed the tables. */
export function firewallInput(store: StoreReader): FirewallInput {
  return {
    networks: store.listNetworks().flatMap((network) => firewallNetwork(network) ?? []),
    endpoints: plumbedEndpoints(store, store.listEndpoints()),
    guardedForwarding: guardedFamilies(store),
    sharedForwarding: sharedFamilies(store),
  };
}

/** What is known with the objects of the scope as they are now. */
function patched(store: StoreReader, before: Known, scope: Scope): Known {
  const networks = [...scope.networks].flatMap((id) => store.getNetwork(id) ?? []);
  const members = [...scope.containers].flatMap((id) => store.listEndpointsOfContainer(id));
  const endpoints = plumbedEndpoints(store, members);
  const kept = new Set([...networks.map(({ id }) => id), ...endpoints.map(({ id }) => id)]);
  const named = [...scope.networks, ...scope.endpoints, ...members.map(({ id }) => id)];
  const ruleset = patchRuleset(before.ruleset, {
    networks: networks.flatMap((network) => firewallNetwork(network) ?? []),
    endpoints: endpoints.flatMap((endpoint) => {
      const network = store.getNetwork(endpoint.networkId);
      const parsed = network && firewallNetwork(network);
      return parsed === undefined ? [] : [{ network: parsed, endpoint }];
    }),
    gone: named.filter((id) => !kept.has(id)),
    guardedForwarding: guardedFamilies(store),
    sharedForwarding: sharedFamilies(store),
  });
  const publications = patchedPublications(before.publications, named, publicationsOf(endpoints));
  return { ruleset, publications };
}

/** What each endpoint publishes; those that publish nothing are left out. */
type Publications = ReadonlyMap<string, readonly PublishedPort[]>;

/** The ruleset, and the ports that it publishes. */
interface Known {
  readonly ruleset: Ruleset;
  readonly publications: Publications;
}

/** What a plan for the ruleset came to. */
export interface FirewallPlan {
  readonly wanted: Known;
  /** None when the kernel has it all. */
  readonly operations: readonly Operation[];
}

function publicationsOf(endpoints: readonly FirewallEndpoint[]): Publications {
  return new Map(endpoints.flatMap(({ id, ports }) => (ports.length === 0 ? [] : [[id, ports] as const])));
}

/** The former publications with those of the scope as they are now; the same map where nothing is published. */
function patchedPublications(
  before: Publications,
  touched: readonly string[],
  now: Publications,
): Publications {
  if (now.size === 0 && !touched.some((id) => before.has(id))) return before;
  const after = new Map(before);
  for (const id of touched) after.delete(id);
  for (const [id, ports] of now) after.set(id, ports);
  return after;
}

function keyOf({ protocol, hostAddress, hostPort, hostPortEnd, containerPort }: PublishedPort): string {
  const address = hostAddress === undefined ? '' : formatAddress(hostAddress);
  return [protocol, address, hostPort, hostPortEnd, containerPort].join(' ');
}

/** UDP publications that came or went: their connections would go on as they began. */
function udpChanges(before: Publications, after: Publications): PublicationChange[] {
  if (before === after) return [];
  const udp = (publications: Publications): Map<string, PublishedPort> => {
    const entries = [...publications].flatMap(([id, ports]) =>
      ports
        .filter(({ protocol }) => protocol === 'udp')
        .map((port) => [`${id} ${keyOf(port)}`, port] as const),
    );
    return new Map(entries);
  };
  const [old, wanted] = [udp(before), udp(after)];
  const removed = [...old].filter(([key]) => !wanted.has(key));
  const added = [...wanted].filter(([key]) => !old.has(key));
  return [
    ...removed.map(([, port]) => ({ port, change: 'removed' as const })),
    ...added.map(([, port]) => ({ port, change: 'added' as const })),
  ];
}

function operationsFor(before: Known | undefined, wanted: Known): Operation[] {
  const at = { netns: HOST, object: FIREWALL_OBJECT };
  const changes = before === undefined ? [] : udpChanges(before.publications, wanted.publications);
  const drop: Operation[] = changes.length === 0 ? [] : [{ ...at, op: 'dropConnections', changes }];
  const diff = diffRulesets(before?.ruleset, wanted.ruleset);
  switch (diff.kind) {
    case 'same':
      return drop;
    case 'elements': {
      const { changes: changed, departed } = diff;
      return [
        ...(changed.length === 0 ? [] : [{ ...at, op: 'changeElements', changes: changed } as const]),
        ...drop,
        ...(departed.length === 0 ? [] : [{ ...at, op: 'forgetSenders', changes: departed } as const]),
      ];
    }
    case 'full':
      return [{ ...at, op: 'applyRuleset', text: diff.text }, ...drop];
  }
}

/** What the rows ask for. */
function wantedBy(store: StoreReader): Known {
  const input = firewallInput(store);
  return { ruleset: renderRuleset(input), publications: publicationsOf(input.endpoints) };
}

/** A whole ruleset takes all chains with it: one more goes behind it, in the same transaction. */
function withMarking(operation: Operation): Operation {
  if (operation.op !== 'applyRuleset') return operation;
  return { ...operation, text: `${operation.text}${renderMarking()}` };
}

function guarded({ ruleset, publications }: Known, guard: Guard): Known {
  const nothing = { networks: [], endpoints: [], gone: [] };
  return { ruleset: patchRuleset(ruleset, { ...nothing, ...guard }), publications };
}

/** The ruleset as it is known to be. */
export class Firewall {
  readonly #markForwarded: boolean;
  #applied: Known | undefined;

  /** `markForwarded`: whether others are to be told by FORWARD_MARK what is forwarded for members. */
  constructor(markForwarded: boolean) {
    this.#markForwarded = markForwarded;
  }

  /** Somebody else may have changed it: the next plan says everything. */
  forget(): void {
    this.#applied = undefined;
  }

  /** Of the ruleset that the kernel is known to hold; no two differ in one. Undefined when that is not known. */
  fingerprint(): string | undefined {
    return this.#applied && this.#fingerprintOf(this.#applied);
  }

  /** Takes the ruleset of the rows for the one that the kernel holds, if that has the fingerprint. */
  recall(store: StoreReader, fingerprint: string): void {
    const wanted = wantedBy(store);
    if (this.#fingerprintOf(wanted) === fingerprint) this.#applied = wanted;
  }

  #fingerprintOf({ ruleset }: Known): string {
    const text = `${rulesetText(ruleset)}${this.#markForwarded ? renderMarking() : ''}`;
    return createHash('sha256').update(text).digest('hex');
  }

  /** What the rows of the scope ask for. Changes nothing here. */
  plan(store: StoreReader, scope: Scope): FirewallPlan {
    return this.#towards(this.#wanted(store, scope, this.#applied), this.#applied);
  }

  /** The same plan with the forwarding of these families guarded: for what `plan` could not read in the rows yet. */
  guarding({ wanted }: FirewallPlan, guard: Guard): FirewallPlan {
    return this.#towards(guarded(wanted, guard), this.#applied);
  }

  /** What is left to do once no families but these are guarded. */
  unguarding({ wanted }: FirewallPlan, guard: Guard): readonly Operation[] {
    return this.#towards(guarded(wanted, guard), wanted).operations;
  }

  #towards(wanted: Known, before: Known | undefined): FirewallPlan {
    const operations = operationsFor(before, wanted);
    return { wanted, operations: this.#markForwarded ? operations.map(withMarking) : operations };
  }

  /** Remembers what became of a plan. */
  settle({ wanted }: FirewallPlan, isApplied: boolean): void {
    this.#applied = isApplied ? wanted : undefined;
  }

  #wanted(store: StoreReader, scope: Scope, before: Known | undefined): Known {
    return before === undefined || scope.everything ? wantedBy(store) : patched(store, before, scope);
  }
}
