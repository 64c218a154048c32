/**
 * DNS messages (RFC 1035, RFC 6891): a query's bytes checked and read, an answer's bytes written. dns-packet
 * reads; writing is done here, because dns-packet neither compresses names (16 bytes an address instead of
 * 14 and the name, so that 28 instead of 13 fit a UDP answer) nor keeps the question's bytes as they came
 * (clients that mix upper and lower case against forgery compare them).
 */
import { decode } from 'dns-packet';
import { type Address, addressToBytes } from '../model/address.ts';

/** RFC 1035 §4.1.1, RFC 6891 §9. */
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 };

const QR = 0x8000;
const TC = 0x0200;
const RD = 0x0100;
const RA = 0x0080;
const CD = 0x0010;
const HEADER_BYTES = 12;
const OPT_BYTES = 11;
const DNSSEC_OK = 0x8000;
/** No client sends more than OPT, TSIG and SIG(0); a header may claim 65,535 records of each section. */
const MAX_RECORDS = 8;
/** Without EDNS a UDP answer has at most 512 bytes (RFC 1035 §4.2.1). */
const PLAIN_UDP_BYTES = 512;
/** What we say that we take ourselves: an unfragmented datagram on any link (DNS flag day 2020). */
const OWN_UDP_BYTES = 1232;
/** The greatest payload of a UDP datagram over IPv4. */
const MAX_UDP_BYTES = 65_507;
const MAX_TCP_BYTES = 65_535;
/**
 * Not to be kept by anybody: a member's address is free as soon as it disconnects. Docker says 600, so that
 * caching clients talk to whoever has the address next; dnsmasq says 0 for what it knows itself.
 */
const TTL_SECONDS = 0;

/** How a message came: it limits the answer's length. */
export type Transport = 'udp' | 'tcp';

/** A query with one question. */
export interface Query {
  readonly id: number;
  /** As it came, without a trailing dot; `.` for the root. */
  readonly name: string;
  /** `A`, `AAAA` …; `UNKNOWN_n` for those without a name in dns-packet. */
  readonly type: string;
  readonly recordClass: string;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** The question section as it came. */
  readonly question: Uint8Array;
  readonly edns:
    | { readonly payloadBytes: number; readonly version: number; readonly dnssecOk: boolean }
    | undefined;
}

/** What became of a packet: a query, an error to be sent back, or nothing that deserves an answer. */
export type DecodedQuery =
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'error'; readonly bytes: Uint8Array }
  | { readonly kind: 'ignore' };

/** An answer record; its owner is the name of the question. */
export type AnswerRecord =
  | { readonly type: 'address'; readonly address: Address }
  /** `target` must pass `isEncodableName`. */
  | { readonly type: 'ptr'; readonly target: string };

/** Where the question section ends, if it holds one uncompressed name; else undefined. */
function questionEnd(bytes: Uint8Array): number | undefined {
  let offset = HEADER_BYTES;
  for (;;) {
    const length = bytes[offset];
    if (length === undefined || length > 63) return undefined;
    offset += 1 + length;
    if (length === 0) break;
  }
  const end = offset + 4;
  return end <= bytes.length && end - HEADER_BYTES - 4 <= 255 ? end : undefined;
}

/** A header alone, in answer to something that cannot be read; its flags but RD are ours. */
function encodeError(bytes: Buffer, rcode: number): Uint8Array {
  const answer = Buffer.alloc(HEADER_BYTES);
  answer.writeUInt16BE(bytes.readUInt16BE(0), 0);
  answer.writeUInt16BE(QR | (bytes.readUInt16BE(2) & (0x7800 | RD)) | RA | rcode, 2);
  return answer;
}

function decodeEdns(packet: ReturnType<typeof decode>): Query['edns'] | 'malformed' {
  const options = (packet.additionals ?? []).filter((record) => record.type === 'OPT');
  const [opt] = options;
  if (opt === undefined) return undefined;
  if (options.length > 1 || opt.name !== '.') return 'malformed';
  return { payloadBytes: opt.udpPayloadSize, version: opt.ednsVersion, dnssecOk: opt.flag_do };
}

function decodeStandardQuery(bytes: Buffer, flags: number): Query | undefined {
  const end = questionEnd(bytes);
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  if (bytes.readUInt16BE(4) !== 1 || records > MAX_RECORDS || end === undefined) return undefined;
  const packet = decode(bytes);
  const question = packet.questions?.[0];
  const edns = decodeEdns(packet);
  if (question === undefined || edns === 'malformed') return undefined;
  return {
    id: bytes.readUInt16BE(0),
    name: question.name,
    type: question.type,
    recordClass: question.class ?? 'IN',
    recursionDesired: (flags & RD) !== 0,
    checkingDisabled: (flags & CD) !== 0,
    question: bytes.subarray(HEADER_BYTES, end),
    edns,
  };
}

