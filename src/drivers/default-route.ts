/**
 * Which of a container's endpoints carries its default route, per family. Docker's order: the highest
 * GwPriority; not internal before internal; both families before one before none; then the network's name in
 * byte order.
 */
import type { Address, Family } from '../model/address.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Route } from '../model/netstate.ts';
import { subnetOf } from '../model/network.ts';
import type { DriverNetwork } from './driver.ts';

/** An endpoint and its network. */
export interface Attachment {
  readonly endpoint: Endpoint;
  readonly network: DriverNetwork;
}

const ANY: Record<Family, Address> = {
  ipv4: { family: 'ipv4', value: 0n },
  ipv6: { family: 'ipv6', value: 0n },
};

/** Names among the auxiliary addresses that stand for another default gateway than the bridge. */
const AUX_GATEWAY: Record<Family, string> = { ipv4: 'DefaultGatewayIPv4', ipv6: 'DefaultGatewayIPv6' };

/** Docker's default metric of IPv6 routes; the kernel turns 0 into it. */
const METRIC: Record<Family, number> = { ipv4: 0, ipv6: 1024 };

/**
 * The members' default gateway on this network: undefined where the network leads nowhere (internal,
 * isolated, host, none, no such family).
 */
export function gatewayOf(attachment: Attachment, family: Family): Address | undefined {
  const { network, options } = attachment.network;
  if (network.driver !== 'bridge' || network.internal) return undefined;
  const assigned = family === 'ipv4' ? attachment.endpoint.ipv4 : attachment.endpoint.ipv6;
  const subnet = subnetOf(network, family);
  if (assigned === undefined || subnet === undefined) return undefined;
  const mode = family === 'ipv4' ? options.gatewayModeIpv4 : options.gatewayModeIpv6;
  if (mode === 'isolated') return undefined;
  return subnet.aux[AUX_GATEWAY[family]] ?? subnet.gateway;
}

function familiesOf(attachment: Attachment): number {
  return (
    Number(gatewayOf(attachment, 'ipv4') !== undefined) + Number(gatewayOf(attachment, 'ipv6') !== undefined)
  );
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Orders attachments by who should carry the default route; the first wins. */
export function compareAttachments(a: Attachment, b: Attachment): number {
  return (
    b.endpoint.gwPriority - a.endpoint.gwPriority ||
    Number(a.network.network.internal) - Number(b.network.network.internal) ||
    familiesOf(b) - familiesOf(a) ||
    compareBytes(a.network.network.name, b.network.network.name)
  );
}

/** The container's default routes: at most one per family. */
export function defaultRoutes(attachments: readonly Attachment[]): Route[] {
  const ordered = [...attachments].sort(compareAttachments);
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    for (const attachment of ordered) {
      const gateway = gatewayOf(attachment, family);
      if (gateway === undefined) continue;
      const destination = { address: ANY[family], length: 0 };
      const { ifname } = attachment.endpoint;
      return [
        {
          ifname,
          destination,
          gateway,
          source: undefined,
          metric: METRIC[family],
          protocol: 'vethd' as const,
        },
      ];
    }
    return [];
  });
}
