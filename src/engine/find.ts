/** How a client's term finds a network or a container: id, name, unique prefix, and what nobody adopted yet. */
import { VethdError } from '../errors.ts';
import type { NetnsProbe, NetnsRef } from '../kernel/contract.ts';
import type { Container, ContainerSource } from '../model/container.ts';
import type { Network } from '../model/network.ts';
import type { StoreReader, StoreWriter } from '../store/contract.ts';
import { derivedId, type EngineContext, formatTime, NEVER } from './context.ts';

/** The network; notFound when there is none, invalidArgument when several match. */
export function getNetwork(store: StoreReader, term: string): Network {
  const { match, count, by } = store.matchNetwork(term);
  if (match !== undefined) return match;
  if (count === 0) throw new VethdError('notFound', `network ${term} not found`);
  const how = by === 'name' ? 'name' : 'ID prefix';
  throw new VethdError(
    'invalidArgument',
    `network ${term} is ambiguous (${count} matches found based on ${how})`,
  );
}

/** As `getNetwork`, in the words that inspect uses. */
export function getNetworkToInspect(store: StoreReader, term: string): Network {
  const { match, count, by } = store.matchNetwork(term);
  if (match !== undefined) return match;
  if (count === 0) throw new VethdError('notFound', `network ${term} not found`);
  const how = by === 'name' ? 'name' : 'ID prefix';
  throw new VethdError(
    'invalidArgument',
    `${count} matches found based on ${how}: network ${term} is ambiguous`,
  );
}

/** Docker's answer for a container that nobody knows. */
export function noSuchContainer(term: string): VethdError {
  return new VethdError('notFound', `No such container: ${term}`);
}

/** A container as a client's term finds it: stored, or a namespace that the first connect will adopt. */
export interface FoundContainer {
  readonly container: Container;
  readonly adopted: boolean;
}

const NETNS_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** Reads a term that can only mean a namespace that is not stored: `pid:N`, an absolute path, a name. */
function refOf(
  term: string,
): { readonly ref: NetnsRef; readonly kind: 'named' | 'path' | 'pid' } | undefined {
  const pid = /^pid:([1-9]\d{0,9})$/.exec(term)?.[1];
  if (pid !== undefined) return { ref: { kind: 'pid', pid: Number(pid), startTime: undefined }, kind: 'pid' };
  const name = term.replace(/^\/(?:var\/)?run\/netns\//, '');
  if (NETNS_NAME.test(name)) return { ref: { kind: 'name', name }, kind: 'named' };
  if (term.startsWith('/')) return { ref: { kind: 'path', path: term }, kind: 'path' };
  return undefined;
}

function sourceOf(ref: NetnsRef, probe: NetnsProbe & { status: 'present' }): ContainerSource {
  switch (ref.kind) {
    case 'name':
      return { kind: 'named', netnsName: ref.name };
    case 'path':
      return { kind: 'path', path: ref.path };
    case 'pid':
      return { kind: 'pid', pid: ref.pid, startTime: probe.startTime ?? '' };
    case 'host':
      throw new Error('the host is never adopted');
  }
}

function nameOf(source: ContainerSource): string {
  switch (source.kind) {
    case 'pid':
      return `pid-${source.pid}`;
    case 'path':
      return source.path.replace(/^\/+/, '').replaceAll(/[^A-Za-z0-9_.-]/g, '-');
    case 'named':
      return source.netnsName;
    default:
      throw new Error(`a container of kind ${source.kind} is not adopted`);
  }
}

/** The row for a namespace that somebody else made. */
export function containerFor(
  context: EngineContext,
  ref: NetnsRef,
  probe: NetnsProbe & { status: 'present' },
): Container {
  const { daemonId } = context.store;
  const source = sourceOf(ref, probe);
  const { bootId, inode } = probe.identity;
  // A name may come back with another namespace behind it and is the same container then; a path or a process is not.
  const id =
    source.kind === 'named' ? derivedId(daemonId, source.netnsName) : derivedId(daemonId, bootId, inode);
  const time = formatTime(BigInt(Math.round(probe.createdMs * 1_000)) * 1_000n);
  return {
    id,
    name: nameOf(source),
    created: time,
    source,
    state: 'running',
    identity: probe.identity,
    startedAt: time,
    finishedAt: NEVER,
    exitCode: 0,
    networkMode: '',
    labels: {},
    pending: {},
    config: {},
  };
}

function findUnadopted(context: EngineContext, term: string): FoundContainer | undefined {
  const named = refOf(term);
  if (named === undefined) return undefined;
  const probe = context.kernel.lookAtNetns(named.ref);
  if (probe.status === 'refused')
    throw new VethdError('invalidArgument', `${term} cannot be a container: ${probe.reason}`);
  if (probe.status === 'absent') return undefined;
  const [known] = context.store.listContainersIn(probe.identity);
  if (known !== undefined) return { container: known, adopted: true };
  return { container: containerFor(context, named.ref, probe), adopted: false };
}

/** Ids that inspect showed for namespaces that nobody adopted lead back to them. */
async function findById(context: EngineContext, term: string): Promise<FoundContainer | undefined> {
  if (!/^[0-9a-f]{4,64}$/.test(term)) return undefined;
  const names = await context.kernel.listNetnsNames();
  const matching = names.filter((name) => derivedId(context.store.daemonId, name).startsWith(term));
  const [name] = matching;
  return matching.length === 1 && name !== undefined ? findUnadopted(context, name) : undefined;
}

/**
 * The container that a term means. Throws notFound when there is none, invalidArgument when the term is empty,
 * ambiguous, or leads to something that must not be entered (the host's own namespace, a file that is none).
 */
export async function findContainer(context: EngineContext, term: string): Promise<FoundContainer> {
  if (term === '') throw new VethdError('invalidArgument', 'invalid name or ID supplied: ""');
  const { match, count, by } = context.store.matchContainer(term);
  const stored: FoundContainer | undefined = match && { container: match, adopted: true };
  if (stored !== undefined && by !== 'prefix') return stored;
  // A namespace that nobody adopted has a name too, and a name goes before the beginning of another's id.
  const unadopted = findUnadopted(context, term);
  if (unadopted === undefined && count > 1) {
    throw new VethdError('invalidArgument', `multiple IDs found with provided prefix: ${term}`);
  }
  const found = unadopted ?? stored ?? (await findById(context, term));
  if (found === undefined) throw noSuchContainer(term);
  return found;
}

/** The container of a term that must be stored or be adopted now: inside a transaction. */
export function adopt(writer: StoreWriter, found: FoundContainer): Container {
  const stored = writer.getContainer(found.container.id);
  if (stored !== undefined) return stored;
  if (found.adopted) throw noSuchContainer(found.container.name);
  writer.insertContainer(found.container);
  return found.container;
}

/** Docker's answer for a name that another container has. */
export function nameTaken(name: string, id: string): VethdError {
  return new VethdError(
    'conflict',
    `Conflict. The container name "/${name}" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

/** Throws conflict when a namespace that is not ours, and that nobody adopted, has the name. */
export async function checkForeignName(context: EngineContext, name: string): Promise<void> {
  if (name === '') return;
  const probe = await context.kernel.probeNetns({ kind: 'name', name });
  const isStored = context.store.matchContainer(name).by === 'name';
  if (probe.status === 'absent' || isStored) return;
  throw nameTaken(name, derivedId(context.store.daemonId, name));
}
