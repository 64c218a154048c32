/** `POST /networks/{id}/disconnect`. */
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import { EMPTY_SCOPE } from '../reconcile/scope.ts';
import type { StoreReader, StoreWriter } from '../store/contract.ts';
import { type Change, carryOut } from './carry-out.ts';
import type { EngineContext } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import { memberEvent, restoreEndpoint, scopeOfEndpoints } from './endpoint-rows.ts';
import { findContainer, getNetwork, noSuchContainer } from './find.ts';
import { forgetIfIdle } from './forget.ts';
import { withoutWish } from './wishes.ts';

function getMember(store: StoreReader, network: Network, container: Container): Endpoint {
  if (network.driver === 'host' && container.source.kind === 'host') {
    throw new VethdError(
      'invalidArgument',
      'cannot disconnect container from host network - container was created in host network mode',
    );
  }
  const endpoint = store.findEndpoint(network.id, container.id);
  if (endpoint !== undefined) return endpoint;
  const the = container.state === 'running' ? '' : 'the ';
  throw new VethdError(
    'internal',
    `container ${container.id} is not connected to ${the}network ${network.name}`,
  );
}

/** With `force`, an endpoint is found by its container's name even where the namespace is long gone. */
function findStored(store: StoreReader, network: Network, term: string, force: boolean): Container {
  const { match, count } = store.matchContainer(storedTerm(term));
  if (match !== undefined) return match;
  if (count > 1) throw new VethdError('invalidArgument', `multiple IDs found with provided prefix: ${term}`);
  if (!force) throw noSuchContainer(term);
  const member = store
    .listEndpointsOfNetwork(network.id)
    .find(({ id }) => id === term || `ep-${id}` === term);
  const container = member && store.getContainer(member.containerId);
  if (container === undefined) throw new VethdError('notFound', `endpoint ${term} not found`);
  return container;
}

/** Whom the term means among the namespaces that nobody adopted: those are members of nothing. */
async function termOf(
  context: EngineContext,
  network: Network,
  term: string,
  force: boolean,
): Promise<string> {
  if (term === '') throw new VethdError('invalidArgument', 'invalid name or ID supplied: ""');
  const { by } = context.store.matchContainer(term);
  if (by === 'id' || by === 'name') return term;
  try {
    const { container, adopted } = await findContainer(context, term);
    if (!adopted) getMember(context.store, network, container);
    return container.id;
  } catch (error) {
    // What is gone may still have an endpoint; whether it has, the transaction tells.
    if (
      error instanceof VethdError &&
      error.kind === 'notFound' &&
      (force || hasNamesake(context.store, term))
    )
      return term;
    throw error;
  }
}

function hasNamesake(store: StoreReader, term: string): boolean {
  return store.matchContainer(storedTerm(term)).match !== undefined;
}

/** The name under which a namespace given by path or pid is stored. */
function storedTerm(term: string): string {
  return term.replace(/^\/(?:var\/)?run\/netns\//, '').replace(/^pid:/, 'pid-');
}

/** A container that waits for the network is no member of it yet. */
function forgetWish(writer: StoreWriter, before: Container, after: Container): Change<void> {
  writer.updateContainer(after);
  return {
    result: undefined,
    scope: EMPTY_SCOPE,
    concerns: [],
    undo: (undoer) => undoer.updateContainer(before),
    events: [],
  };
}

/** Detaches a container from a network; works as well when its namespace is gone. */
export async function disconnect(
  context: EngineContext,
  networkTerm: string,
  containerTerm: string,
  force: boolean,
  mode: Mode,
): Promise<Outcome<void>> {
  const term = await termOf(context, getNetwork(context.store, networkTerm), containerTerm, force);
  return carryOut(context, mode, (writer): Change<void> => {
    const network = getNetwork(writer, networkTerm);
    const container = findStored(writer, network, term, force);
    const content = withoutWish(writer, container, network);
    if (content !== container) return forgetWish(writer, container, content);
    const endpoint = getMember(writer, network, container);
    writer.removeEndpoint(endpoint.id);
    forgetIfIdle(writer, container.id);
    return {
      result: undefined,
      scope: scopeOfEndpoints(container, [{ endpoint, network }]),
      foreseen: { departed: { container, endpoint, network } },
      concerns: [endpoint.id],
      undo: (undoer) => {
        if (undoer.getContainer(container.id) === undefined) undoer.insertContainer(container);
        restoreEndpoint(undoer, network, endpoint);
      },
      events: container.state === 'running' ? [memberEvent('disconnect', network, container)] : [],
    };
  });
}
