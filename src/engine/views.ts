/** Reading: what inspect and list show. From the store alone; the kernel is not asked. */
import { formatPrefix, sizeOf } from '../model/address.ts';
import type { Container } from '../model/container.ts';
import type { Network } from '../model/network.ts';
import { netnsRefOf } from '../reconcile/desired.ts';
import type { StoreReader } from '../store/contract.ts';
import type { EngineContext } from './context.ts';
import type { ContainerView, Filters, Member, NetworkView, SubnetUsage } from './contract.ts';
import { containerFor, findContainer, getNetworkToInspect } from './find.ts';
import { membershipsOf } from './memberships.ts';
import { filterNetworks } from './network-filters.ts';
import { isRunning } from './running.ts';

function runningMembers(store: StoreReader, network: Network): Member[] {
  return store.listEndpointsOfNetwork(network.id).flatMap((endpoint) => {
    const container = store.getContainer(endpoint.containerId);
    return container !== undefined && isRunning(container) ? [{ endpoint, container }] : [];
  });
}

/** One network with its running members. */
export function inspectNetwork(context: EngineContext, term: string): NetworkView {
  const network = getNetworkToInspect(context.store, term);
  return { network, members: runningMembers(context.store, network) };
}

/** The networks that pass the filters, with their running members if asked for. */
export function listNetworks(context: EngineContext, filters: Filters, withMembers: boolean): NetworkView[] {
  const { store } = context;
  const networks = filterNetworks(
    store.listNetworks(),
    filters,
    (network) => runningMembers(store, network).length,
  );
  return networks.map((network) => ({ network, members: withMembers ? runningMembers(store, network) : [] }));
}

/** How much of each subnet is taken; config-only networks hold none. */
export function networkUsage(context: EngineContext, network: Network): SubnetUsage[] {
  if (network.configOnly) return [];
  return network.subnets.map(({ prefix }) => {
    const inUse = context.store.countTaken(network.id, prefix.address.family);
    return { subnet: formatPrefix(prefix), inUse, available: sizeOf(prefix) - inUse };
  });
}

/** Path of the namespace; `''` while there is none. */
export function sandboxKeyOf(context: EngineContext, container: Container): string {
  const { source } = container;
  if (source.kind === 'shared') {
    const other = context.store.getContainer(source.containerId);
    return other === undefined ? '' : sandboxKeyOf(context, other);
  }
  if (!isRunning(container)) return '';
  if (source.kind === 'host') return '/proc/1/ns/net';
  const ref = netnsRefOf(container);
  switch (ref?.kind) {
    case 'name':
      return `/run/netns/${ref.name}`;
    case 'path':
      return ref.path;
    case 'pid':
      return `/proc/${ref.pid}/ns/net`;
    default:
      return '';
  }
}

function viewOf(context: EngineContext, container: Container, adopted: boolean): ContainerView {
  return {
    container,
    adopted,
    sandboxKey: sandboxKeyOf(context, container),
    pid: container.source.kind === 'pid' ? container.source.pid : 0,
    attachments: membershipsOf(context.store, container.id),
  };
}

/** One container, or a namespace under /run/netns that nobody adopted. */
export async function inspectContainer(context: EngineContext, term: string): Promise<ContainerView> {
  const { container, adopted } = await findContainer(context, term);
  return viewOf(context, container, adopted);
}

/** Namespaces under /run/netns that no stored container has. */
async function unadopted(context: EngineContext): Promise<Container[]> {
  const { store, kernel } = context;
  const taken = new Set(
    store.listContainers().flatMap(({ source }) => ('netnsName' in source ? [source.netnsName] : [])),
  );
  const names = (await kernel.listNetnsNames()).filter((name) => !taken.has(name));
  const probes = await Promise.all(names.map((name) => kernel.probeNetns({ kind: 'name', name })));
  return probes.flatMap((probe, index) => {
    const name = names[index];
    return probe.status === 'present' && name !== undefined
      ? [containerFor(context, { kind: 'name', name }, probe)]
      : [];
  });
}

/** The containers, newest first as Docker lists them; those that do not run only with `all`. */
export async function listContainers(context: EngineContext, all: boolean): Promise<ContainerView[]> {
  const stored = context.store.listContainers().map((container) => viewOf(context, container, true));
  const others = (await unadopted(context)).map((container) => viewOf(context, container, false));
  return [...others, ...stored.reverse()].filter(({ container }) => all || isRunning(container));
}
