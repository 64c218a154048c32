/** A container with what it is on, and the events that tell of it. */
import type { Container } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { StoreReader } from '../store/contract.ts';
import type { EventDraft } from './carry-out.ts';
import { memberEvent } from './endpoint-rows.ts';

/** An endpoint with its network. */
export interface Membership {
  readonly endpoint: Endpoint;
  readonly network: Network;
}

/** A container's endpoints with their networks. */
export function membershipsOf(reader: StoreReader, containerId: string): Membership[] {
  return reader.listEndpointsOfContainer(containerId).flatMap((endpoint) => {
    const network = reader.getNetwork(endpoint.networkId);
    return network === undefined ? [] : [{ endpoint, network }];
  });
}

/** An event of the container itself. */
export function containerEvent(
  container: Container,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): EventDraft {
  const image = typeof container.config['Image'] === 'string' ? container.config['Image'] : 'none';
  return {
    type: 'container',
    action,
    actorId: container.id,
    attributes: { ...container.labels, image, name: container.name, ...attributes },
  };
}

/** The events of a container that joins or leaves these networks. */
export function memberEvents(
  action: 'connect' | 'disconnect',
  container: Container,
  members: readonly Membership[],
): EventDraft[] {
  return members.map(({ network }) => memberEvent(action, network, container));
}
