/** `POST /containers/{id}/rename`. */
import { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import type { Container, NetnsIdentity } from '../model/container.ts';
import { checkContainerName } from '../model/names.ts';
import { EMPTY_SCOPE, EVERYTHING, type Scope } from '../reconcile/scope.ts';
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

/** A running namespace of ours that has another name than it is to have. */
interface Renamed {
  readonly ref: { readonly kind: 'name'; readonly name: string };
  readonly identity: NetnsIdentity;
}

async function netnsToRename(
  context: EngineContext,
  { source, state }: Container,
  name: string,
): Promise<Renamed | undefined> {
  if (source.kind !== 'managed' || state !== 'running' || source.netnsName === name) return undefined;
  const ref = { kind: 'name', name: source.netnsName } as const;
  const probe = await context.kernel.probeNetns(ref);
  return probe.status === 'present' ? { ref, identity: probe.identity } : undefined;
}

/** What a person would type: a namespace may have two names, and then one. */
function linesFor({ ref }: Renamed, name: string): string[] {
  const [old, wanted] = [`/run/netns/${ref.name}`, `/run/netns/${name}`];
  return [`touch ${wanted}`, `mount --bind ${old} ${wanted}`, `ip netns delete ${ref.name}`];
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
  const netns = await netnsToRename(context, found.container, name);
  const rename = (scope: Scope) =>
    carryOut(context, mode, (writer): Change<void> => {
      const before = adopt(writer, found);
      checkFree(writer, before, name);
      const container = renamed(before, name);
      writer.updateContainer(container);
      return {
        result: undefined,
        scope,
        concerns: [before.id],
        undo: (undoer) => undoer.updateContainer(before),
        events: [containerEvent(container, 'rename', { oldName: `/${before.name}` })],
      };
    });
  if (netns === undefined) return rename(EMPTY_SCOPE);
  if (mode.dryRun) return { ...(await rename(EMPTY_SCOPE)), commands: linesFor(netns, name) };
  // Bound at its new name before the rows say so: at every moment the name in the rows leads to it, and whatever name
  // a crash leaves over is unbound by the next look at everything.
  await context.kernel.bindNetns(netns.ref, netns.identity, name);
  failpoint('rename.bound');
  try {
    return await rename(EVERYTHING);
  } catch (error) {
    await context.reconciler.reconcile(EVERYTHING);
    throw error;
  }
}
