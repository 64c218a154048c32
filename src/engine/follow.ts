/**
 * Follows what passes find about namespaces: one that is gone ends its container (path, pid) or waits for its
 * name to come back (named). Level-triggered as everything: it compares what a pass saw with the rows.
 */
import { failpoint } from '../failpoint.ts';
import type { Container, NetnsIdentity } from '../model/container.ts';
import { endsWithNetns } from '../reconcile/desired.ts';
import type { PassResult } from '../reconcile/loop.ts';
import { EMPTY_SCOPE, type Scope, unionOf } from '../reconcile/scope.ts';
import type { StoreWriter } from '../store/contract.ts';
import type { EventDraft } from './carry-out.ts';
import { type EngineContext, formatTime } from './context.ts';
import { type Ending, endContainer } from './end-container.ts';
import { containerEvent, memberEvents, membershipsOf } from './memberships.ts';

interface Followed {
  readonly events: readonly EventDraft[];
  readonly scope: Scope;
}

const NOTHING: Followed = { events: [], scope: EMPTY_SCOPE };

const ENDED: Ending = { row: 'remove', exitCode: 0, signal: '', tellsStop: false };

/** The namespace ended, and the container with it. */
function end(context: EngineContext, writer: StoreWriter, container: Container): Followed {
  return endContainer(context, writer, container, ENDED);
}

/** The name is gone; addresses and MACs are kept for when it comes back. */
function leave(context: EngineContext, writer: StoreWriter, container: Container): Followed {
  writer.updateContainer({ ...container, identity: undefined, finishedAt: formatTime(context.now()) });
  const members = membershipsOf(writer, container.id);
  const events = [
    containerEvent(container, 'die', { exitCode: '0' }),
    ...memberEvents('disconnect', container, members),
  ];
  return { events, scope: EMPTY_SCOPE };
}

function arrive(
  context: EngineContext,
  writer: StoreWriter,
  container: Container,
  identity: NetnsIdentity,
): Followed {
  const isNew = container.identity === undefined;
  writer.updateContainer({ ...container, identity, startedAt: formatTime(context.now()) });
  const members = isNew ? membershipsOf(writer, container.id) : [];
  const events = memberEvents('connect', container, members);
  return { events: isNew ? [...events, containerEvent(container, 'start')] : [], scope: EMPTY_SCOPE };
}

function isSame(a: NetnsIdentity | undefined, b: NetnsIdentity): boolean {
  return a?.inode === b.inode && a.bootId === b.bootId;
}

function followOne(
  context: EngineContext,
  writer: StoreWriter,
  id: string,
  identity: NetnsIdentity | undefined,
): Followed {
  const container = writer.getContainer(id);
  if (container === undefined || container.state !== 'running') return NOTHING;
  if (endsWithNetns(container)) return identity === undefined ? end(context, writer, container) : NOTHING;
  if (container.source.kind !== 'named') return NOTHING;
  if (identity === undefined) {
    return container.identity === undefined ? NOTHING : leave(context, writer, container);
  }
  return isSame(container.identity, identity) ? NOTHING : arrive(context, writer, container, identity);
}

/** Whether the rows say something else about a namespace than the pass saw. */
function differs(context: EngineContext, id: string, identity: NetnsIdentity | undefined): boolean {
  const container = context.store.getContainer(id);
  if (container === undefined || container.state !== 'running') return false;
  if (endsWithNetns(container)) return identity === undefined;
  if (container.source.kind !== 'named') return false;
  return identity === undefined ? container.identity !== undefined : !isSame(container.identity, identity);
}

/** Brings the rows up to what a pass saw. Writes nothing when they agree, as they nearly always do. */
export async function follow(context: EngineContext, { missing, present }: PassResult): Promise<void> {
  const found = new Map<string, NetnsIdentity | undefined>(present);
  for (const id of missing.keys()) found.set(id, undefined);
  const changed = [...found].filter(([id, identity]) => differs(context, id, identity));
  if (changed.length === 0) return;
  const { events, scope } = await context.store.write((writer) => {
    const followed = changed.map(([id, identity]) => followOne(context, writer, id, identity));
    const timeNano = context.now();
    return {
      events: followed
        .flatMap((one) => one.events)
        .map((event) => writer.appendEvent({ ...event, timeNano })),
      scope: unionOf(followed.map((one) => one.scope)),
    };
  });
  failpoint('follow.written');
  for (const event of events) context.publish(event);
  if (scope.links.size > 0) await context.reconciler.reconcile(scope);
}
