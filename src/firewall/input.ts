/**
 * What the firewall is rendered from: the parts of networks and running endpoints that packets care about.
 * Everything here has been parsed; names of devices passed the grammar of interface names.
 */
import type { Address, Family } from '../model/address.ts';
import type { PublishedPort } from '../model/endpoint.ts';
import type { BridgeOptions } from '../model/network.ts';

/** A bridge network. */
export interface FirewallNetwork {
  readonly id: string;
  /** The bridge's device name. */
  readonly bridge: string;
  readonly internal: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly options: Pick<
    BridgeOptions,
    | 'masquerade'
    | 'icc'
    | 'gatewayModeIpv4'
    | 'gatewayModeIpv6'
    | 'trustedHostInterfaces'
    | 'hostIpv4'
    | 'hostIpv6'
    | 'spoofcheck'
  >;
}

/** A member of a bridge network whose namespace is there. */
export interface FirewallEndpoint {
  readonly id: string;
  readonly networkId: string;
  /** The host end, a port of the bridge. */
  readonly veth: string;
  /** Lower case with colons. */
  readonly mac: string;
  readonly ipv4: Address | undefined;
  readonly ipv6: Address | undefined;
  /** Further addresses of the interface; the link-local one made from the MAC need not be named. */
  readonly linkLocal: readonly Address[];
  /** Host addresses of the network's default binding are filled in. */
  readonly ports: readonly PublishedPort[];
}

/** Everything that the ruleset depends on. */
export interface FirewallInput {
  readonly networks: readonly FirewallNetwork[];
  readonly endpoints: readonly FirewallEndpoint[];
  /**
   * Families whose forwarding was off before vethd switched it on: forwarding between interfaces that are not
   * ours stays off.
   */
  readonly guardedForwarding: readonly Family[];
  /** Those of them that another program forwards by, too; none unless said. */
  readonly sharedForwarding?: readonly Family[];
}
