/**
 * How every changing verb goes: one synchronous transaction, one pass over what it touches, and if the kernel
 * refuses, the transaction that takes it back and another pass. That is the whole undo.
 */
import { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import type { StoredEvent } from '../model/event.ts';
import { failureOf, type PassResult } from '../reconcile/loop.ts';
import type { Foreseen } from '../reconcile/presume.ts';
import { EMPTY_SCOPE, type Scope } from '../reconcile/scope.ts';
import type { StoreWriter } from '../store/contract.ts';
import type { EngineContext } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import type { TakeBack } from './unanswered.ts';

/** An event without what the store adds. */
export type EventDraft = Omit<StoredEvent, 'sequence' | 'timeNano'>;

/** What a verb's transaction did. */
export interface Change<Result> {
  readonly result: Result;
  /** Where the kernel must be looked at now. */
  readonly scope: Scope;
  /** What the change made or took away of which it is known what the kernel holds. */
  readonly foreseen?: Foreseen;
  /** Ids whose failure in the pass is this verb's failure. */
  readonly concerns: readonly string[];
  /** Containers whose namespace must be there for the verb to have worked. */
  readonly needs?: readonly string[];
  /** Takes the change back. Called in a transaction of its own, in a world that others have changed since. */
  readonly undo: (writer: StoreWriter) => void;
  /** How a start after a crash takes it back, if the kernel may refuse it. */
  readonly takeBack?: TakeBack;
  readonly events: readonly EventDraft[];
}

/** A verb's transaction: reads, decides, writes; must not await. */
export type Transaction<Result> = (writer: StoreWriter) => Change<Result>;

async function rehearse<Result>(
  context: EngineContext,
  transaction: Transaction<Result>,
): Promise<Outcome<Result>> {
  const { reconciler, store } = context;
  const { result, wanted } = store.rehearse((writer) => {
    const change = transaction(writer);
    return { result: change.result, wanted: reconciler.gather(writer, change.scope) };
  });
  return { result, commands: await reconciler.preview(wanted) };
}

function failureOfChange<Result>(change: Change<Result>, pass: PassResult): VethdError | undefined {
  const refused = failureOf(pass, change.concerns);
  if (refused !== undefined) return refused;
  for (const id of change.needs ?? []) {
    const reason = pass.missing.get(id);
    if (reason !== undefined)
      return new VethdError(
        'conflict',
        `the namespace of container ${id.slice(0, 12)} is not there: ${reason}`,
      );
  }
  return undefined;
}

/** Commits the change, makes the kernel follow, answers when both are true; or leaves nothing of it. */
export async function carryOut<Result>(
  context: EngineContext,
  mode: Mode,
  transaction: Transaction<Result>,
): Promise<Outcome<Result>> {
  if (mode.dryRun) return rehearse(context, transaction);
  const { store, reconciler, unanswered } = context;
  const { change, answered, events } = await store.write((writer, alone) => {
    const done = transaction(writer);
    const timeNano = context.now();
    const answered = done.takeBack && unanswered.note(writer, done.takeBack, done.concerns);
    const events = done.events.map((event) => writer.appendEvent({ ...event, timeNano }));
    // The kernel thread looks while this one commits.
    if (alone && done.scope !== EMPTY_SCOPE) reconciler.anticipate(done.scope, done.foreseen);
    return { change: done, answered, events };
  });
  // While the disk works, so does the kernel: what of it a power cut would undo, it undoes in the kernel as well.
  const onDisk = store.onDisk();
  const pass = change.scope === EMPTY_SCOPE ? undefined : await reconciler.reconcile(change.scope);
  const failure = pass && failureOfChange(change, pass);
  if (failure !== undefined) {
    failpoint('undo.begin');
    await store.write((writer) => {
      for (const { sequence } of events) writer.removeEvent(sequence);
      change.undo(writer);
    });
    failpoint('undo.written');
    await reconciler.reconcile(change.scope);
    await store.onDisk();
    failpoint('undo.done');
    answered?.();
    throw failure;
  }
  await onDisk;
  failpoint('answer');
  answered?.();
  for (const event of events) context.publish(event);
  return { result: change.result, commands: [] };
}
