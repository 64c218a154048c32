/** Starting, stopping and removing containers: the state changes, the endpoints keep their configuration. */
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { StoreReader, StoreWriter } from '../store/contract.ts';
import { type Change, carryOut, type EventDraft } from './carry-out.ts';
import { type EngineContext, formatTime } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import { memberEvent, restoreEndpoint, scopeOfEndpoints } from './endpoint-rows.ts';
import { adopt, findContainer, noSuchContainer } from './find.ts';
import { joinPending } from './pending.ts';

interface Membership {
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

function memberEvents(
  action: 'connect' | 'disconnect',
  container: Container,
  members: readonly Membership[],
): EventDraft[] {
  return members.map(({ network }) => memberEvent(action, network, container));
}

/** Starts it: makes the namespace where it is ours, and plumbs its endpoints. False when it runs already. */
export async function startContainer(
  context: EngineContext,
  term: string,
  mode: Mode,
): Promise<Outcome<boolean>> {
  const found = await findContainer(context, term);
  if (found.container.state === 'running') return { result: false, commands: [] };
  return carryOut(context, mode, (writer): Change<boolean> => {
    const before = writer.getContainer(found.container.id);
    if (before === undefined) throw noSuchContainer(term);
    const container: Container = { ...before, state: 'running', startedAt: formatTime(context.now()) };
    writer.updateContainer(container);
    const joined = joinPending(writer, container);
    const members = membershipsOf(writer, container.id);
    return {
      result: true,
      scope: scopeOfEndpoints(container, members),
      concerns: [container.id, ...members.map(({ endpoint }) => endpoint.id)],
      needs: [container.id],
      undo: (undoer) => {
        for (const id of joined) undoer.removeEndpoint(id);
        undoer.updateContainer(before);
      },
      events: [...memberEvents('connect', container, members), containerEvent(container, 'start')],
    };
  });
}

/** How a container comes to its end, as events tell it. */
interface Ending {
  readonly exitCode: number;
  readonly events: (container: Container) => EventDraft[];
}

function endContainer(context: EngineContext, writer: StoreWriter, id: string, ending: Ending): Change<void> {
  const before = writer.getContainer(id);
  if (before === undefined) throw noSuchContainer(id);
  const { exitCode } = ending;
  const container: Container = {
    ...before,
    state: 'exited',
    exitCode,
    finishedAt: formatTime(context.now()),
  };
  writer.updateContainer(container);
  const members = membershipsOf(writer, id);
  return {
    result: undefined,
    scope: scopeOfEndpoints(container, members),
    concerns: [id, ...members.map(({ endpoint }) => endpoint.id)],
    undo: (undoer) => undoer.updateContainer(before),
    events: [...memberEvents('disconnect', container, members), ...ending.events(container)],
  };
}

/**
 * Stops it: takes its endpoints out of the kernel and, where it is ours, removes the namespace. False when it
 * was stopped already.
 */
export async function stopContainer(
  context: EngineContext,
  term: string,
  mode: Mode,
): Promise<Outcome<boolean>> {
  const found = await findContainer(context, term);
  if (found.container.state !== 'running') return { result: false, commands: [] };
  const outcome = await carryOut(context, mode, (writer) => {
    const { id } = adopt(writer, found);
    return endContainer(context, writer, id, {
      exitCode: 0,
      events: (container) => [
        containerEvent(container, 'kill', { signal: '15' }),
        containerEvent(container, 'die', { exitCode: '0' }),
        containerEvent(container, 'stop'),
      ],
    });
  });
  return { result: true, commands: outcome.commands };
}

/** As stop, with the exit code of a killed process; conflict when it does not run. */
export async function killContainer(
  context: EngineContext,
  term: string,
  signal: string,
  mode: Mode,
): Promise<Outcome<void>> {
  const found = await findContainer(context, term);
  if (found.container.state !== 'running') {
    throw new VethdError(
      'conflict',
      `cannot kill container: ${term}: container ${found.container.id} is not running`,
    );
  }
  return carryOut(context, mode, (writer) => {
    const { id } = adopt(writer, found);
    return endContainer(context, writer, id, {
      exitCode: 137,
      events: (container) => [
        containerEvent(container, 'kill', { signal }),
        containerEvent(container, 'die', { exitCode: '137' }),
      ],
    });
  });
}

/** Stop, if it runs, then start. */
export async function restartContainer(
  context: EngineContext,
  term: string,
  mode: Mode,
): Promise<Outcome<void>> {
  const stopped = await stopContainer(context, term, mode);
  if (mode.dryRun) return { result: undefined, commands: stopped.commands };
  const started = await startContainer(context, term, mode);
  return { result: undefined, commands: [...stopped.commands, ...started.commands] };
}

function checkRemovable(container: Container, force: boolean): void {
  if (container.state !== 'running' || force) return;
  throw new VethdError(
    'conflict',
    `cannot remove container "${container.name}": container is running: stop the container before removing or force remove`,
  );
}

function restoreContainer(writer: StoreWriter, container: Container, members: readonly Membership[]): void {
  writer.insertContainer(container);
  for (const { endpoint, network } of members) restoreEndpoint(writer, network, endpoint);
}

/**
 * Forgets the container and all its endpoints, and removes the namespace where it is ours. A namespace that
 * somebody else made stays. Conflict when it runs and `force` is not given.
 */
export async function removeContainer(
  context: EngineContext,
  term: string,
  force: boolean,
  mode: Mode,
): Promise<Outcome<void>> {
  const found = await findContainer(context, term);
  return carryOut(context, mode, (writer): Change<void> => {
    const container = adopt(writer, found);
    checkRemovable(container, force);
    const members = membershipsOf(writer, container.id);
    writer.removeContainer(container.id);
    const wasRunning = container.state === 'running';
    const ending = wasRunning
      ? [
          containerEvent(container, 'kill', { signal: '9' }),
          ...memberEvents('disconnect', container, members),
          containerEvent(container, 'die', { exitCode: '137' }),
        ]
      : [];
    return {
      result: undefined,
      scope: scopeOfEndpoints(container, members),
      concerns: [container.id, ...members.map(({ endpoint }) => endpoint.id)],
      undo: (undoer) => restoreContainer(undoer, container, members),
      events: [...ending, containerEvent(container, 'destroy')],
    };
  });
}
