/** What a look has shown, read beside what was desired. Pure but for the rows that it looks up. */
import type { Observation } from '../kernel/contract.ts';
import type { NetnsIdentity } from '../model/container.ts';
import type { NetnsKey } from '../model/netstate.ts';
import type { StoreReader } from '../store/contract.ts';
import type { Desired } from './desired.ts';
import { objectOf } from './kinds/link.ts';
import type { Plan } from './plan.ts';
import { type Scope, scopeOf } from './scope.ts';
import type { NetnsNames } from './show.ts';

/** Names of the namespaces of a desired state, for command lines. */
export function netnsNames(desired: Desired): NetnsNames {
  return (key) => {
    const ref = desired.netns.get(key)?.ref ?? desired.vacant.get(key);
    if (ref?.kind === 'name') return { name: ref.name };
    if (ref?.kind === 'path') return { path: ref.path };
    if (ref?.kind === 'pid') return { path: `/proc/${ref.pid}/ns/net` };
    return { name: key.slice(0, 12) };
  };
}

/** Members that a missing bridge has lost: they must be looked at with it. */
function strandedMembers(store: StoreReader, desired: Desired, observation: Observation): string[] {
  const seen = new Set(observation.host.links.map((link) => link.ifname));
  return desired.host.links
    .filter((link) => link.kind === 'bridge' && !seen.has(link.ifname))
    .flatMap((link) => store.listEndpointsOfNetwork(objectOf(link.alias)))
    .map(({ containerId }) => containerId)
    .filter((id) => !desired.netns.has(id) && !desired.vacant.has(id));
}

/**
 * What a scoped look met besides what it was sent for, or needs for its answer: members of a missing bridge,
 * and links of ours that belong to rows outside the scope (renamed, say). Undefined when the scope will do.
 */
export function besides(store: StoreReader, desired: Desired, observation: Observation): Scope | undefined {
  if (desired.everything) return undefined;
  const containers = strandedMembers(store, desired, observation);
  const networks: string[] = [];
  const wanted = new Set(desired.host.links.map(({ alias }) => alias));
  for (const link of observation.host.links) {
    const id = objectOf(link.alias);
    if (id === '' || wanted.has(link.alias)) continue;
    const owner = store.getEndpoint(id)?.containerId;
    if (owner !== undefined && !desired.netns.has(owner) && !desired.vacant.has(owner))
      containers.push(owner);
    if (store.getNetwork(id) !== undefined) networks.push(id);
  }
  return containers.length + networks.length === 0 ? undefined : scopeOf({ containers, networks });
}

/** Behind which kernel number of a namespace (nsid) which container was seen. */
export function nsidsOf(store: StoreReader, observation: Observation): Map<number, string> {
  const owners = new Map<number, string>();
  for (const { alias, peerNetnsid } of observation.host.links) {
    const endpoint = peerNetnsid < 0 ? undefined : store.getEndpoint(objectOf(alias));
    if (endpoint !== undefined) owners.set(peerNetnsid, endpoint.containerId);
  }
  return owners;
}

/** The namespaces that were there at the look, without those that the plan counts as missing. */
export function presentIn(observation: Observation, { missing }: Plan): Map<NetnsKey, NetnsIdentity> {
  return new Map(
    [...observation.netns].flatMap(([key, found]) =>
      found.status === 'present' && !missing.has(key) ? [[key, found.identity] as const] : [],
    ),
  );
}
