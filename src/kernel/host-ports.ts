/** Which ports of the host programs listen on, and which it gives out by itself; from /proc/net. */
import { readFileSync } from 'node:fs';
import { type Address, addressFromBytes, addressToBytes } from '../model/address.ts';
import type { Protocol } from '../model/endpoint.ts';
import type { HostListener, PortRange } from '../model/host-port.ts';

const TABLES: readonly (readonly [file: string, protocol: Protocol])[] = [
  ['tcp', 'tcp'],
  ['tcp6', 'tcp'],
  ['udp', 'udp'],
  ['udp6', 'udp'],
];

/** proc(5): states of the table's `st`: TCP_LISTEN; for UDP, TCP_CLOSE stands for "bound, not connected". */
const STATES: Record<string, Protocol> = { '0A': 'tcp', '07': 'udp' };

// IANA's dynamic ports, where the host does not say.
const FALLBACK_RANGE: PortRange = { first: 49152, last: 65535 };

// The kernel prints 32-bit words in the machine's byte order, which openKernel checks to be little-endian.
function parseHexAddress(text: string): Address {
  const bytes = Buffer.from(text, 'hex');
  return unmapped(addressFromBytes(bytes.length === 4 || bytes.length === 16 ? bytes.swap32() : bytes));
}

/** An IPv6 socket that is bound to an IPv4 address (::ffff:a.b.c.d) holds a port of IPv4. */
function unmapped(address: Address): Address {
  const isMapped = address.family === 'ipv6' && address.value >> 32n === 0xffffn;
  return isMapped ? addressFromBytes(addressToBytes(address).subarray(12)) : address;
}

/** Reads a table of sockets in the format of /proc/net/tcp; keeps those that listen. */
export function parseSocketTable(text: string, protocol: Protocol): HostListener[] {
  const pattern = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /;
  return text.split('\n').flatMap((line) => {
    const [, address = '', port = '', state = ''] = pattern.exec(line) ?? [];
    if (STATES[state] !== protocol) return [];
    return [{ protocol, address: parseHexAddress(address), port: Number.parseInt(port, 16) }];
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * The TCP and UDP ports that programs listen on in the namespace of this process. A table that the kernel does
 * not have (no IPv6) counts as empty. SCTP listeners are not looked for.
 */
export function hostPortsInUse(): HostListener[] {
  return TABLES.flatMap(([file, protocol]) => parseSocketTable(readIfThere(`/proc/net/${file}`), protocol));
}

/** The ports that the host gives out by itself (net.ipv4.ip_local_port_range). */
export function ephemeralPorts(): PortRange {
  const text = readIfThere('/proc/sys/net/ipv4/ip_local_port_range');
  const [, first, last] = /^(\d+)\s+(\d+)/.exec(text) ?? [];
  return first === undefined || last === undefined
    ? FALLBACK_RANGE
    : { first: Number(first), last: Number(last) };
}
