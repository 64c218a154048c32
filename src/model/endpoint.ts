/**
 * The noun `endpoint`: one container's attachment to one network: interface, MAC, addresses, aliases,
 * published ports. Endpoints of `host` and `none` record a membership and hold no interface.
 */
import type { Address } from './address.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** A published port, or a range of equal length on both sides. */
export interface PublishedPort {
  readonly protocol: Protocol;
  /** First and last port inside, 1…65535. */
  readonly containerPort: number;
  readonly containerPortEnd: number;
  /** Undefined: every address of both families. */
  readonly hostAddress: Address | undefined;
  readonly hostPort: number;
  readonly hostPortEnd: number;
}

/** A published port that came or went. */
export interface PublicationChange {
  readonly port: PublishedPort;
  /**
   * `removed`: drop what was translated for it. `added`: drop what was sent to it, untranslated and without
   * an answer, before it was published.
   */
  readonly change: 'added' | 'removed';
}

/** What the client asked for, as Docker's `IPAMConfig` shows it again; undefined where nothing was asked. */
export interface AskedAddresses {
  readonly ipv4: Address | undefined;
  readonly ipv6: Address | undefined;
  readonly linkLocal: readonly Address[];
}

/** An endpoint as it is stored. */
export interface Endpoint {
  /** 64 lower hex digits. */
  readonly id: string;
  readonly networkId: string;
  readonly containerId: string;
  /** Counts up over all endpoints: the order of connecting. */
  readonly ordinal: number;
  /** The host end, `veth` + 7 hex digits of the id; `''` on host and none. */
  readonly veth: string;
  /** The peer's name inside; `''` on host and none. */
  readonly ifname: string;
  /** Lower case with colons; `''` on host and none. */
  readonly mac: string;
  readonly ipv4: Address | undefined;
  readonly ipv6: Address | undefined;
  readonly asked: AskedAddresses;
  /** What the client asked for as MAC, `''` if nothing. */
  readonly askedMac: string;
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly gwPriority: number;
  readonly ports: readonly PublishedPort[];
}

/** A client's wish for an endpoint (`EndpointConfig` of connect, an entry of `EndpointsConfig`); unparsed. */
export interface EndpointSpec {
  readonly ipv4: string;
  readonly ipv6: string;
  readonly linkLocal: readonly string[];
  readonly mac: string;
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly gwPriority: number;
  /** vethd's own: ports published by this endpoint. */
  readonly ports: readonly PortSpec[];
}

/** A client's wish for a published port; ports are texts such as `80` or `8000-8010`, `''` for automatic. */
export interface PortSpec {
  readonly protocol: Protocol;
  readonly containerPort: string;
  readonly hostAddress: string;
  readonly hostPort: string;
}

/** A wish with nothing in it. */
export const EMPTY_ENDPOINT_SPEC: EndpointSpec = Object.freeze({
  ipv4: '',
  ipv6: '',
  linkLocal: [],
  mac: '',
  aliases: [],
  links: [],
  driverOpts: {},
  gwPriority: 0,
  ports: [],
});
