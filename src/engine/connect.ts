/** `POST /networks/{id}/connect`. */
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import type { Endpoint, EndpointSpec } from '../model/endpoint.ts';
import { type ParsedEndpointSpec, parseEndpointSpec } from '../model/endpoint-rules.ts';
import type { Network } from '../model/network.ts';
import { parsePorts } from '../model/port-rules.ts';
import { netnsRefOf } from '../reconcile/desired.ts';
import type { StoreReader } from '../store/contract.ts';
import { carryOut } from './carry-out.ts';
import type { EngineContext } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import {
  type Displaced,
  insertEndpoint,
  memberEvent,
  restoreDisplaced,
  restoreEndpoint,
  scopeOfEndpoints,
} from './endpoint-rows.ts';
import { adopt, type FoundContainer, findContainer, getNetwork } from './find.ts';
import { forgetIfIdle } from './forget.ts';
import { withoutWish } from './wishes.ts';

/**
 * Docker's rules about who may join what. Gives the endpoint that the container has there already, which only one that
 * does not run may.
 */
function checkMembership(reader: StoreReader, network: Network, container: Container): Endpoint | undefined {
  if (network.configOnly) {
    throw new VethdError('forbidden', 'cannot create endpoint on configuration-only network');
  }
  if (network.driver === 'host') {
    throw new VethdError(
      'invalidArgument',
      'cannot connect container to host network - container must be created in host network mode',
    );
  }
  if (container.source.kind === 'host' || container.source.kind === 'shared') {
    throw new VethdError(
      'invalidArgument',
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  const own = reader.listEndpointsOfContainer(container.id);
  const others = own
    .filter(({ networkId }) => networkId !== network.id)
    .map(({ networkId }) => reader.getNetwork(networkId));
  if (others.length > 0 && (network.driver === 'null' || others.some((other) => other?.driver === 'null'))) {
    throw new VethdError(
      'invalidArgument',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
  const former = own.find(({ networkId }) => networkId === network.id);
  if (former !== undefined && container.state === 'running') {
    throw new VethdError(
      'forbidden',
      `endpoint with name ${container.name} already exists in network ${network.name}`,
    );
  }
  return former;
}

/** Names of the interfaces that are in the container's namespace now; none where it does not run. */
async function seenIfnames(
  context: EngineContext,
  { container }: FoundContainer,
): Promise<ReadonlySet<string>> {
  const ref = netnsRefOf(container);
  if (ref === undefined || container.state !== 'running') return new Set();
  const found = await context.kernel.visitNetns(ref);
  return new Set(found.status === 'present' ? found.ifnames : []);
}

/**
 * The wish with the ports that were published for the container at its creation, when no endpoint of it has any: they
 * are the container's, not those of the network that it joined first, and Compose connects each network anew. A network
 * without a way in does not get them.
 */
function withOwnPorts(
  { ownPorts }: EngineContext,
  reader: StoreReader,
  network: Network,
  container: Container,
  spec: ParsedEndpointSpec,
): ParsedEndpointSpec {
  if (spec.ports.length > 0 || network.driver !== 'bridge' || network.internal) return spec;
  const own = ownPorts(container);
  if (own.length === 0) return spec;
  const others = [...reader.listEndpointsOfContainer(container.id), ...Object.values(container.pending)];
  if (others.some(({ ports }) => ports.length > 0)) return spec;
  return { ...spec, ports: parsePorts(own) };
}

/** One try, which keeps clear of the interface names in `seen` besides those of rows. */
function attempt(
  context: EngineContext,
  networkTerm: string,
  found: FoundContainer,
  spec: EndpointSpec,
  seen: ReadonlySet<string>,
  mode: Mode,
): Promise<Outcome<Endpoint>> {
  return carryOut(context, mode, (writer) => {
    const network = getNetwork(writer, networkTerm);
    const parsed = parseEndpointSpec(spec);
    const before = adopt(writer, found);
    const former = checkMembership(writer, network, before);
    const container = withoutWish(writer, before, network);
    if (container !== before) writer.updateContainer(container);
    if (former !== undefined) writer.removeEndpoint(former.id);
    const wish = withOwnPorts(context, writer, network, container, parsed);
    const displaced: Displaced[] = [];
    const endpoint = insertEndpoint(context, writer, network, container, wish, seen, displaced);
    return {
      result: endpoint,
      scope: scopeOfEndpoints(container, [{ endpoint, network }]),
      foreseen: { endpoint: endpoint.id },
      concerns: [endpoint.id, container.id, network.id],
      needs: container.state === 'running' ? [container.id] : [],
      takeBack: { inserted: [endpoint.id] },
      undo: (undoer) => {
        undoer.removeEndpoint(endpoint.id);
        restoreDisplaced(undoer, displaced);
        if (former !== undefined) restoreEndpoint(undoer, network, former);
        if (container !== before) undoer.updateContainer(before);
        forgetIfIdle(undoer, container.id);
      },
      events: container.state === 'running' ? [memberEvent('connect', network, container)] : [],
    };
  });
}

const NOTHING_SEEN: ReadonlySet<string> = new Set();

/**
 * Attaches a container to a network; the settings of one that does not run take the place of earlier ones. Throws
 * notFound, invalidArgument, forbidden or conflict when it may not be.
 */
export async function connect(
  context: EngineContext,
  networkTerm: string,
  containerTerm: string,
  spec: EndpointSpec,
  mode: Mode,
): Promise<Outcome<Endpoint>> {
  const found = await findContainer(context, containerTerm);
  const tryWith = (seen: ReadonlySet<string>) => attempt(context, networkTerm, found, spec, seen, mode);
  if (mode.dryRun) return tryWith(await seenIfnames(context, found));
  try {
    // Hardly ever is there an interface in a namespace that is not ours: a look before each connect would cost 0.5 ms.
    return await tryWith(NOTHING_SEEN);
  } catch (error) {
    if (!(error instanceof VethdError) || error.errno !== 'EEXIST') throw error;
    return tryWith(await seenIfnames(context, found));
  }
}
