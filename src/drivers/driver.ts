/**
 * A driver says what a network and its endpoints mean for the namespaces: nouns in, NetState out. Pure: it
 * reads no clock, draws no number and knows nothing of the kernel. VXLAN or macvlan would be one more file.
 */
import type { Endpoint } from '../model/endpoint.ts';
import type { NetState } from '../model/netstate.ts';
import type { BridgeOptions, DriverName, Network } from '../model/network.ts';

/** A network with its driver options parsed. */
export interface DriverNetwork {
  readonly network: Network;
  readonly options: BridgeOptions;
}

/** What an endpoint puts into the two namespaces that it joins. */
export interface EndpointStates {
  readonly host: NetState;
  readonly container: NetState;
}

/** The four answers that make a kind of network. */
export interface Driver {
  readonly name: DriverName;
  /** The host device whose ports the members are; undefined where there is none. */
  bridgeOf(network: DriverNetwork): string | undefined;
  /** What the host holds for the network itself. */
  hostState(network: DriverNetwork): NetState;
  /** What both namespaces hold for an endpoint, default routes aside: those are the container's choice. */
  endpointStates(network: DriverNetwork, endpoint: Endpoint): EndpointStates;
}
