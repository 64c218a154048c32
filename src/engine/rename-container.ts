/** `POST /containers/{id}/rename`. */
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import { checkContainerName } from '../model/names.ts';
import { EMPTY_SCOPE } from '../reconcile/scope.ts';
import { type Change, carryOut } from './carry-out.ts';
import type { EngineContext } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import { adopt, findContainer } from './find.ts';
import { containerEvent } from './memberships.ts';

/** A namespace that is not there yet is made under the new name; a running one keeps its file's name. */
function renamed(container: Container, name: string): Container {
  const { source } = container;
  const moves = source.kind === 'managed' && container.state !== 'running';
  return { ...container, name, source: moves ? { kind: 'managed', netnsName: name } : source };
}

/** Gives the container another name; conflict when it is taken. */
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
  return carryOut(context, mode, (writer): Change<void> => {
    const before = adopt(writer, found);
    const holder = writer.matchContainer(name);
    if (holder.by === 'name' && holder.match !== undefined) {
      const problem =
        holder.match.id === before.id
          ? 'Renaming a container with the same name as its current name'
          : undefined;
      throw problem === undefined
        ? new VethdError(
            'conflict',
            `Error when allocating new name: Conflict. The container name "/${name}" is already in use by container "${holder.match.id}". You have to remove (or rename) that container to be able to reuse that name.`,
          )
        : new VethdError('invalidArgument', problem);
    }
    const container = renamed(before, name);
    writer.updateContainer(container);
    return {
      result: undefined,
      scope: EMPTY_SCOPE,
      concerns: [],
      undo: (undoer) => undoer.updateContainer(before),
      events: [containerEvent(container, 'rename', { oldName: `/${before.name}` })],
    };
  });
}
