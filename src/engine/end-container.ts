/**
 * How a container comes to its end: its rows say so, those that share its namespace end with it, and one that was
 * created with AutoRemove (`docker run --rm`) is forgotten. Rows only; the pass that follows does the rest.
 */
import type { Container } from '../model/container.ts';
import { unionOf } from '../reconcile/scope.ts';
import type { StoreWriter } from '../store/contract.ts';
import type { Change, EventDraft } from './carry-out.ts';
import { type EngineContext, formatTime } from './context.ts';
import { restoreEndpoint, scopeOfEndpoints } from './endpoint-rows.ts';
import { forgetIfIdle } from './forget.ts';
import { containerEvent, type Membership, memberEvents, membershipsOf } from './memberships.ts';
import { sharersOf } from './sharers.ts';

/** Exit code of what ends because something else does: that of SIGKILL, as in Docker. */
const KILLED = 137;

/** What is done with a container, and how events tell it. */
export interface Ending {
  /** `keep`: the row stays, stopped. `auto`: it goes if AutoRemove was asked for. `remove`: it goes. */
  readonly row: 'keep' | 'auto' | 'remove';
  readonly exitCode: number;
  /** The signal that events tell of; `''` for none. */
  readonly signal: string;
  /** Whether `stop` follows `die`. */
  readonly tellsStop: boolean;
}

const WITH_ITS_OWNER: Ending = { row: 'auto', exitCode: KILLED, signal: '', tellsStop: false };

/** Whether the client asked that the container be forgotten when it stops (`docker run --rm`). */
export function isAutoRemoved({ config }: Container): boolean {
  const host = config['HostConfig'];
  return typeof host === 'object' && host !== null && 'AutoRemove' in host && host.AutoRemove === true;
}

// The order of Docker's own events: kill, die, disconnect, stop, destroy.
function eventsOf(
  container: Container,
  members: readonly Membership[],
  ending: Ending,
  isRemoved: boolean,
): EventDraft[] {
  const { signal, exitCode, tellsStop } = ending;
  const ended =
    container.state === 'running'
      ? [
          ...(signal === '' ? [] : [containerEvent(container, 'kill', { signal })]),
          containerEvent(container, 'die', { exitCode: String(exitCode) }),
          ...memberEvents('disconnect', container, members),
          ...(tellsStop ? [containerEvent(container, 'stop')] : []),
        ]
      : [];
  return isRemoved ? [...ended, containerEvent(container, 'destroy')] : ended;
}

/** One container's part of a change. */
type Part = Omit<Change<void>, 'result' | 'needs'>;

function endOne(context: EngineContext, writer: StoreWriter, before: Container, ending: Ending): Part {
  const members = membershipsOf(writer, before.id);
  const isRemoved = ending.row === 'remove' || (ending.row === 'auto' && isAutoRemoved(before));
  const { source } = before;
  const owner = source.kind === 'shared' ? writer.getContainer(source.containerId) : undefined;
  if (isRemoved) {
    writer.removeContainer(before.id);
    if (owner !== undefined) forgetIfIdle(writer, owner.id);
  } else {
    const finishedAt = formatTime(context.now());
    writer.updateContainer({ ...before, state: 'exited', exitCode: ending.exitCode, finishedAt });
  }
  return {
    scope: scopeOfEndpoints(before, members),
    concerns: [before.id, ...members.map(({ endpoint }) => endpoint.id)],
    undo: (undoer) => {
      if (!isRemoved) {
        undoer.updateContainer(before);
        return;
      }
      if (owner !== undefined && undoer.getContainer(owner.id) === undefined) undoer.insertContainer(owner);
      undoer.insertContainer(before);
      for (const { endpoint, network } of members) restoreEndpoint(undoer, network, endpoint);
    },
    events: eventsOf(before, members, ending, isRemoved),
  };
}

/** Ends the container and those that run in its namespace, which is gone then. */
export function endContainer(
  context: EngineContext,
  writer: StoreWriter,
  container: Container,
  ending: Ending,
): Change<void> {
  const sharers = sharersOf(writer, container.id).filter(({ state }) => state === 'running');
  const parts = [
    endOne(context, writer, container, ending),
    ...sharers.map((sharer) => endOne(context, writer, sharer, WITH_ITS_OWNER)),
  ];
  return {
    result: undefined,
    scope: unionOf(parts.map(({ scope }) => scope)),
    concerns: parts.flatMap(({ concerns }) => concerns),
    undo: (undoer) => {
      for (const { undo } of parts) undo(undoer);
    },
    events: parts.flatMap(({ events }) => events),
  };
}
