/**
 * "Which vethXXXX@ifN belongs to whose eth0?", asked from either end, for pairs of ours and of others. Here
 * the kernel is asked, for only it knows.
 */
import { VethdError } from '../errors.ts';
import type { NetnsQuery, NetnsRef, Observation } from '../kernel/contract.ts';
import { formatPrefix } from '../model/address.ts';
import type { ObservedLink, ObservedState } from '../model/netstate.ts';
import { netnsRefOf } from '../reconcile/desired.ts';
import { objectOf } from '../reconcile/kinds/link.ts';
import type { EngineContext } from './context.ts';
import type { Trace, TraceEnd } from './contract.ts';
import { findContainer } from './find.ts';

/** A namespace that the search looks into. */
interface Place {
  readonly key: string;
  /** As a person names it. */
  readonly label: string;
  readonly ref: NetnsRef;
  readonly nsid: number;
}

function labelOf(ref: NetnsRef): string {
  switch (ref.kind) {
    case 'name':
      return ref.name;
    case 'path':
      return ref.path;
    case 'pid':
      return `pid:${ref.pid}`;
    case 'host':
      return 'host';
  }
}

/** Every namespace that somebody could mean: those of containers, and all names under /run/netns. */
async function placesOf(context: EngineContext): Promise<Place[]> {
  const { store, kernel } = context;
  const refs = new Map<string, NetnsRef>();
  for (const container of store.listContainers()) {
    const ref = netnsRefOf(container);
    if (ref !== undefined) refs.set(labelOf(ref), ref);
  }
  for (const name of await kernel.listNetnsNames()) refs.set(name, { kind: 'name', name });
  return Promise.all(
    [...refs].map(async ([label, ref]) => ({ key: label, label, ref, nsid: await kernel.nsidOf(ref) })),
  );
}

function endOf(link: ObservedLink, state: ObservedState): TraceEnd {
  const { ifname, ifindex, mac, mtu, up, operstate, counters } = link;
  const addresses = state.addresses.filter((address) => address.ifname === ifname);
  return {
    ifname,
    ifindex,
    mac,
    mtu,
    up,
    operstate,
    addresses: addresses.map(({ prefix }) => formatPrefix(prefix)),
    counters,
  };
}

interface World {
  readonly observation: Observation;
  readonly places: readonly Place[];
}

async function look(context: EngineContext): Promise<World> {
  const places = await placesOf(context);
  const netns = places.map(({ key, ref }): NetnsQuery => ({ key, ref, sysctls: [] }));
  const request = { host: 'all' as const, hostSysctls: [], netns, scanNames: false };
  return { observation: await context.kernel.observe(request), places };
}

interface Inside {
  readonly place: Place;
  readonly state: ObservedState;
  readonly link: ObservedLink;
}

/** The end inside: in the namespace of that number, the link of that index that points back. */
function peerOf(world: World, host: ObservedLink): Inside | undefined {
  for (const place of world.places) {
    const found = world.observation.netns.get(place.key);
    if (found?.status !== 'present' || place.nsid < 0 || place.nsid !== host.peerNetnsid) continue;
    const link = found.state.links.find(
      ({ ifindex, peerIndex }) => ifindex === host.peerIndex && peerIndex === host.ifindex,
    );
    if (link !== undefined) return { place, state: found.state, link };
  }
  return undefined;
}

function bridgeOf(host: ObservedLink, state: ObservedState): Trace['bridge'] {
  const master = state.links.find(({ ifindex }) => ifindex === host.masterIndex);
  if (master === undefined || host.masterIndex === 0) return undefined;
  return { ifname: master.ifname, portState: host.port?.state ?? 'unknown' };
}

function traceOf(context: EngineContext, world: World, host: ObservedLink): Trace {
  const { store } = context;
  const inside = peerOf(world, host);
  const endpoint = store.getEndpoint(objectOf(host.alias));
  const network = endpoint && store.getNetwork(endpoint.networkId);
  const owner = endpoint
    ? store.getContainer(endpoint.containerId)
    : inside && store.listContainers().find((one) => labelOfContainer(one) === inside.place.label);
  return {
    host: endOf(host, world.observation.host),
    peer: inside && endOf(inside.link, inside.state),
    ours: endpoint !== undefined,
    netns: inside?.place.label ?? (host.peerNetnsid >= 0 ? `netnsid ${host.peerNetnsid}` : 'host'),
    container: owner && { id: owner.id, name: owner.name },
    network: network && { id: network.id, name: network.name },
    endpointId: endpoint?.id,
    bridge: bridgeOf(host, world.observation.host),
  };
}

function labelOfContainer(container: Parameters<typeof netnsRefOf>[0]): string | undefined {
  const ref = netnsRefOf(container);
  return ref && labelOf(ref);
}

/** What the term selects: all pairs of a namespace, one interface of it, or one interface of the host. */
async function selection(
  context: EngineContext,
  term: string,
): Promise<{ readonly label: string; readonly ifname: string | undefined } | undefined> {
  const slash = term.startsWith('/') ? -1 : term.indexOf('/');
  const name = slash < 0 ? term : term.slice(0, slash);
  const { container } = await findContainer(context, name);
  const label = labelOfContainer(container);
  return label === undefined ? undefined : { label, ifname: slash < 0 ? undefined : term.slice(slash + 1) };
}

function traceNamespace(
  context: EngineContext,
  world: World,
  label: string,
  ifname: string | undefined,
): Trace[] {
  return world.observation.host.links
    .filter(({ kind, peerIndex }) => kind === 'veth' && peerIndex > 0)
    .filter((host) => {
      const inside = peerOf(world, host);
      return inside?.place.label === label && (ifname === undefined || inside.link.ifname === ifname);
    })
    .map((host) => traceOf(context, world, host));
}

/** The pairs that the term means; notFound when it names neither an interface of the host nor a container. */
export async function trace(context: EngineContext, term: string): Promise<Trace[]> {
  if (term === '') throw new VethdError('invalidArgument', 'trace of what? name a container or an interface');
  const world = await look(context);
  // `ip link` prints vethXXXX@ifN: people paste it whole.
  const ifname = term.replace(/@.*$/, '');
  const host = world.observation.host.links.find((link) => link.ifname === ifname);
  if (host !== undefined && host.kind !== 'veth') {
    throw new VethdError(
      'invalidArgument',
      `${ifname} is no end of a veth pair but ${host.kind || 'a plain device'}`,
    );
  }
  if (host !== undefined) return [traceOf(context, world, host)];
  const selected = await selection(context, term).catch((error: unknown) => {
    const unknown = error instanceof VethdError && error.kind === 'notFound';
    throw unknown
      ? new VethdError('notFound', `neither an interface of the host nor a container is called ${term}`, {
          cause: error,
        })
      : error;
  });
  return selected === undefined ? [] : traceNamespace(context, world, selected.label, selected.ifname);
}
