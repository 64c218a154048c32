/**
 * Networks that a container is to join at its start and that were not there when it was created, or went while
 * it was stopped. Docker finds out at start; so do we.
 */
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import { EMPTY_ENDPOINT_SPEC } from '../model/endpoint.ts';
import { parseEndpointSpec } from '../model/endpoint-rules.ts';
import type { StoreWriter } from '../store/contract.ts';
import type { EngineContext } from './context.ts';
import { insertEndpoint } from './endpoint-rows.ts';

/** The container with one more network to be joined at start, without any wish. */
export function waitingFor(container: Container, networkName: string): Container {
  return { ...container, pending: { ...container.pending, [networkName]: EMPTY_ENDPOINT_SPEC } };
}

/** Joins what waits. Gives the ids of the new endpoints; notFound when a network is still not there. */
export function joinPending(context: EngineContext, writer: StoreWriter, container: Container): string[] {
  const joined = Object.entries(container.pending).map(([term, spec]) => {
    const network = writer.matchNetwork(term).match;
    if (network === undefined) throw new VethdError('notFound', `network ${term} not found`);
    return insertEndpoint(context, writer, network, container, parseEndpointSpec(spec), new Set()).id;
  });
  if (joined.length > 0) writer.updateContainer({ ...container, pending: {} });
  return joined;
}