/**
 * Reads a query. A response and what is shorter than a header are ignored (an answer could be made to loop);
 * another opcode than QUERY gives NOTIMP, anything else that cannot be read FORMERR. Never throws.
 */
export function decodeQuery(packet: Uint8Array): DecodedQuery {
  if (packet.length < HEADER_BYTES) return { kind: 'ignore' };
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  const flags = bytes.readUInt16BE(2);
  if ((flags & QR) !== 0) return { kind: 'ignore' };
  if ((flags & 0x7800) !== 0) return { kind: 'error', bytes: encodeError(bytes, RCODE.NOTIMP) };
  let query: Query | undefined;
  try {
    query = decodeStandardQuery(bytes, flags);
  } catch {
    query = undefined;
  }
  if (query === undefined) return { kind: 'error', bytes: encodeError(bytes, RCODE.FORMERR) };
  return { kind: 'query', query };
}

/** The length that an answer to the query may have. */
export function answerLimit(query: Query, transport: Transport): number {
  if (transport === 'tcp') return MAX_TCP_BYTES;
  return Math.min(Math.max(query.edns?.payloadBytes ?? 0, PLAIN_UDP_BYTES), MAX_UDP_BYTES);
}

/** Whether the text can be written as a domain name: labels of 1 to 63 ASCII bytes, 255 in all. */
export function isEncodableName(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => /^[\x21-\x7e]{1,63}$/.test(label));
}

function encodeName(name: string): Uint8Array {
  const parts = name
    .split('.')
    .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  return Buffer.concat([...parts, Buffer.of(0)]);
}

/** A record whose owner is a pointer to the question (RFC 1035 §4.1.4). */
function encodeRecord(record: AnswerRecord): Uint8Array {
  const data = record.type === 'ptr' ? encodeName(record.target) : addressToBytes(record.address);
  const type = record.type === 'ptr' ? 12 : record.address.family === 'ipv4' ? 1 : 28;
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(TTL_SECONDS, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function encodeOpt(rcode: number, dnssecOk: boolean): Uint8Array {
  const opt = Buffer.alloc(OPT_BYTES);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(OWN_UDP_BYTES, 3);
  opt.writeUInt8(rcode >> 4, 5);
  opt.writeUInt16BE(dnssecOk ? DNSSEC_OK : 0, 7);
  return opt;
}

/**
 * Writes the answer to a query: its question as it came, recursion available, not authoritative (as Docker's
 * resolver), OPT when the query had one. Records that do not fit the limit are left out and TC is set.
 */
export function encodeAnswer(
  query: Query,
  rcode: number,
  records: readonly AnswerRecord[],
  transport: Transport,
): Uint8Array {
  const opt = query.edns === undefined ? undefined : encodeOpt(rcode, query.edns.dnssecOk);
  let left = answerLimit(query, transport) - HEADER_BYTES - query.question.length - (opt?.length ?? 0);
  const written: Uint8Array[] = [];
  for (const record of records) {
    const bytes = encodeRecord(record);
    left -= bytes.length;
    if (left < 0) break;
    written.push(bytes);
  }
  const head = Buffer.alloc(HEADER_BYTES);
  const truncated = written.length < records.length ? TC : 0;
  const asked = (query.recursionDesired ? RD : 0) | (query.checkingDisabled ? CD : 0);
  head.writeUInt16BE(query.id, 0);
  head.writeUInt16BE(QR | RA | truncated | asked | (rcode & 0xf), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(written.length, 6);
  head.writeUInt16BE(opt === undefined ? 0 : 1, 10);
  return Buffer.concat([head, query.question, ...written, ...(opt === undefined ? [] : [opt])]);
}

/** Whether `reply` answers `query` as sent under `id`: the same id and, byte by byte, the same question. */
export function isReplyTo(reply: Uint8Array, query: Query, id: number): boolean {
  const end = HEADER_BYTES + query.question.length;
  if (reply.length < end) return false;
  const bytes = Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength);
  if (bytes.readUInt16BE(0) !== id || (bytes.readUInt16BE(2) & QR) === 0 || bytes.readUInt16BE(4) !== 1)
    return false;
  return bytes.subarray(HEADER_BYTES, end).equals(query.question);
}

/** The response code in a reply's header (EDNS's upper bits are left out). */
export function rcodeOf(reply: Uint8Array): number {
  return (reply[3] ?? RCODE.SERVFAIL) & 0xf;
}

/** A copy of the message under another id. */
export function withId(message: Uint8Array, id: number): Uint8Array {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** An upstream's reply cut to what the client takes: all of it, or header and question with TC. */
export function fitReply(reply: Uint8Array, query: Query, transport: Transport): Uint8Array {
  if (reply.length <= answerLimit(query, transport)) return reply;
  const cut = Buffer.from(reply.subarray(0, HEADER_BYTES + query.question.length));
  cut.writeUInt16BE(cut.readUInt16BE(2) | TC, 2);
  cut.fill(0, 6, HEADER_BYTES);
  return cut;
}
