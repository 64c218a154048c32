/**
 * `vethd --recover`: rows for a new state folder, read from what the kernel still holds: the ids in the aliases
 * of links, the addresses, the bridges' ports. Names and labels of networks, published ports, stopped containers
 * and everything else that only the lost database knew stay lost.
 */
import { failpoint } from '../failpoint.ts';
import type { Observation, ObservedNetns } from '../kernel/contract.ts';
import { isLinkLocal, networkOf } from '../model/address.ts';
import type { Container } from '../model/container.ts';
import type { ObservedLink, ObservedState } from '../model/netstate.ts';
import type { Network, Subnet } from '../model/network.ts';
import { isOurs, objectOf } from '../reconcile/kinds/link.ts';
import type { StoreWriter } from '../store/contract.ts';
import { derivedId, type EngineContext, formatTime, NEVER } from './context.ts';
import { restoreEndpoint } from './endpoint-rows.ts';
import { bridgeOptions } from './predefined.ts';

type Present = ObservedNetns & { readonly status: 'present' };

function subnetsOf(host: ObservedState, ifname: string): Subnet[] {
  return host.addresses
    .filter((entry) => entry.ours && entry.ifname === ifname)
    .map(({ prefix }) => ({
      prefix: networkOf(prefix),
      ipRange: undefined,
      gateway: prefix.address,
      aux: {},
      automatic: false,
    }))
    .sort((a, b) => (a.prefix.address.family < b.prefix.address.family ? -1 : 1));
}

function optionsOf(
  context: EngineContext,
  bridge: ObservedLink,
  ports: readonly ObservedLink[],
): Record<string, string> {
  if (bridge.ifname === context.config.bridgeName) return bridgeOptions(context);
  const ownName = bridge.ifname === `br-${objectOf(bridge.alias).slice(0, 12)}`;
  return {
    ...(ownName ? {} : { 'com.docker.network.bridge.name': bridge.ifname }),
    ...(bridge.mtu === 1500 ? {} : { 'com.docker.network.driver.mtu': String(bridge.mtu) }),
    ...(ports.some(({ port }) => port?.isolated) ? { 'com.docker.network.bridge.enable_icc': 'false' } : {}),
  };
}

/** Where no member is led out, the network counts as internal: what was closed must not be opened. */
function leadsOut(subnets: readonly Subnet[], insides: readonly Present[]): boolean {
  const gateways = new Set(subnets.map(({ gateway }) => gateway?.value));
  return insides.some(({ state }) =>
    state.routes.some(({ destination, gateway }) => destination.length === 0 && gateways.has(gateway?.value)),
  );
}

function networkOfBridge(context: EngineContext, seen: Observation, bridge: ObservedLink): Network {
  const { host } = seen;
  const insides = [...seen.netns.values()].filter((netns): netns is Present => netns.status === 'present');
  const subnets = subnetsOf(host, bridge.ifname);
  const predefined = bridge.ifname === context.config.bridgeName;
  const ports = host.links.filter(({ masterIndex }) => masterIndex === bridge.ifindex);
  const families = new Set(subnets.map(({ prefix }) => prefix.address.family));
  return {
    id: objectOf(bridge.alias),
    name: predefined ? 'bridge' : bridge.ifname,
    created: formatTime(context.now()),
    driver: 'bridge',
    predefined,
    enableIPv4: families.has('ipv4'),
    enableIPv6: families.has('ipv6'),
    internal: !predefined && !leadsOut(subnets, insides),
    attachable: false,
    configOnly: false,
    configFrom: '',
    ipamOptions: undefined,
    subnets,
    options: optionsOf(context, bridge, ports),
    labels: {},
  };
}

function containerOf(context: EngineContext, name: string, { identity, state }: Present): Container {
  const lo = state.links.find(({ ifname }) => ifname === 'lo');
  const isManaged = lo !== undefined && isOurs(lo);
  const created = formatTime(context.now());
  return {
    id: isManaged ? objectOf(lo.alias) : derivedId(context.store.daemonId, name),
    name,
    created,
    source: { kind: isManaged ? 'managed' : 'named', netnsName: name },
    state: 'running',
    identity,
    startedAt: created,
    finishedAt: NEVER,
    exitCode: 0,
    networkMode: '',
    labels: {},
    pending: {},
    config: {},
  };
}

function recoverEndpoint(
  writer: StoreWriter,
  host: ObservedState,
  container: Container,
  state: ObservedState,
  peer: ObservedLink,
): void {
  const hostEnd = host.links.find(({ alias, kind }) => kind === 'veth' && alias === peer.alias);
  const bridge = host.links.find(({ ifindex }) => ifindex === hostEnd?.masterIndex);
  const network = bridge && writer.getNetwork(objectOf(bridge.alias));
  if (hostEnd === undefined || network === undefined) return;
  const own = state.addresses.filter((entry) => entry.ours && entry.ifname === peer.ifname);
  const addressOf = (family: 'ipv4' | 'ipv6') =>
    own.map(({ prefix }) => prefix.address).find((one) => one.family === family && !isLinkLocal(one));
  restoreEndpoint(writer, network, {
    id: objectOf(peer.alias),
    networkId: network.id,
    containerId: container.id,
    ordinal: writer.nextOrdinal(),
    veth: hostEnd.ifname,
    ifname: peer.ifname,
    mac: peer.mac,
    ipv4: addressOf('ipv4'),
    ipv6: addressOf('ipv6'),
    asked: { ipv4: undefined, ipv6: undefined, linkLocal: [] },
    askedMac: '',
    aliases: [],
    links: [],
    driverOpts: {},
    gwPriority: 0,
    ports: [],
  });
}

/** Fills an empty store; gives how many endpoints were found. Undefined, nothing done: it knows networks already. */
export async function recover(context: EngineContext): Promise<number | undefined> {
  const { kernel, store } = context;
  if (store.listNetworks().length > 0) return undefined;
  const names = await kernel.listNetnsNames();
  const seen = await kernel.observe({
    host: 'all',
    hostSysctls: [],
    netns: names.map((name) => ({ key: name, ref: { kind: 'name', name }, sysctls: [] })),
    scanNames: false,
  });
  await store.write((writer) => {
    for (const bridge of seen.host.links.filter((link) => link.kind === 'bridge' && isOurs(link))) {
      writer.insertNetwork(networkOfBridge(context, seen, bridge));
    }
    for (const [name, netns] of seen.netns)
      if (netns.status === 'present') recoverNetns(context, writer, seen, name, netns);
  });
  failpoint('recover.written');
  return store.listEndpoints().length;
}

function recoverNetns(
  context: EngineContext,
  writer: StoreWriter,
  { host }: Observation,
  name: string,
  netns: Present,
): void {
  const ours = netns.state.links.filter(isOurs);
  if (ours.length === 0) return;
  const container = containerOf(context, name, netns);
  writer.insertContainer(container);
  for (const peer of ours.filter(({ kind }) => kind === 'veth')) {
    recoverEndpoint(writer, host, container, netns.state, peer);
  }
}
