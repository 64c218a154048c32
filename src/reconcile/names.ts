/** The names that containers know each other by, read from the store: what the resolver asks at each question. */
import type { ZoneNetwork, ZoneSource } from '../dns/zone.ts';
import { compareAttachments } from '../drivers/default-route.ts';
import type { DriverNetwork } from '../drivers/driver.ts';
import type { StoreReader } from '../store/contract.ts';
import { driverNetworkOf } from './desired.ts';

/** Whether members of the network know each other by name. */
function isNamed({ network, options }: DriverNetwork): boolean {
  return network.driver === 'bridge' && options.dns;
}

/** Whether the container is on a network with names, so that it needs a resolver. */
export function hasNames(store: StoreReader, containerId: string): boolean {
  return store.listEndpointsOfContainer(containerId).some(({ networkId }) => {
    const network = store.getNetwork(networkId);
    return network !== undefined && isNamed(driverNetworkOf(network));
  });
}

function networksOf(store: StoreReader, containerId: string): ZoneNetwork[] {
  if (store.getContainer(containerId)?.state !== 'running') return [];
  const attachments = store.listEndpointsOfContainer(containerId).flatMap((endpoint) => {
    const network = store.getNetwork(endpoint.networkId);
    return network === undefined ? [] : [{ endpoint, network: driverNetworkOf(network) }];
  });
  return attachments.sort(compareAttachments).map(({ network: driven }) => ({
    id: driven.network.id,
    name: driven.network.name,
    names: isNamed(driven),
    internal: driven.network.internal || driven.network.driver === 'null',
  }));
}

/** The names as committed; nothing is kept between two questions. */
export function createZoneSource(store: StoreReader): ZoneSource {
  return {
    networksOf: (containerId) => networksOf(store, containerId),
    membersNamed: (networkId, foldedName) => store.listMembersNamed(networkId, foldedName),
    memberAt: (networkId, address) => store.findMemberAt(networkId, address),
  };
}
