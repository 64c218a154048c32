/** The names that containers know each other by, read from the store: what the resolver asks at each question. */
import type { ZoneNetwork, ZoneSource } from '../dns/zone.ts';
import { compareAttachments } from '../drivers/default-route.ts';
import type { StoreReader } from '../store/contract.ts';
import { driverNetworkOf } from './desired.ts';

function networksOf(store: StoreReader, containerId: string): ZoneNetwork[] {
  if (store.getContainer(containerId)?.state !== 'running') return [];
  const attachments = store.listEndpointsOfContainer(containerId).flatMap((endpoint) => {
    const network = store.getNetwork(endpoint.networkId);
    return network === undefined ? [] : [{ endpoint, network: driverNetworkOf(network) }];
  });
  return attachments.sort(compareAttachments).map(({ network: { network, options } }) => ({
    id: network.id,
    name: network.name,
    names: network.driver === 'bridge' && options.dns,
    internal: network.internal || network.driver === 'null',
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
