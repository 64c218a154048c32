/** An endpoint as a row: what must be unique or is looked for has a column, the rest is one JSON text. */
import { type Address, formatAddress, parseAddress } from '../model/address.ts';
import type { Endpoint, Protocol, PublishedPort } from '../model/endpoint.ts';
import { addressFromText, addressToText } from './json.ts';

/** The columns of `endpoints`. */
export interface EndpointRow {
  readonly ordinal: number;
  readonly id: string;
  readonly network_id: string;
  readonly container_id: string;
  readonly veth: string;
  readonly ifname: string;
  readonly mac: string;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly gw_priority: number;
  readonly settings: string;
}

interface StoredPort {
  readonly protocol: Protocol;
  readonly container: readonly [number, number];
  readonly host: readonly [number, number];
  readonly address: string | null;
}

/** The JSON of the column `settings`. */
interface Settings {
  readonly asked: {
    readonly ipv4: string | null;
    readonly ipv6: string | null;
    readonly linkLocal: string[];
  };
  readonly askedMac: string;
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly ports: readonly StoredPort[];
}

function toStoredPort(port: PublishedPort): StoredPort {
  return {
    protocol: port.protocol,
    container: [port.containerPort, port.containerPortEnd],
    host: [port.hostPort, port.hostPortEnd],
    address: addressToText(port.hostAddress),
  };
}

function toPort({ protocol, container, host, address }: StoredPort): PublishedPort {
  return {
    protocol,
    containerPort: container[0],
    containerPortEnd: container[1],
    hostAddress: addressFromText(address),
    hostPort: host[0],
    hostPortEnd: host[1],
  };
}

function settingsOf(endpoint: Endpoint): Settings {
  const { asked, askedMac, aliases, links, driverOpts, ports } = endpoint;
  return {
    asked: {
      ipv4: addressToText(asked.ipv4),
      ipv6: addressToText(asked.ipv6),
      linkLocal: asked.linkLocal.map(formatAddress),
    },
    askedMac,
    aliases,
    links,
    driverOpts,
    ports: ports.map(toStoredPort),
  };
}

/** The row of an endpoint. */
export function toRow(endpoint: Endpoint): EndpointRow {
  return {
    ordinal: endpoint.ordinal,
    id: endpoint.id,
    network_id: endpoint.networkId,
    container_id: endpoint.containerId,
    veth: endpoint.veth,
    ifname: endpoint.ifname,
    mac: endpoint.mac,
    ipv4: addressToText(endpoint.ipv4),
    ipv6: addressToText(endpoint.ipv6),
    gw_priority: endpoint.gwPriority,
    settings: JSON.stringify(settingsOf(endpoint)),
  };
}

/** The endpoint of a row. */
export function toEndpoint(row: EndpointRow): Endpoint {
  const settings: Settings = JSON.parse(row.settings);
  const { asked, ports, ...rest } = settings;
  const linkLocal: Address[] = asked.linkLocal.map(parseAddress);
  return {
    id: row.id,
    networkId: row.network_id,
    containerId: row.container_id,
    ordinal: row.ordinal,
    veth: row.veth,
    ifname: row.ifname,
    mac: row.mac,
    ipv4: addressFromText(row.ipv4),
    ipv6: addressFromText(row.ipv6),
    gwPriority: row.gw_priority,
    asked: { ipv4: addressFromText(asked.ipv4), ipv6: addressFromText(asked.ipv6), linkLocal },
    ports: ports.map(toPort),
    ...rest,
  };
}
