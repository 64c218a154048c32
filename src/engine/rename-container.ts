/** `POST /containers/{id}/rename`. */
import { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import type { Container } from '../model/container.ts';
import { checkContainerName } from '../model/names.ts';
import { EMPTY_SCOPE, EVERYTHING } from '../reconcile/scope.ts';
import type { StoreReader } from '../store/contract.ts';
import { type Change, carryOut } from './carry-out.ts';
import type { EngineContext } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import { adopt, checkForeignName, findContainer } from './find.ts';
import { containerEvent } from './memberships.ts';

/** A namespace of ours is called as its container. */
function renamed(container: Container, name: string): Container {
  const { source } = container;
  return {
    ...container,
    name,
    source: source.kind === 'managed' ? { kind: 'managed', netnsName: name } : source,
  };
}

function checkFree(reader: StoreReader, container: Container, name: string): void {
  const { match: holder, by } = reader.matchContainer(name);
  if (by !== 'name' || holder === undefined) return;
  if (holder.id === container.id) {
    throw new VethdError('invalidArgument', 'Renaming a container with the same name as its current name');
  }
  throw new VethdError(
    'conflict',
    `Error when allocating new name: Conflict. The container name "/${name}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

/**
 * Binds a running namespace of ours at its new name too, before the rows say so: at every moment the name in the rows
 * leads to it, and whatever name a crash leaves over is unbound by the next look at everything. False where there is
 * nothing to bind.
 */
async function bindNewName(
  context: EngineContext,
  { source, state }: Container,
  name: string,
): Promise<boolean> {
  if (source.kind !== 'managed' || state !== 'running' || source.netnsName === name) return false;
  const ref = { kind: 'name', name: source.netnsName } as const;
  const probe = await context.kernel.probeNetns(ref);
  if (probe.status !== 'present') return false;
  await context.kernel.bindNetns(ref, probe.identity, name);
  failpoint('rename.bound');
  return true;
}

/** Gives the container another name, and its namespace where that is ours; conflict when it is taken. */
export async function renameContainer(
  context: EngineContext,
  term: string,
  newName: string,
  mode: Mode,
): Promise<Outcome<void>> {
  const name = newName.replace(/^\//, '');
  if (name === '') throw new VethdError('invalidArgument', 'Neither old nor new names may be empty');
  checkContainerName(name);
  const found = await findContainer(context, term);
  checkFree(context.store, found.container, name);
  const { source } = found.container;
  if (!('netnsName' in source) || source.netnsName !== name) await checkForeignName(context, name);
  const isBound = !mode.dryRun && (await bindNewName(context, found.container, name));
  try {
    return await carryOut(context, mode, (writer): Change<void> => {
      const before = adopt(writer, found);
      checkFree(writer, before, name);
      const container = renamed(before, name);
      writer.updateContainer(container);
      return {
        result: undefined,
        scope: isBound ? EVERYTHING : EMPTY_SCOPE,
        concerns: [before.id],
        undo: (undoer) => undoer.updateContainer(before),
        events: [containerEvent(container, 'rename', { oldName: `/${before.name}` })],
      };
    });
  } catch (error) {
    if (isBound) await context.reconciler.reconcile(EVERYTHING);
    throw error;
  }
}
