/**
 * "Which vethXXXX@ifN belongs to whose eth0?", asked from either end, for pairs of ours and of others. Here
 * the kernel is asked, for only it knows.
 */
import { VethdError } from '../errors.ts';
import type { NetnsQuery, NetnsRef, Observation } from '../kernel/contract.ts';
import { formatPrefix } from '../model/address.ts';
import type { Container } from '../model/container.ts';
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

/** Every namespace that somebody could mean: those of containers, all names under /run/netns, and those asked for. */
async function placesOf(context: EngineContext, asked: readonly NetnsRef[]): Promise<Place[]> {
  const { store, kernel } = context;
  const known = store.listContainers().flatMap((container) => netnsRefOf(container) ?? []);
  const named = (await kernel.listNetnsNames()).map((name): NetnsRef => ({ kind: 'name', name }));
  const refs = new Map([...asked, ...known, ...named].map((ref) => [labelOf(ref), ref]));
  return Promise.all(
    [...refs].map(async ([label, ref]) => ({ key: label, label, ref, nsid: await kernel.nsidOf(ref) })),
  );
}

function endOf({ link, state }: End): TraceEnd {
  const { ifname, ifindex, peerIndex: peerIfindex, mac, mtu, up, operstate, counters } = link;
  const addresses = state.addresses
    .filter((address) => address.ifname === ifname)
    .map(({ prefix }) => formatPrefix(prefix));
  return { ifname, ifindex, peerIfindex, mac, mtu, up, operstate, addresses, counters };
}

interface World {
  readonly observation: Observation;
  readonly places: readonly Place[];
}

async function look(context: EngineContext, asked: readonly NetnsRef[] = []): Promise<World> {
  const places = await placesOf(context, asked);
  const netns = places.map(({ key, ref }): NetnsQuery => ({ key, ref, sysctls: [] }));
  const request = { host: 'all' as const, hostSysctls: [], netns, scanNames: false, counters: true };
  return { observation: await context.kernel.observe(request), places };
}

/** An end of a pair, among what its namespace holds. */
interface End {
  readonly link: ObservedLink;
  readonly state: ObservedState;
  readonly label: string;
}

function isPair(one: ObservedLink, other: ObservedLink): boolean {
  return other.ifindex === one.peerIndex && other.peerIndex === one.ifindex;
}

function endsIn({ observation }: World, place: Place): End[] {
  const found = observation.netns.get(place.key);
  if (found?.status !== 'present') return [];
  const { state } = found;
  return state.links
    .filter(({ kind }) => kind === 'veth')
    .map((link) => ({ link, state, label: place.label }));
}

function hostEnds({ observation: { host } }: World): End[] {
  return host.links
    .filter(({ kind }) => kind === 'veth')
    .map((link) => ({ link, state: host, label: 'host' }));
}

/** The other end of a host's: in the namespace of that number, the link of that index that points back. */
function peerOf(world: World, host: ObservedLink): End | undefined {
  const ends =
    host.peerNetnsid < 0
      ? hostEnds(world)
      : world.places.filter(({ nsid }) => nsid === host.peerNetnsid).flatMap((place) => endsIn(world, place));
  return ends.find(({ link }) => isPair(host, link));
}

function bridgeOf(host: ObservedLink, state: ObservedState): Trace['bridge'] {
  const master = state.links.find(({ ifindex }) => ifindex === host.masterIndex);
  if (master === undefined || host.masterIndex === 0) return undefined;
  return { ifname: master.ifname, portState: host.port?.state ?? 'unknown' };
}

function ownerOf(context: EngineContext, label: string | undefined): Container | undefined {
  return context.store.listContainers().find((container) => {
    const ref = netnsRefOf(container);
    return ref !== undefined && labelOf(ref) === label;
  });
}

function named(of: { readonly id: string; readonly name: string } | undefined): Trace['container'] {
  return of && { id: of.id, name: of.name };
}

function traceOf(context: EngineContext, world: World, host: ObservedLink): Trace {
  const { store } = context;
  const peer = peerOf(world, host);
  const endpoint = store.getEndpoint(objectOf(host.alias));
  const owner = endpoint ? store.getContainer(endpoint.containerId) : ownerOf(context, peer?.label);
  return {
    host: endOf({ link: host, state: world.observation.host, label: 'host' }),
    peer: peer && endOf(peer),
    ours: endpoint !== undefined,
    netns: peer?.label ?? `netnsid ${host.peerNetnsid}`,
    container: named(owner),
    network: named(endpoint && store.getNetwork(endpoint.networkId)),
    endpointId: endpoint?.id,
    bridge: bridgeOf(host, world.observation.host),
  };
}

/** An end whose other end is not on the host: neither can be of vethd's making. */
function traceElsewhere(context: EngineContext, end: End): Trace {
  return {
    host: undefined,
    peer: endOf(end),
    ours: false,
    netns: end.label,
    container: named(ownerOf(context, end.label)),
    network: undefined,
    endpointId: undefined,
    bridge: undefined,
  };
}

/** What the term selects: all pairs of a namespace, or one interface of it. */
async function selection(
  context: EngineContext,
  term: string,
): Promise<{ readonly ref: NetnsRef; readonly ifname: string | undefined } | undefined> {
  const slash = term.startsWith('/') ? -1 : term.indexOf('/');
  const { container } = await findContainer(context, slash < 0 ? term : term.slice(0, slash));
  const ref = netnsRefOf(container);
  return ref && { ref, ifname: slash < 0 ? undefined : term.slice(slash + 1) };
}

async function traceNamespace(
  context: EngineContext,
  { ref, ifname }: { readonly ref: NetnsRef; readonly ifname: string | undefined },
): Promise<Trace[]> {
  const world = await look(context, [ref]);
  const label = labelOf(ref);
  const hosts = hostEnds(world).map(({ link }) => ({ link, peer: peerOf(world, link) }));
  return world.places
    .filter((place) => place.label === label)
    .flatMap((place) => endsIn(world, place))
    .filter(({ link }) => ifname === undefined || link.ifname === ifname)
    .map((end) => {
      const host = hosts.find(({ peer }) => peer?.label === label && peer.link.ifindex === end.link.ifindex);
      return host === undefined ? traceElsewhere(context, end) : traceOf(context, world, host.link);
    });
}

/** The pair of a host's end. A namespace without a name is looked for among those of processes. */
async function traceHostEnd(context: EngineContext, world: World, host: ObservedLink): Promise<Trace> {
  const found = traceOf(context, world, host);
  const pid = found.peer === undefined ? await context.kernel.findProcess(host.peerNetnsid) : undefined;
  if (pid === undefined) return found;
  return traceOf(context, await look(context, [{ kind: 'pid', pid, startTime: undefined }]), host);
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
  if (host !== undefined) return [await traceHostEnd(context, world, host)];
  const selected = await selection(context, term).catch((error: unknown) => {
    const unknown = error instanceof VethdError && error.kind === 'notFound';
    throw unknown
      ? new VethdError('notFound', `neither an interface of the host nor a container is called ${term}`, {
          cause: error,
        })
      : error;
  });
  return selected === undefined ? [] : traceNamespace(context, selected);
}
