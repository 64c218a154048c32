/** vethd's own answers in JSON. */
import type { Member, NetworkView, SubnetUsage, Trace, TraceEnd } from '../../engine/contract.ts';
import { formatAddress, formatPrefix } from '../../model/address.ts';
import type { Check } from '../../model/check.ts';
import type { LinkCounters } from '../../model/netstate.ts';
import type { Network } from '../../model/network.ts';
import type { ApiConfig, ApiLoad } from '../context.ts';
import { toPortMap } from '../endpoints/ports.ts';
import { addressWithLength } from '../endpoints/wire.ts';
import { toCount } from '../serialize.ts';
import type { DoctorJson, TopologyNetworkJson, TraceJson } from './schema.ts';

type TraceEndJson = NonNullable<TraceJson['Host']>;

function toCounters(counters: LinkCounters): TraceEndJson['Counters'] {
  return {
    RxBytes: counters.rxBytes,
    RxPackets: counters.rxPackets,
    RxErrors: counters.rxErrors,
    RxDropped: counters.rxDropped,
    TxBytes: counters.txBytes,
    TxPackets: counters.txPackets,
    TxErrors: counters.txErrors,
    TxDropped: counters.txDropped,
  };
}

function toTraceEnd(end: TraceEnd | undefined): TraceEndJson | null {
  if (end === undefined) return null;
  return {
    Ifname: end.ifname,
    Ifindex: end.ifindex,
    PeerIfindex: end.peerIfindex,
    Mac: end.mac,
    Mtu: end.mtu,
    Up: end.up,
    Operstate: end.operstate,
    Addresses: [...end.addresses],
    Counters: toCounters(end.counters),
  };
}

function toNamed(named: { readonly id: string; readonly name: string } | undefined): TraceJson['Container'] {
  return named === undefined ? null : { Id: named.id, Name: named.name };
}

/** A pair and whose it is. */
export function toTrace(trace: Trace): TraceJson {
  const { bridge } = trace;
  return {
    Host: toTraceEnd(trace.host),
    Peer: toTraceEnd(trace.peer),
    Ours: trace.ours,
    Netns: trace.netns,
    Container: toNamed(trace.container),
    Network: toNamed(trace.network),
    EndpointId: trace.endpointId ?? null,
    Bridge: bridge === undefined ? null : { Ifname: bridge.ifname, PortState: bridge.portState },
  };
}

function toSubnets(network: Network, usage: readonly SubnetUsage[]): TopologyNetworkJson['Subnets'] {
  const gateways = new Map(
    network.subnets.map(({ prefix, gateway }) => [
      formatPrefix(prefix),
      gateway === undefined ? '' : formatAddress(gateway),
    ]),
  );
  return usage.map(({ subnet, inUse, available }) => ({
    Subnet: subnet,
    Gateway: gateways.get(subnet) ?? '',
    IPsInUse: toCount(inUse),
    DynamicIPsAvailable: toCount(available),
  }));
}

function toMember({ endpoint, container }: Member, network: Network): TopologyNetworkJson['Members'][number] {
  return {
    ContainerId: container.id,
    Container: container.name,
    EndpointId: endpoint.id,
    Veth: endpoint.veth,
    Ifname: endpoint.ifname,
    Mac: endpoint.mac,
    IPv4Address: addressWithLength(endpoint, network, 'ipv4'),
    IPv6Address: addressWithLength(endpoint, network, 'ipv6'),
    Ports: toPortMap([endpoint]),
  };
}

/** The device of a bridge network. */
function bridgeOf({ id, driver, configOnly, options }: Network): string {
  if (driver !== 'bridge' || configOnly) return '';
  return options['com.docker.network.bridge.name'] ?? `br-${id.slice(0, 12)}`;
}

/** A network with its bridge, use and members. */
export function toTopologyNetwork(view: NetworkView, usage: readonly SubnetUsage[]): TopologyNetworkJson {
  const { network, members } = view;
  return {
    Id: network.id,
    Name: network.name,
    Driver: network.driver,
    Bridge: bridgeOf(network),
    Internal: network.internal,
    Subnets: toSubnets(network, usage),
    Members: members.map((member) => toMember(member, network)),
  };
}

/** Half of what may wait does: others will soon be turned away. */
export function judgeLoad(load: ApiLoad, { limits }: ApiConfig): Check {
  const { writesRunning, writesWaiting, eventStreams } = load;
  const message = `${writesRunning} changes run, ${writesWaiting} wait; ${eventStreams} event streams`;
  const isFull = writesWaiting > limits.writesQueued / 2 || eventStreams > limits.eventStreams / 2;
  return { name: 'queues', status: isFull ? 'warning' : 'ok', message, mend: [] };
}

/** The checks, and the worst of them. */
export function toDoctor(checks: readonly Check[]): DoctorJson {
  const worst = (['broken', 'warning'] as const).find((status) =>
    checks.some((check) => check.status === status),
  );
  return {
    Status: worst ?? 'ok',
    Checks: checks.map(({ name, status, message, mend }) => ({
      Name: name,
      Status: status,
      Message: message,
      Mend: [...mend],
    })),
  };
}
