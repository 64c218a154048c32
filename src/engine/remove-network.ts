/** `DELETE /networks/{id}` and `POST /networks/prune`. */
import { bridgeName } from '../drivers/bridge.ts';
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import { driverNetworkOf } from '../reconcile/desired.ts';
import { type Scope, scopeOf, unionOf } from '../reconcile/scope.ts';
import type { StoreReader, StoreWriter } from '../store/contract.ts';
import { carryOut, type EventDraft } from './carry-out.ts';
import type { EngineContext } from './context.ts';
import type { Filters, Mode, Outcome } from './contract.ts';
import { restoreEndpoint } from './endpoint-rows.ts';
import { getNetwork } from './find.ts';
import { checkPruneFilters, isPrunable, type PruneFilters } from './prune-filters.ts';
import { isRunning } from './running.ts';
import { waitingFor } from './wishes.ts';

interface StoppedMember {
  readonly endpoint: Endpoint;
  readonly container: Container;
}

function membersOf(reader: StoreReader, network: Network): StoppedMember[] {
  return reader.listEndpointsOfNetwork(network.id).flatMap((endpoint) => {
    const container = reader.getContainer(endpoint.containerId);
    return container === undefined ? [] : [{ endpoint, container }];
  });
}

/** The members that keep a network from being removed: those that run. */
function activeMembers(reader: StoreReader, network: Network): StoppedMember[] {
  return membersOf(reader, network).filter(({ container }) => isRunning(container));
}

function checkRemovable(reader: StoreReader, network: Network): void {
  if (network.predefined) {
    throw new VethdError('forbidden', `${network.name} is a pre-defined network and cannot be removed`);
  }
  const active = activeMembers(reader, network);
  if (active.length > 0) {
    const names = active.map(
      ({ endpoint, container }) => `name:"${container.name}" id:"${endpoint.id.slice(0, 12)}"`,
    );
    throw new VethdError(
      'forbidden',
      `error while removing network: network ${network.name} has active endpoints (${names.join(', ')})`,
    );
  }
  if (network.configOnly && reader.listNetworks().some(({ configFrom }) => configFrom === network.name)) {
    throw new VethdError(
      'forbidden',
      `error while removing network: configuration network "${network.name}" is in use`,
    );
  }
}

/** What is left to look at when the rows are gone. */
function scopeOfRemoved(network: Network, stopped: readonly StoppedMember[]): Scope {
  if (network.driver !== 'bridge' || network.configOnly) return scopeOf({});
  const links = [bridgeName(driverNetworkOf(network)), ...stopped.map(({ endpoint }) => endpoint.veth)];
  return scopeOf({ networks: [network.id], endpoints: stopped.map(({ endpoint }) => endpoint.id), links });
}

/** Stopped members keep the wish to join, and fail at start for as long as nothing has that name. */
function removeRows(writer: StoreWriter, network: Network): StoppedMember[] {
  const stopped = membersOf(writer, network);
  for (const { container, endpoint } of stopped) {
    writer.updateContainer(waitingFor(container, network.name, endpoint));
  }
  writer.removeNetwork(network.id);
  return stopped;
}

function restoreRows(writer: StoreWriter, network: Network, stopped: readonly StoppedMember[]): void {
  writer.insertNetwork(network);
  for (const { endpoint, container } of stopped) {
    writer.updateContainer(container);
    restoreEndpoint(writer, network, endpoint);
  }
}

function destroyEvents(network: Network): EventDraft[] {
  if (network.configOnly) return [];
  const attributes = { name: network.name, type: network.driver };
  return [{ type: 'network', action: 'destroy', actorId: network.id, attributes }];
}

/** Removes a network without running members; forbidden when it is predefined or in use. */
export async function removeNetwork(
  context: EngineContext,
  term: string,
  mode: Mode,
): Promise<Outcome<void>> {
  return carryOut(context, mode, (writer) => {
    const network = getNetwork(writer, term);
    checkRemovable(writer, network);
    const stopped = removeRows(writer, network);
    return {
      result: undefined,
      scope: scopeOfRemoved(network, stopped),
      concerns: [network.id],
      undo: (undoer) => restoreRows(undoer, network, stopped),
      events: destroyEvents(network),
    };
  });
}

const PRUNE_EVENT: EventDraft = {
  type: 'network',
  action: 'prune',
  actorId: '',
  attributes: { reclaimed: '0' },
};

/** The engines that prune just now: one prune at a time for each. */
const pruning = new WeakSet<EngineContext>();

/** Removes all custom networks without running members that match. Conflict while another prune runs. */
export async function pruneNetworks(
  context: EngineContext,
  filters: Filters,
  mode: Mode,
): Promise<Outcome<readonly string[]>> {
  const chosen = checkPruneFilters(filters, context.now());
  if (pruning.has(context)) throw new VethdError('conflict', 'a prune operation is already running');
  pruning.add(context);
  try {
    return await prune(context, chosen, mode);
  } finally {
    pruning.delete(context);
  }
}

function prune(
  context: EngineContext,
  chosen: PruneFilters,
  mode: Mode,
): Promise<Outcome<readonly string[]>> {
  return carryOut(context, mode, (writer) => {
    const networks = writer
      .listNetworks()
      .filter((network) => isPrunable(network, chosen) && activeMembers(writer, network).length === 0);
    const removed = networks.map((network) => ({ network, stopped: removeRows(writer, network) }));
    return {
      result: networks.map(({ name }) => name),
      scope: unionOf(removed.map(({ network, stopped }) => scopeOfRemoved(network, stopped))),
      concerns: networks.map(({ id }) => id),
      undo: (undoer) => {
        for (const { network, stopped } of removed) restoreRows(undoer, network, stopped);
      },
      events: [...networks.flatMap(destroyEvents), PRUNE_EVENT],
    };
  });
}
