/**
 * Automatic subnets: the lowest free piece of the first pool that has one. Looks at what is taken, never at
 * one candidate after another, so that a /8 cut into /30s costs what a /16 does.
 */
import { VethdError } from '../errors.ts';
import { bitsOf, lastAddress, networkOf, overlaps, type Prefix, parsePrefix } from '../model/address.ts';
import type { AddressPool } from '../model/network.ts';

function pool(base: string, size: number): AddressPool {
  return { base: parsePrefix(base), size };
}

/**
 * Docker's pools in Docker's order (moby: daemon/libnetwork/ipamutils), 31 networks; then a range that Docker
 * does not use, for 16,384 more.
 */
export const DEFAULT_IPV4_POOLS: readonly AddressPool[] = Object.freeze([
  pool('172.17.0.0/16', 16),
  pool('172.18.0.0/16', 16),
  pool('172.19.0.0/16', 16),
  pool('172.20.0.0/14', 16),
  pool('172.24.0.0/14', 16),
  pool('172.28.0.0/14', 16),
  pool('192.168.0.0/16', 20),
  pool('10.64.0.0/10', 24),
]);

/**
 * The pool of IPv6 subnets: a /48 of fd00::/8 in /64s (RFC 4193), its global id the first 40 bits of `hash`,
 * hexadecimal digits derived from the daemon's id.
 */
export function ulaPool(hash: string): AddressPool {
  const value = (0xfdn << 120n) | (BigInt(`0x${hash.slice(0, 10)}`) << 80n);
  return { base: { address: { family: 'ipv6', value }, length: 48 }, size: 64 };
}

/**
 * Whether a route stands for "everything": VPNs cover the default route by two halves (IPv6 also by 2000::/3)
 * without meaning that every subnet is in use.
 */
export function isDefaultLike(prefix: Prefix): boolean {
  return prefix.length <= (prefix.address.family === 'ipv4' ? 1 : 3);
}

/** Whether a network with that prefix would take addresses from what a route leads to. */
export function collides(prefix: Prefix, route: Prefix): boolean {
  return !isDefaultLike(route) && overlaps(prefix, route);
}

interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

function spanOf(prefix: Prefix): Span {
  return { first: networkOf(prefix).address.value, last: lastAddress(prefix).value };
}

function alignUp(value: bigint, step: bigint): bigint {
  return ((value + step - 1n) / step) * step;
}

/** The lowest piece of `base` that touches none of the spans, which are sorted by their first address. */
function lowestFree(base: Prefix, length: number, taken: readonly Span[]): Prefix | undefined {
  const { family } = base.address;
  const step = 1n << BigInt(bitsOf(family) - length);
  const { first, last } = spanOf(base);
  let value = first;
  for (const span of taken) {
    if (span.first > value + step - 1n) break;
    if (span.last >= value) value = alignUp(span.last + 1n, step);
  }
  return value + step - 1n <= last ? { address: { family, value }, length } : undefined;
}

/**
 * The lowest free subnet of the first pool that has one, `/length` long or, when undefined, as long as the
 * pool says. Throws invalidArgument with Docker's words when there is none.
 */
export function choosePool(
  pools: readonly AddressPool[],
  length: number | undefined,
  taken: readonly Prefix[],
): Prefix {
  const spans = taken
    .filter((prefix) => !isDefaultLike(prefix))
    .map((prefix) => ({ family: prefix.address.family, ...spanOf(prefix) }))
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  for (const { base, size } of pools) {
    const wanted = length ?? size;
    if (wanted < base.length || wanted > bitsOf(base.address.family)) continue;
    const ofFamily = spans.filter(({ family }) => family === base.address.family);
    const free = lowestFree(base, wanted, ofFamily);
    if (free !== undefined) return free;
  }
  throw new VethdError('invalidArgument', 'all predefined address pools have been fully subnetted');
}
