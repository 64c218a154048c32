/** Which host ports an endpoint gets: checked against what is published and against programs that listen. */
import { type PortUse, type Publication, resolvePorts } from '../firewall/ports.ts';
import type { Address } from '../model/address.ts';
import type { PublishedPort } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { ParsedPort } from '../model/port-rules.ts';
import { driverNetworkOf } from '../reconcile/desired.ts';
import type { StoreReader } from '../store/contract.ts';
import type { EngineContext } from './context.ts';
import { isRunning } from './running.ts';

/** What running containers publish, the endpoint of `except` left out. */
function publications(reader: StoreReader, except: string): Publication[] {
  return reader.listEndpoints().flatMap(({ id, ports, containerId }) => {
    if (id === except || ports.length === 0) return [];
    const container = reader.getContainer(containerId);
    if (container === undefined || !isRunning(container)) return [];
    return ports.map((port) => ({ port, holder: container.name }));
  });
}

function portUse(context: EngineContext, reader: StoreReader, except: string): PortUse {
  return { published: publications(reader, except), ...context.hostPorts() };
}

/** Where a network binds ports that are published without an address; undefined: everywhere. */
function bindingOf(network: Network): Address | undefined {
  const { hostBindingIpv4 } = driverNetworkOf(network).options;
  return hostBindingIpv4?.value === 0n ? undefined : hostBindingIpv4;
}

/**
 * The ports as they will be published on a network for a container of this name; conflict, naming the holder, where one
 * is taken. Ports of the endpoint `except` (which is to have these instead) count as free.
 */
export function publishedPorts(
  context: EngineContext,
  reader: StoreReader,
  network: Network,
  wanted: readonly ParsedPort[],
  holder: string,
  except = '',
): readonly PublishedPort[] {
  if (wanted.length === 0) return [];
  const binding = bindingOf(network);
  const bound = wanted.map((port) => ({ ...port, hostAddress: port.hostAddress ?? binding }));
  return resolvePorts(bound, portUse(context, reader, except), holder);
}

/** Refuses (conflict) to start a container whose ports somebody else took while it was stopped. */
export function checkPublished(
  context: EngineContext,
  reader: StoreReader,
  ports: readonly PublishedPort[],
  holder: string,
  except: string,
): void {
  if (ports.length > 0) resolvePorts(ports, portUse(context, reader, except), holder);
}
