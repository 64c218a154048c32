/**
 * Connections that would outlive a change of published ports. The translation of a connection is decided with
 * its first packet; UDP has no end, so that a client that goes on sending is stuck with the former decision.
 */
import { type Family, sameAddress } from '../model/address.ts';
import type { PublicationChange } from '../model/endpoint.ts';
import {
  decodeFlow,
  encodeDropFlow,
  encodeListFlows,
  isOfProtocol,
  type TrackedFlow,
} from './codec/conntrack.ts';
import type { NetfilterSocket } from './netfilter-socket.ts';

function isStale(flow: TrackedFlow, { port, change }: PublicationChange): boolean {
  const { protocol, hostAddress, hostPort, hostPortEnd } = port;
  if (!isOfProtocol(flow, protocol)) return false;
  if (flow.destinationPort < hostPort || flow.destinationPort > hostPortEnd) return false;
  const any = hostAddress === undefined || hostAddress.value === 0n;
  if (!any && !sameAddress(flow.destination, hostAddress)) return false;
  return change === 'removed' ? flow.translated : !flow.translated && !flow.answered;
}

function staleFlows(socket: NetfilterSocket, change: PublicationChange, family: Family): TrackedFlow[] {
  const { protocol, hostPort, hostPortEnd } = change.port;
  const port = hostPort === hostPortEnd ? hostPort : undefined;
  const flows: TrackedFlow[] = [];
  socket.dump(encodeListFlows({ family, protocol, port }), (message) => {
    const flow = decodeFlow(message);
    if (flow !== undefined && isStale(flow, change)) flows.push(flow);
  });
  return flows;
}

/**
 * Drops the UDP connections that the changes made stale and gives how many. Call it after the ruleset has
 * changed. What cannot be listed or dropped is left: it expires by itself, at the latest 180 s after its last
 * packet. Changes of other protocols are ignored.
 */
export function dropConntrack(socket: NetfilterSocket, changes: readonly PublicationChange[]): number {
  let dropped = 0;
  for (const change of changes.filter(({ port }) => port.protocol === 'udp')) {
    const { hostAddress } = change.port;
    const families: Family[] = hostAddress === undefined ? ['ipv4', 'ipv6'] : [hostAddress.family];
    for (const flow of families.flatMap((family) => staleFlows(socket, change, family))) {
      if (socket.transact([encodeDropFlow(flow)]) === undefined) dropped++;
    }
  }
  return dropped;
}
