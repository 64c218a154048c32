/** Networks between Docker's JSON and the engine's words. */
import type { Member, NetworkView, SubnetUsage } from '../../engine/contract.ts';
import { formatAddress, formatPrefix } from '../../model/address.ts';
import type { IpamConfigSpec, Network, NetworkSpec, Subnet } from '../../model/network.ts';
import { addressWithLength } from '../endpoints/wire.ts';
import { checkMap } from '../limits.ts';
import { toCount } from '../serialize.ts';
import type { NetworkCreateJson, NetworkJson } from './schema.ts';

type IpamEntryJson = NetworkJson['IPAM']['Config'][number];

function fromIpamEntry(entry: IpamEntryJson): IpamConfigSpec {
  const {
    Subnet: subnet = '',
    IPRange: ipRange = '',
    Gateway: gateway = '',
    AuxiliaryAddresses: aux = {},
  } = entry;
  checkMap('AuxiliaryAddresses', aux);
  return { subnet, ipRange, gateway, aux };
}

/** A client's wish in the engine's words. `EnableIPv4` counts from 1.48 on. */
export function fromNetworkCreate(body: NetworkCreateJson, minor: number): NetworkSpec {
  const { IPAM: ipam = {}, Options: options = {}, Labels: labels = {} } = body;
  checkMap('Options', options);
  checkMap('Labels', labels);
  checkMap('IPAM.Options', ipam.Options ?? {});
  return {
    name: body.Name ?? '',
    driver: body.Driver ?? '',
    scope: body.Scope ?? '',
    enableIPv4: minor >= 48 ? body.EnableIPv4 : undefined,
    enableIPv6: body.EnableIPv6,
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    ingress: body.Ingress ?? false,
    configOnly: body.ConfigOnly ?? false,
    configFrom: body.ConfigFrom?.Network ?? '',
    ipamDriver: ipam.Driver ?? '',
    ipamOptions: ipam.Options,
    ipamConfig: (ipam.Config ?? []).map(fromIpamEntry),
    options,
    labels,
  };
}

function toIpamEntry({ prefix, ipRange, gateway, aux }: Subnet): IpamEntryJson {
  const names = Object.entries(aux).map(([name, address]) => [name, formatAddress(address)] as const);
  return {
    Subnet: formatPrefix(prefix),
    ...(ipRange !== undefined && { IPRange: formatPrefix(ipRange) }),
    ...(gateway !== undefined && { Gateway: formatAddress(gateway) }),
    ...(names.length > 0 && { AuxiliaryAddresses: Object.fromEntries(names) }),
  };
}

/** What a network shows of a member. */
export function toMember({ endpoint, container }: Member, network: Network) {
  return {
    Name: container.name,
    EndpointID: endpoint.id,
    MacAddress: endpoint.mac,
    IPv4Address: addressWithLength(endpoint, network, 'ipv4'),
    IPv6Address: addressWithLength(endpoint, network, 'ipv6'),
  };
}

/** Whether a network shows `EnableIPv4`: from 1.48 on. Nothing else of what `toNetwork` gives depends on the version. */
export function showsEnableIPv4(minor: number): boolean {
  return minor >= 48;
}

/** A network as a client of version 1.`minor` sees it. */
export function toNetwork({ network, members }: NetworkView, minor: number): NetworkJson {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.configOnly ? 'null' : network.driver,
    ...(showsEnableIPv4(minor) && { EnableIPv4: network.enableIPv4 }),
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: 'default',
      Options: network.ipamOptions === undefined ? null : { ...network.ipamOptions },
      Config: network.subnets.map(toIpamEntry),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom },
    ConfigOnly: network.configOnly,
    Containers: Object.fromEntries(
      members.map((member) => [member.container.id, toMember(member, network)] as const),
    ),
    Options: { ...network.options },
    Labels: { ...network.labels },
  };
}

/** How much of each subnet is taken. */
export function toStatus(usage: readonly SubnetUsage[]): NonNullable<NetworkJson['Status']> {
  const subnets = usage.map(({ subnet, inUse, available }) => {
    const counts = { IPsInUse: toCount(inUse), DynamicIPsAvailable: toCount(available) };
    return [subnet, counts] as const;
  });
  return { IPAM: { Subnets: Object.fromEntries(subnets) } };
}
