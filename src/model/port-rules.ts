/** The rules for published ports, as far as they need no state. */
import { VethdError } from '../errors.ts';
import { type Address, tryParseAddress } from './address.ts';
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

/** Parses the wishes; invalidArgument names the first bad one. */
export function parsePorts(specs: readonly PortSpec[]): ParsedPort[] {
  if (specs.length > MAX_PORTS) {
    throw new VethdError(
      'invalidArgument',
      `${specs.length} published ports: want at most ${MAX_PORTS}; use ranges`,
    );
  }
  return specs.map(parsePort);
}
