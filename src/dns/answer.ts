/**
 * What the resolver says to a packet: bytes to send back, a query to be passed on, or nothing. Pure; the
 * sockets are in server.ts.
 */
import { type Address, addressFromBytes, tryParseAddress } from '../model/address.ts';
import {
  type AnswerRecord,
  decodeQuery,
  encodeAnswer,
  isEncodableName,
  type Query,
  RCODE,
  type Transport,
} from './message.ts';
import type { Zone } from './zone.ts';

/** What to do with a packet. */
export type Verdict =
  | { readonly kind: 'reply'; readonly bytes: Uint8Array }
  | { readonly kind: 'forward'; readonly query: Query }
  | { readonly kind: 'ignore' };

/** The address in a name below in-addr.arpa or ip6.arpa (RFC 1035 §3.5, RFC 3596 §2.5), if it is a whole one. */
export function addressOfReverseName(name: string): Address | undefined {
  const labels = name.toLowerCase().split('.');
  const domain = labels.splice(-2).join('.');
  if (domain === 'in-addr.arpa' && labels.length === 4) return tryParseAddress(labels.reverse().join('.'));
  if (domain !== 'ip6.arpa' || labels.length !== 32) return undefined;
  const digits = labels.reverse().join('');
  return /^[0-9a-f]{32}$/.test(digits) ? addressFromBytes(Buffer.from(digits, 'hex')) : undefined;
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function toRecords(addresses: readonly Address[] | undefined, rotation: number): AnswerRecord[] {
  return rotated(addresses ?? [], rotation).map((address) => ({ type: 'address', address }));
}

function resolveReverse(name: string, zone: Zone): AnswerRecord[] | undefined {
  const address = addressOfReverseName(name);
  const target = address === undefined ? undefined : zone.reverse(address);
  if (target === undefined) return undefined;
  return isEncodableName(target) ? [{ type: 'ptr', target }] : [];
}

/**
 * The records of a question that the zone can answer; none where it knows the name but nothing of that type
 * (Docker passes such types on; then an upstream denies the name itself, and clients that ask for HTTPS or
 * SRV beside A give it up). undefined: not ours.
 */
function recordsFor(query: Query, zone: Zone, rotation: number): AnswerRecord[] | undefined {
  const { name, type } = query;
  if (query.recordClass !== 'IN' && query.recordClass !== 'ANY') return undefined;
  if (type === 'PTR') return resolveReverse(name, zone);
  const ipv4 = zone.resolve(name, 'ipv4');
  if (ipv4 === undefined) return undefined;
  if (type === 'A') return toRecords(ipv4, rotation);
  if (type === 'AAAA') return toRecords(zone.resolve(name, 'ipv6'), rotation);
  if (type !== 'ANY') return [];
  return [...toRecords(ipv4, rotation), ...toRecords(zone.resolve(name, 'ipv6'), rotation)];
}

/**
 * The verdict on a packet. `rotation` counts up from question to question: several addresses come in another
 * order each time. Never throws for what is in the packet.
 */
export function answer(packet: Uint8Array, zone: Zone, transport: Transport, rotation: number): Verdict {
  const decoded = decodeQuery(packet);
  if (decoded.kind === 'ignore') return decoded;
  if (decoded.kind === 'error') return { kind: 'reply', bytes: decoded.bytes };
  const { query } = decoded;
  if ((query.edns?.version ?? 0) > 0) return reply(query, RCODE.BADVERS, [], transport);
  const records = recordsFor(query, zone, rotation);
  if (records !== undefined) return reply(query, RCODE.NOERROR, records, transport);
  // Docker asks from inside the namespace, which has no way out, and so comes to the same code.
  return zone.forwards ? { kind: 'forward', query } : reply(query, RCODE.SERVFAIL, [], transport);
}

function reply(query: Query, rcode: number, records: readonly AnswerRecord[], transport: Transport): Verdict {
  return { kind: 'reply', bytes: encodeAnswer(query, rcode, records, transport) };
}
