/** The rules for published ports, as far as they need no state. */
import { VethdError } from '../errors.ts';
import { type Address, formatAddress, tryParseAddress } from './address.ts';
import type { PortSpec, Protocol } from './endpoint.ts';

/** A wish for a published port that passed the rules. */
export interface ParsedPort {
  readonly protocol: Protocol;
  /** First and last port inside, 1…65535. */
  readonly containerPort: number;
  readonly containerPortEnd: number;
  /** Undefined: every address of both families. */
  readonly hostAddress: Address | undefined;
  /** The first port on the host; undefined: vethd chooses. The range is as long as the one inside. */
  readonly hostPort: number | undefined;
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

const MAX_PORTS = 128;

function parseRange(text: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match !== null && first >= 1 && first <= last && last <= 65535) return { first, last };
  throw new VethdError(
    'invalidArgument',
    `invalid port ${JSON.stringify(text.slice(0, 64))}: want 1 to 65535, or a range such as 8000-8010`,
  );
}

function parseHostAddress(text: string): Address | undefined {
  if (text === '') return undefined;
  const address = tryParseAddress(text);
  if (address !== undefined) return address;
  throw new VethdError('invalidArgument', `invalid host address ${text}: want one like 127.0.0.1 or ::1`);
}

/** Docker's `0` also means that the daemon is to choose. */
function parseHostPort(spec: PortSpec, inside: PortRange): number | undefined {
  if (spec.hostPort === '' || spec.hostPort === '0') return undefined;
  const outside = parseRange(spec.hostPort);
  if (outside.last - outside.first === inside.last - inside.first) return outside.first;
  throw new VethdError(
    'invalidArgument',
    `invalid ranges specified for container and host Ports: ${spec.containerPort} and ${spec.hostPort}`,
  );
}

function parsePort(spec: PortSpec): ParsedPort {
  const inside = parseRange(spec.containerPort);
  return {
    protocol: spec.protocol,
    containerPort: inside.first,
    containerPortEnd: inside.last,
    hostAddress: parseHostAddress(spec.hostAddress),
    hostPort: parseHostPort(spec, inside),
  };
}

/** A wish whose host port the client named. */
type NamedPort = ParsedPort & { readonly hostPort: number };

function isNamed(port: ParsedPort): port is NamedPort {
  return port.hostPort !== undefined;
}

function bindingOf({ protocol, hostAddress }: ParsedPort): string {
  return `${protocol} ${hostAddress === undefined ? '' : formatAddress(hostAddress)}`;
}

function follows(port: NamedPort, before: NamedPort): boolean {
  const length = before.containerPortEnd - before.containerPort + 1;
  return (
    bindingOf(port) === bindingOf(before) &&
    port.containerPort === before.containerPort + length &&
    port.hostPort === before.hostPort + length
  );
}

/** Neighbouring ports as one range: Docker's clients send a range port by port, in no useful order. */
function joinRanges(ports: readonly ParsedPort[]): ParsedPort[] {
  const named = ports.filter(isNamed).map((port) => ({ port, binding: bindingOf(port) }));
  named.sort((a, b) => (a.binding < b.binding ? -1 : a.binding > b.binding ? 1 : 0) || order(a.port, b.port));
  const joined: NamedPort[] = [];
  for (const { port } of named) {
    const before = joined.at(-1);
    if (before === undefined || !follows(port, before)) joined.push(port);
    else joined[joined.length - 1] = { ...before, containerPortEnd: port.containerPortEnd };
  }
  return [...joined, ...ports.filter((port) => !isNamed(port))];
}

function order(a: NamedPort, b: NamedPort): number {
  return a.hostPort - b.hostPort || a.containerPort - b.containerPort;
}

/**
 * Parses the wishes; invalidArgument names the first bad one. Neighbouring ports come back as one range, those with
 * a host port first.
 */
export function parsePorts(specs: readonly PortSpec[]): ParsedPort[] {
  const ports = joinRanges(specs.map(parsePort));
  if (ports.length <= MAX_PORTS) return ports;
  throw new VethdError(
    'invalidArgument',
    `${ports.length} published ports: want at most ${MAX_PORTS} ranges`,
  );
}
