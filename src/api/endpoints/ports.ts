/** Published ports between Docker's maps and the engine's lists. */

import { VethdError } from '../../errors.ts';
import { formatAddress } from '../../model/address.ts';
import type { Endpoint, PortSpec, Protocol, PublishedPort } from '../../model/endpoint.ts';
import type { PortMapJson } from './schema.ts';

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['tcp', 'tcp'],
  ['udp', 'udp'],
  ['sctp', 'sctp'],
]);

/** Reads `80`, `80/tcp` or `8000-8010/udp`; throws invalidArgument for another protocol. The ports stay text. */
export function parsePortKey(key: string): Pick<PortSpec, 'containerPort' | 'protocol'> {
  const [containerPort = '', word = 'tcp', ...rest] = key.split('/');
  const protocol = PROTOCOLS.get(word.toLowerCase());
  if (protocol === undefined || rest.length > 0 || !/^\d+(-\d+)?$/.test(containerPort)) {
    throw new VethdError(
      'invalidArgument',
      `invalid port specification: ${JSON.stringify(key)}: want one like "80/tcp"`,
    );
  }
  return { containerPort, protocol };
}

/** The wishes in a map of published ports. */
export function toPortSpecs(map: PortMapJson = {}): PortSpec[] {
  return Object.entries(map).flatMap(([key, bindings]) => {
    const port = parsePortKey(key);
    return bindings.map(({ HostIp = '', HostPort = '' }) => ({
      ...port,
      hostAddress: HostIp,
      hostPort: HostPort,
    }));
  });
}

/** One port of a published range, and where on the host it is reached. */
export interface PortMapping {
  readonly protocol: Protocol;
  readonly containerPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** Without a host address a port is on every address of the families that the endpoint has. */
function hostAddresses(endpoint: Endpoint, port: PublishedPort): string[] {
  if (port.hostAddress !== undefined) return [formatAddress(port.hostAddress)];
  return [
    ...(endpoint.ipv4 === undefined ? [] : ['0.0.0.0']),
    ...(endpoint.ipv6 === undefined ? [] : ['::']),
  ];
}

/** An endpoint's published ports one by one, as Docker lists them. */
export function mappingsOf(endpoint: Endpoint): PortMapping[] {
  return endpoint.ports.flatMap((port) =>
    hostAddresses(endpoint, port).flatMap((hostAddress) =>
      Array.from({ length: port.containerPortEnd - port.containerPort + 1 }, (_, offset) => ({
        protocol: port.protocol,
        containerPort: port.containerPort + offset,
        hostAddress,
        hostPort: port.hostPort + offset,
      })),
    ),
  );
}

/** The map `Ports` of `NetworkSettings`. */
export function toPortMap(
  endpoints: readonly Endpoint[],
): Record<string, Required<PortMapJson[string][number]>[]> {
  const map: ReturnType<typeof toPortMap> = {};
  for (const mapping of endpoints.flatMap(mappingsOf)) {
    const key = `${mapping.containerPort}/${mapping.protocol}`;
    map[key] ??= [];
    map[key].push({ HostIp: mapping.hostAddress, HostPort: String(mapping.hostPort) });
  }
  return map;
}
