/** `PATCH /vethd/endpoints/{id}`: other published ports for a live endpoint, its connections untouched. */
import { VethdError } from '../errors.ts';
import type { Endpoint, PortSpec } from '../model/endpoint.ts';
import { parsePorts } from '../model/port-rules.ts';
import { scopeOf } from '../reconcile/scope.ts';
import type { StoreReader } from '../store/contract.ts';
import { carryOut } from './carry-out.ts';
import type { EngineContext } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import { publishedPorts } from './ports.ts';

/** By the full id, or the beginning of one. */
function getEndpoint(reader: StoreReader, term: string): Endpoint {
  const exact = reader.getEndpoint(term);
  if (exact !== undefined) return exact;
  const matching = term === '' ? [] : reader.listEndpoints().filter(({ id }) => id.startsWith(term));
  const [match] = matching;
  if (match === undefined) throw new VethdError('notFound', `endpoint ${term} not found`);
  if (matching.length === 1) return match;
  throw new VethdError('invalidArgument', `endpoint ${term} is ambiguous (${matching.length} matches)`);
}

/** Replaces the published ports; conflict where one is taken, invalidArgument where there is nothing to publish. */
export async function setPorts(
  context: EngineContext,
  term: string,
  specs: readonly PortSpec[],
  mode: Mode,
): Promise<Outcome<Endpoint>> {
  const wanted = parsePorts(specs);
  return carryOut(context, mode, (writer) => {
    const before = getEndpoint(writer, term);
    const container = writer.getContainer(before.containerId);
    const network = writer.getNetwork(before.networkId);
    if (before.veth === '' || container === undefined || network === undefined) {
      throw new VethdError('invalidArgument', `endpoint ${term} has no interface: it cannot publish ports`);
    }
    const ports = publishedPorts(context, writer, network, wanted, container.name, before.id);
    const endpoint = { ...before, ports };
    writer.updateEndpoint(endpoint);
    return {
      result: endpoint,
      scope: scopeOf({ containers: [container.id] }),
      concerns: [endpoint.id, container.id],
      undo: (undoer) => undoer.updateEndpoint(before),
      events: [],
    };
  });
}
