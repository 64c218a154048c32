/**
 * The ruleset that the store asks for, and the smallest Operation that gets the kernel there. What nft accepted
 * last is the one thing that passes remember of the kernel; it is forgotten at every sign that somebody else
 * changed a table.
 */
import { bridgeName } from '../drivers/bridge.ts';
import type { FirewallEndpoint, FirewallInput, FirewallNetwork } from '../firewall/input.ts';
import { diffRulesets, patchRuleset, type Ruleset, renderRuleset } from '../firewall/ruleset.ts';
import type { Endpoint, PublishedPort } from '../model/endpoint.ts';
import { HOST } from '../model/netstate.ts';
import type { BridgeOptions, Network } from '../model/network.ts';
import type { Operation } from '../model/operation.ts';
import type { StoreReader } from '../store/contract.ts';
import { driverNetworkOf } from './desired.ts';
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

/** A port without an address of its own is bound where the network says. */
function boundPort(port: PublishedPort, { hostBindingIpv4 }: BridgeOptions): PublishedPort {
  if (port.hostAddress !== undefined || hostBindingIpv4 === undefined || hostBindingIpv4.value === 0n)
    return port;
  return { ...port, hostAddress: hostBindingIpv4 };
}

function firewallEndpoint(endpoint: Endpoint, network: Network): FirewallEndpoint {
  const { id, networkId, veth, mac, ipv4, ipv6, asked, ports } = endpoint;
  const { options } = driverNetworkOf(network);
  const bound = ports.map((port) => boundPort(port, options));
  return { id, networkId, veth, mac, ipv4, ipv6, linkLocal: asked.linkLocal, ports: bound };
}

function plumbedEndpoints(store: StoreReader, endpoints: readonly Endpoint[]): FirewallEndpoint[] {
  return endpoints.flatMap((endpoint) => {
    const network = store.getNetwork(endpoint.networkId);
    if (endpoint.veth === '' || network === undefined) return [];
    if (store.getContainer(endpoint.containerId)?.state !== 'running') return [];
    return [firewallEndpoint(endpoint, network)];
  });
}

/** Everything, for a start and after somebody else changed the tables. */
export function firewallInput(store: StoreReader): FirewallInput {
  return {
    networks: store.listNetworks().flatMap((network) => firewallNetwork(network) ?? []),
    endpoints: plumbedEndpoints(store, store.listEndpoints()),
    guardedForwarding: [],
  };
}

/** The remembered ruleset with the objects of the scope as they are now. */
function patched(store: StoreReader, before: Ruleset, scope: Scope): Ruleset {
  const networks = [...scope.networks].flatMap((id) => store.getNetwork(id) ?? []);
  const members = [...scope.containers].flatMap((id) => store.listEndpointsOfContainer(id));
  const endpoints = plumbedEndpoints(store, members);
  const kept = new Set([...networks.map(({ id }) => id), ...endpoints.map(({ id }) => id)]);
  const named = [...scope.networks, ...scope.endpoints, ...members.map(({ id }) => id)];
  return patchRuleset(before, {
    networks: networks.flatMap((network) => firewallNetwork(network) ?? []),
    endpoints: endpoints.flatMap((endpoint) => {
      const network = store.getNetwork(endpoint.networkId);
      const parsed = network && firewallNetwork(network);
      return parsed === undefined ? [] : [{ network: parsed, endpoint }];
    }),
    gone: named.filter((id) => !kept.has(id)),
  });
}

/** What a plan for the ruleset came to. */
export interface FirewallPlan {
  readonly wanted: Ruleset;
  /** Undefined when the kernel has it all. */
  readonly operation: Operation | undefined;
}

/** The ruleset as it is known to be. */
export class Firewall {
  #applied: Ruleset | undefined;

  /** Somebody else may have changed it: the next plan says everything. */
  forget(): void {
    this.#applied = undefined;
  }

  /** What the rows of the scope ask for. Changes nothing here. */
  plan(store: StoreReader, scope: Scope): FirewallPlan {
    const before = this.#applied;
    const whole = scope.everything || before === undefined;
    const wanted = whole ? renderRuleset(firewallInput(store)) : patched(store, before, scope);
    return { wanted, operation: operationOf(before, wanted) };
  }

  /** Remembers what became of a plan. */
  settle({ wanted }: FirewallPlan, isApplied: boolean): void {
    this.#applied = isApplied ? wanted : undefined;
  }
}

function operationOf(before: Ruleset | undefined, wanted: Ruleset): Operation | undefined {
  const diff = diffRulesets(before, wanted);
  switch (diff.kind) {
    case 'same':
      return undefined;
    case 'elements':
      return { op: 'changeElements', netns: HOST, object: FIREWALL_OBJECT, changes: diff.changes };
    case 'full':
      return { op: 'applyRuleset', netns: HOST, object: FIREWALL_OBJECT, text: diff.text };
  }
}
