/** Starting, stopping and removing containers: the state changes, the endpoints keep their configuration. */
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import { endsContainer, exitCodeOfSignal } from '../model/signals.ts';
import { EMPTY_SCOPE } from '../reconcile/scope.ts';
import type { StoreReader } from '../store/contract.ts';
import { type Change, carryOut } from './carry-out.ts';
import { type EngineContext, formatTime } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import { type Ending, endContainer, isAutoRemoved } from './end-container.ts';
import { type Displaced, restoreDisplaced, scopeOfEndpoints } from './endpoint-rows.ts';
import { adopt, findContainer, noSuchContainer } from './find.ts';
import { containerEvent, memberEvents, membershipsOf } from './memberships.ts';
import { joinPending } from './pending.ts';
import { checkPublished } from './ports.ts';
import { isRunning } from './running.ts';

const SIGKILL = 9;

const STOPPED: Ending = { row: 'auto', exitCode: 0, signal: '15', tellsStop: true };
const RESTARTED: Ending = { ...STOPPED, row: 'keep' };
const REMOVED: Ending = {
  row: 'remove',
  exitCode: exitCodeOfSignal(SIGKILL),
  signal: String(SIGKILL),
  tellsStop: false,
};

/** Network mode `container:X` needs X's namespace. */
function checkOwner(reader: StoreReader, { source }: Container): void {
  if (source.kind !== 'shared') return;
  const owner = reader.getContainer(source.containerId);
  if (owner === undefined) throw noSuchContainer(source.containerId);
  if (isRunning(owner)) return;
  throw new VethdError('conflict', `cannot join network of a non running container: ${owner.id}`);
}

/** The container as it runs; its namespace is made under the name that it has now. */
export function started(context: EngineContext, before: Container): Container {
  const { source, name } = before;
  return {
    ...before,
    source: source.kind === 'managed' ? { kind: 'managed', netnsName: name } : source,
    state: 'running',
    startedAt: formatTime(context.now()),
  };
}

/** Starts it: makes the namespace where it is ours, and plumbs its endpoints. False when it runs already. */
export async function startContainer(
  context: EngineContext,
  term: string,
  mode: Mode,
): Promise<Outcome<boolean>> {
  const found = await findContainer(context, term);
  if (found.container.state === 'running') return { result: false, commands: [] };
  try {
    return await start(context, found.container.id, mode);
  } catch (error) {
    if (isAutoRemoved(found.container) && !mode.dryRun) await forget(context, found.container.id);
    throw error;
  }
}

function start(context: EngineContext, id: string, mode: Mode): Promise<Outcome<boolean>> {
  return carryOut(context, mode, (writer): Change<boolean> => {
    const before = writer.getContainer(id);
    if (before === undefined) throw noSuchContainer(id);
    checkOwner(writer, before);
    const container = started(context, before);
    writer.updateContainer(container);
    const displaced: Displaced[] = [];
    const joined = joinPending(context, writer, container, displaced);
    const members = membershipsOf(writer, container.id);
    for (const { endpoint } of members) {
      checkPublished(context, writer, endpoint.ports, container.name, endpoint.id);
    }
    return {
      result: true,
      scope: scopeOfEndpoints(container, members),
      concerns: [container.id, ...members.map(({ endpoint }) => endpoint.id)],
      needs: [container.id],
      takeBack: { inserted: joined, started: container.id },
      undo: (undoer) => {
        for (const endpointId of joined) undoer.removeEndpoint(endpointId);
        restoreDisplaced(undoer, displaced);
        undoer.updateContainer(before);
      },
      events: [...memberEvents('connect', container, members), containerEvent(container, 'start')],
    };
  });
}

/** What was to be removed at its end is removed as well when it cannot begin. */
async function forget(context: EngineContext, id: string): Promise<void> {
  await carryOut(context, { dryRun: false }, (writer): Change<void> => {
    const container = writer.getContainer(id);
    if (container === undefined || container.state === 'running') return NOTHING_TO_DO;
    return endContainer(context, writer, container, REMOVED);
  });
}

const NOTHING_TO_DO: Change<void> = {
  result: undefined,
  scope: EMPTY_SCOPE,
  concerns: [],
  undo: () => undefined,
  events: [],
};

async function end(
  context: EngineContext,
  term: string,
  mode: Mode,
  ending: Ending,
): Promise<Outcome<boolean>> {
  const found = await findContainer(context, term);
  if (found.container.state !== 'running') return { result: false, commands: [] };
  const { commands } = await carryOut(context, mode, (writer) =>
    endContainer(context, writer, adopt(writer, found), ending),
  );
  return { result: true, commands };
}

/**
 * Stops it: takes its endpoints out of the kernel and, where it is ours, removes the namespace. False when it
 * was stopped already.
 */
export function stopContainer(context: EngineContext, term: string, mode: Mode): Promise<Outcome<boolean>> {
  return end(context, term, mode, STOPPED);
}

/**
 * Sends it a signal: one that would end a process ends the container, with 128 + the signal as exit code; another is
 * told in the event and changes nothing. Conflict when it does not run.
 */
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
  const number = Number(signal);
  return carryOut(context, mode, (writer) => {
    if (!endsContainer(number)) {
      return { ...NOTHING_TO_DO, events: [containerEvent(found.container, 'kill', { signal })] };
    }
    const ending: Ending = { row: 'auto', exitCode: exitCodeOfSignal(number), signal, tellsStop: false };
    return endContainer(context, writer, adopt(writer, found), ending);
  });
}

/** Stop, if it runs, then start. */
export async function restartContainer(
  context: EngineContext,
  term: string,
  mode: Mode,
): Promise<Outcome<void>> {
  const stopped = await end(context, term, mode, RESTARTED);
  if (mode.dryRun) return { result: undefined, commands: stopped.commands };
  await startContainer(context, term, mode);
  return { result: undefined, commands: [] };
}

function checkRemovable(container: Container, force: boolean): void {
  if (container.state !== 'running' || force) return;
  throw new VethdError(
    'conflict',
    `cannot remove container "${container.name}": container is running: stop the container before removing or force remove`,
  );
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
    return endContainer(context, writer, container, REMOVED);
  });
}
