/**
 * Which host ports a publication gets: conflicts with what is published and with programs that listen, and the
 * choice where the client leaves it to us. Pure: the callers say what is taken.
 */
import { VethdError } from '../errors.ts';
import { type Address, formatAddress, sameAddress } from '../model/address.ts';
import type { PublishedPort } from '../model/endpoint.ts';
import type { HostListener, PortRange } from '../model/host-port.ts';
import type { ParsedPort } from '../model/port-rules.ts';

/** A published port and whose it is. */
export interface Publication {
  readonly port: PublishedPort;
  /** The container's name, for messages. */
  readonly holder: string;
}

/** What the host's ports are used for, and where automatic ones come from. */
export interface PortUse {
  readonly published: readonly Publication[];
  readonly listeners: readonly HostListener[];
  /** The host's ephemeral ports. */
  readonly automatic: PortRange;
}

function isAny(address: Address): boolean {
  return address.value === 0n;
}

/** Whether a packet could be for both. `::` of a listener takes IPv4 too, unless its program said no. */
function addressesMeet(a: Address | undefined, b: Address | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  if (a.family !== b.family) return false;
  return isAny(a) || isAny(b) || sameAddress(a, b);
}

function listenerAddress({ address }: HostListener): Address | undefined {
  return address.family === 'ipv6' && isAny(address) ? undefined : address;
}

/** A host port and what holds it. */
interface Holder {
  readonly port: number;
  readonly words: string;
}

function publishedHolder(wanted: PublishedPort, { port, holder }: Publication): Holder | undefined {
  if (port.protocol !== wanted.protocol || !addressesMeet(port.hostAddress, wanted.hostAddress))
    return undefined;
  const first = Math.max(port.hostPort, wanted.hostPort);
  if (first > Math.min(port.hostPortEnd, wanted.hostPortEnd)) return undefined;
  return { port: first, words: `published by container ${holder}` };
}

function listenerHolder(wanted: PublishedPort, listener: HostListener): Holder | undefined {
  const { protocol, port } = listener;
  if (protocol !== wanted.protocol || port < wanted.hostPort || port > wanted.hostPortEnd) return undefined;
  if (!addressesMeet(listenerAddress(listener), wanted.hostAddress)) return undefined;
  return { port, words: `a program of the host listens on ${hostText(listener.address)}:${port}` };
}

function findHolder(wanted: PublishedPort, use: PortUse): Holder | undefined {
  for (const publication of use.published) {
    const holder = publishedHolder(wanted, publication);
    if (holder !== undefined) return holder;
  }
  for (const listener of use.listeners) {
    const holder = listenerHolder(wanted, listener);
    if (holder !== undefined) return holder;
  }
  return undefined;
}

function hostText(address: Address | undefined): string {
  if (address === undefined) return '0.0.0.0';
  return address.family === 'ipv6' ? `[${formatAddress(address)}]` : formatAddress(address);
}

/** Throws conflict, in Docker's words and with the holder's name, if a port of the wanted ones is taken. */
export function checkHostPorts(wanted: PublishedPort, use: PortUse): void {
  const holder = findHolder(wanted, use);
  if (holder === undefined) return;
  throw new VethdError(
    'conflict',
    `Bind for ${hostText(wanted.hostAddress)}:${holder.port} failed: port is already allocated ` +
      `(${wanted.protocol}, ${holder.words})`,
  );
}

/** The range of host ports, as long as the one inside, that begins with that port. */
function publishedAt(wanted: ParsedPort, hostPort: number): PublishedPort {
  const hostPortEnd = hostPort + wanted.containerPortEnd - wanted.containerPort;
  return { ...wanted, hostPort, hostPortEnd };
}

/** Host ports of that protocol and address that are taken, lowest first; ranges may overlap. */
function takenRanges({ protocol, hostAddress }: ParsedPort, use: PortUse): PortRange[] {
  const published = use.published
    .filter(({ port }) => port.protocol === protocol && addressesMeet(port.hostAddress, hostAddress))
    .map(({ port }) => ({ first: port.hostPort, last: port.hostPortEnd }));
  const listeners = use.listeners
    .filter((listener) => listener.protocol === protocol)
    .filter((listener) => addressesMeet(listenerAddress(listener), hostAddress))
    .map(({ port }) => ({ first: port, last: port }));
  return [...published, ...listeners].sort((a, b) => a.first - b.first);
}

/** The lowest free run of automatic ports. O(n log n) in what is taken. */
function chooseHostPorts(wanted: ParsedPort, use: PortUse): PublishedPort {
  const { first, last } = use.automatic;
  const span = wanted.containerPortEnd - wanted.containerPort;
  let candidate = first;
  for (const taken of takenRanges(wanted, use)) {
    if (taken.first > candidate + span) break;
    candidate = Math.max(candidate, taken.last + 1);
  }
  if (candidate + span <= last) return publishedAt(wanted, candidate);
  throw new VethdError(
    'conflict',
    `all ${wanted.protocol} ports of ${first}-${last} on ${hostText(wanted.hostAddress)} are allocated`,
  );
}

/**
 * The ports as they will be published: checked where the client named them, chosen where not. Named ones are
 * settled first, so that a choice cannot take what the same request names. Throws conflict.
 */
export function resolvePorts(
  wanted: readonly ParsedPort[],
  use: PortUse,
  holder: string,
): readonly PublishedPort[] {
  const published = [...use.published];
  const resolved = new Map<ParsedPort, PublishedPort>();
  const settle = (port: ParsedPort, found: PublishedPort): void => {
    resolved.set(port, found);
    published.push({ port: found, holder });
  };
  for (const port of wanted) {
    if (port.hostPort === undefined) continue;
    const named = publishedAt(port, port.hostPort);
    checkHostPorts(named, { ...use, published });
    settle(port, named);
  }
  for (const port of wanted) {
    if (port.hostPort === undefined) settle(port, chooseHostPorts(port, { ...use, published }));
  }
  return wanted.flatMap((port) => resolved.get(port) ?? []);
}

/**
 * Whether the bridge needs `net.ipv4.conf.BRIDGE.route_localnet`: a port is published on the host's 127.0.0.1.
 * The ruleset keeps members from using it.
 */
export function needsRouteLocalnet(ports: readonly PublishedPort[]): boolean {
  return ports.some(({ hostAddress }) => {
    if (hostAddress === undefined) return true;
    return hostAddress.family === 'ipv4' && (isAny(hostAddress) || hostAddress.value >> 24n === 127n);
  });
}
