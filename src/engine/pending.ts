/**
 * Networks that a container is to join at its start: those that were not there when it was created, and those that it
 * lost its place on while it was stopped. Docker finds out at start what is not to be had; so do we.
 */
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import { parseEndpointSpec } from '../model/endpoint-rules.ts';
import type { StoreWriter } from '../store/contract.ts';
import type { EngineContext } from './context.ts';
import { type Displaced, insertEndpoint } from './endpoint-rows.ts';

/** Joins what waits. Gives the ids of the new endpoints; notFound when a network is still not there. */
export function joinPending(
  context: EngineContext,
  writer: StoreWriter,
  container: Container,
  displaced: Displaced[],
): string[] {
  const joined = Object.entries(container.pending).map(([term, spec]) => {
    const network = writer.matchNetwork(term).match;
    if (network === undefined) throw new VethdError('notFound', `network ${term} not found`);
    const parsed = parseEndpointSpec(spec);
    return insertEndpoint(context, writer, network, container, parsed, new Set(), displaced).id;
  });
  if (joined.length > 0) writer.updateContainer({ ...container, pending: {} });
  return joined;
}
