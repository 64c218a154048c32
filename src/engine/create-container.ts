/** `POST /containers/create`: a namespace that vethd makes at start, or a membership in somebody else's. */
import { VethdError } from '../errors.ts';
import type { Container, ContainerSource, ContainerSpec } from '../model/container.ts';
import { EMPTY_ENDPOINT_SPEC, type EndpointSpec } from '../model/endpoint.ts';
import { parseEndpointSpec } from '../model/endpoint-rules.ts';
import { checkContainerName } from '../model/names.ts';
import { EMPTY_SCOPE, type Scope } from '../reconcile/scope.ts';
import type { StoreReader, StoreWriter } from '../store/contract.ts';
import { carryOut } from './carry-out.ts';
import { started } from './container-state.ts';
import { type EngineContext, formatTime, NEVER, newId } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import { insertEndpoint, scopeOfEndpoints } from './endpoint-rows.ts';
import { adopt, checkForeignName, type FoundContainer, findContainer, nameTaken } from './find.ts';
import { containerEvent, membershipsOf } from './memberships.ts';

/** What `POST /containers/create` answers. */
export interface Created {
  readonly id: string;
  readonly warnings: readonly string[];
}

const NO_PROCESS =
  'vethd runs no process and pulls no image: the container is a network namespace (ip netns exec NAME …)';

/** Whoever names an image expects a program to run. */
function namesImage({ config }: ContainerSpec): boolean {
  return typeof config['Image'] === 'string' && config['Image'] !== '';
}

function freeName(reader: StoreReader, id: string): string {
  for (let digits = 8; ; digits++) {
    const name = `netns-${id.slice(0, digits)}`;
    if (reader.matchContainer(name).by !== 'name') return name;
  }
}

/** Whose namespace it shares by network mode `container:X`; undefined in another mode. */
async function findOwner(context: EngineContext, spec: ContainerSpec): Promise<FoundContainer | undefined> {
  const term = /^container:(.+)$/.exec(spec.networkMode)?.[1];
  if (term === undefined) return undefined;
  try {
    return await findContainer(context, term);
  } catch (error) {
    if (!(error instanceof VethdError) || error.kind !== 'notFound') throw error;
    // Not 404: that means a missing image here, and the CLI would go and pull one.
    throw new VethdError('invalidArgument', `joining network namespace of container: ${error.message}`);
  }
}

/** Where the namespace comes from, by Docker's network mode. */
function sourceOf(
  writer: StoreWriter,
  spec: ContainerSpec,
  name: string,
  owner: FoundContainer | undefined,
): ContainerSource {
  if (owner !== undefined) {
    const { id, source } = adopt(writer, owner);
    return { kind: 'shared', containerId: source.kind === 'shared' ? source.containerId : id };
  }
  return spec.networkMode === 'host' ? { kind: 'host' } : { kind: 'managed', netnsName: name };
}

/** The networks to be joined at start: those named, else the one of the network mode. */
function wishesOf(spec: ContainerSpec): Record<string, EndpointSpec> {
  if (/^container:/.test(spec.networkMode)) return {};
  const mode = spec.networkMode === '' || spec.networkMode === 'default' ? 'bridge' : spec.networkMode;
  const wishes = Object.fromEntries(
    Object.entries(spec.endpoints).map(([term, wish]) => [term === 'default' ? 'bridge' : term, wish]),
  );
  return mode in wishes || mode === '' ? wishes : { [mode]: EMPTY_ENDPOINT_SPEC, ...wishes };
}

/** Joins what is there; what is not is found out at start, as with Docker. */
function joinNow(
  context: EngineContext,
  writer: StoreWriter,
  container: Container,
  wishes: Record<string, EndpointSpec>,
): Container {
  const pending: Record<string, EndpointSpec> = {};
  for (const [term, wish] of Object.entries(wishes)) {
    const parsed = parseEndpointSpec(wish);
    const network = writer.matchNetwork(term).match;
    if (network === undefined) pending[term] = wish;
    else insertEndpoint(context, writer, network, container, parsed, new Set());
  }
  return { ...container, pending };
}

/** A start belongs to every creation that somebody asks about: alone it would change nothing in the kernel. */
function scopeOfStart(context: EngineContext, writer: StoreWriter, container: Container): Scope {
  const running = started(context, container);
  writer.updateContainer(running);
  return scopeOfEndpoints(running, membershipsOf(writer, container.id));
}

/** Stores the container; the namespace is made at start. A dry run says what both would do. */
export async function createContainer(
  context: EngineContext,
  spec: ContainerSpec,
  mode: Mode,
): Promise<Outcome<Created>> {
  if (spec.name !== '') checkContainerName(spec.name);
  await checkForeignName(context, spec.name);
  const owner = await findOwner(context, spec);
  return carryOut(context, mode, (writer) => {
    const holder = spec.name === '' ? undefined : writer.matchContainer(spec.name);
    if (holder?.match !== undefined && holder.by === 'name') throw nameTaken(spec.name, holder.match.id);
    const id = newId();
    const name = spec.name === '' ? freeName(writer, id) : spec.name;
    const bare: Container = {
      id,
      name,
      created: formatTime(context.now()),
      source: sourceOf(writer, spec, name, owner),
      state: 'created',
      identity: undefined,
      startedAt: NEVER,
      finishedAt: NEVER,
      exitCode: 0,
      networkMode: spec.networkMode,
      labels: spec.labels,
      pending: {},
      config: spec.config,
    };
    writer.insertContainer(bare);
    const container = joinNow(context, writer, bare, wishesOf(spec));
    writer.updateContainer(container);
    return {
      result: { id, warnings: namesImage(spec) ? [NO_PROCESS] : [] },
      scope: mode.dryRun ? scopeOfStart(context, writer, container) : EMPTY_SCOPE,
      concerns: [],
      undo: (undoer) => undoer.removeContainer(id),
      events: [containerEvent(container, 'create')],
    };
  });
}
