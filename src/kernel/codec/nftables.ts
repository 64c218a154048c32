/**
 * nf_tables messages: batches of set elements, the generation, and what an event is about. Elements arrive as
 * nft texts and are encoded by the declaration of their set (model/nft-sets.ts). linux/netfilter/nf_tables.h.
 */
import { addressToBytes, macToBytes, parseAddress } from '../../model/address.ts';
import {
  type ElementChange,
  NFT_SETS,
  NFT_TABLE,
  type NftField,
  type NftSet,
  type NftSetName,
} from '../../model/nft-sets.ts';
import {
  type BodyWriter,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
  NLM_F_CREATE,
} from './message.ts';
import {
  batchOf,
  be16,
  be32,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO,
  nfgenBody,
  readNfgen,
  subsystemOf,
} from './nfnetlink.ts';

/** Multicast group of nf_tables events. linux/netfilter/nfnetlink.h: NFNLGRP_NFTABLES. */
export const NFNLGRP_NFTABLES = 7;

const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_DELSETELEM = 14;
const NFT_MSG_NEWGEN = 15;
const NFT_MSG_GETGEN = 16;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_SET_ELEM_KEY_END = 10;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;
const NFTA_TABLE = 1;
const NFTA_GEN_ID = 1;

const IFNAMSIZ = 16;
// linux/netfilter.h: NF_DROP, NF_ACCEPT; linux/netfilter/nf_tables.h: enum nft_verdicts.
const VERDICTS: Readonly<Record<string, number>> = { drop: 0, accept: 1, jump: -3, goto: -4 };
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };
const FAMILIES: Readonly<Record<string, number>> = NFPROTO;

// A nested attribute's length is 16 bits, and an element takes less than 200 bytes.
const ELEMENTS_PER_MESSAGE = 300;

function numberOf(table: Readonly<Record<string, number>>, word: string): number {
  const value = table[word];
  if (value === undefined) throw new Error(`no number for ${word}`);
  return value;
}

function portBytes(text: string): Uint8Array {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65535) throw new Error(`not a port: ${text}`);
  return be16(port);
}

function ifnameBytes(text: string): Uint8Array {
  const name = /^"([^"]{1,15})"$/.exec(text)?.[1];
  if (name === undefined) throw new Error(`not a quoted interface name: ${text}`);
  const bytes = new Uint8Array(IFNAMSIZ);
  bytes.set(Buffer.from(name));
  return bytes;
}

function addressBytes(text: string): Uint8Array {
  return addressToBytes(parseAddress(text));
}

const FIELD_BYTES: Record<NftField, (text: string) => Uint8Array> = {
  ifname: ifnameBytes,
  ether_addr: macToBytes,
  ipv4_addr: addressBytes,
  ipv6_addr: addressBytes,
  nd_target: (text) => Buffer.from(text.slice(2), 'hex'),
  nf_proto: (text) => Uint8Array.of(numberOf(FAMILIES, text)),
  inet_proto: (text) => Uint8Array.of(numberOf(PROTOCOLS, text)),
  inet_service: portBytes,
};

/** Bytes of fields that occurred in the message, but for ports: a member's address is in each of its ports. */
type KnownFields = Map<string, Uint8Array>;

function fieldBytes(field: NftField, text: string, known: KnownFields): Uint8Array {
  if (field === 'inet_service') return portBytes(text);
  const name = `${field} ${text}`;
  const found = known.get(name);
  if (found !== undefined) return found;
  const bytes = FIELD_BYTES[field](text);
  known.set(name, bytes);
  return bytes;
}

// Each field of a concatenation begins at a register of four bytes; a lone field is not padded.
function fieldsBytes(fields: readonly NftField[], texts: readonly string[], known: KnownFields): Uint8Array {
  if (fields.length !== texts.length) throw new Error(`${texts.join(' . ')}: want ${fields.join(' . ')}`);
  const parts = fields.map((field, index) => fieldBytes(field, texts[index] ?? '', known));
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + ((part.length + 3) & ~3), 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += (part.length + 3) & ~3;
  }
  return bytes;
}

function writeValue(writer: BodyWriter, type: number, value: Uint8Array): void {
  writer.nest(type, (nested) => nested.attribute(NFTA_DATA_VALUE, value));
}

function writeKey(writer: BodyWriter, set: NftSet, text: string, known: KnownFields): void {
  const texts = text.split(' . ');
  if (!set.interval) {
    writeValue(writer, NFTA_SET_ELEM_KEY, fieldsBytes(set.key, texts, known));
    return;
  }
  const ends = texts.map((field) => field.split('-'));
  const first = ends.map(([low = '']) => low);
  const last = ends.map(([low = '', high = low]) => high);
  writeValue(writer, NFTA_SET_ELEM_KEY, fieldsBytes(set.key, first, known));
  writeValue(writer, NFTA_SET_ELEM_KEY_END, fieldsBytes(set.key, last, known));
}

function writeVerdict(writer: BodyWriter, text: string): void {
  const [word = '', chain] = text.split(' ');
  writer.nest(NFTA_SET_ELEM_DATA, (data) =>
    data.nest(NFTA_DATA_VERDICT, (verdict) => {
      verdict.attribute(NFTA_VERDICT_CODE, be32(numberOf(VERDICTS, word)));
      if (chain !== undefined) verdict.textAttribute(NFTA_VERDICT_CHAIN, chain);
    }),
  );
}

function writeData(writer: BodyWriter, set: NftSet, text: string, known: KnownFields): void {
  if (set.value === undefined) return;
  if (set.value === 'verdict') writeVerdict(writer, text);
  else writeValue(writer, NFTA_SET_ELEM_DATA, fieldsBytes(set.value, text.split(' . '), known));
}

// A removal names the key alone: that is what a key's value is found by.
function writeElement(
  writer: BodyWriter,
  set: NftSet,
  text: string,
  { add, known }: { readonly add: boolean; readonly known: KnownFields },
): void {
  const [key = '', data = ''] = text.split(' : ');
  writer.nest(NFTA_LIST_ELEM, (element) => {
    writeKey(element, set, key, known);
    if (add) writeData(element, set, data, known);
  });
}

function elementsRequest(name: NftSetName, add: boolean, elements: readonly string[]): NetlinkRequest {
  const set = NFT_SETS[name];
  const known: KnownFields = new Map();
  const writer = nfgenBody(NFPROTO[set.table])
    .textAttribute(NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE)
    .textAttribute(NFTA_SET_ELEM_LIST_SET, name)
    .nest(NFTA_SET_ELEM_LIST_ELEMENTS, (list) => {
      for (const element of elements) writeElement(list, set, element, { add, known });
    });
  const message = add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM;
  const flags = add ? NLM_F_ACK | NLM_F_CREATE : NLM_F_ACK;
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | message, flags, body: writer.finish() };
}

function chunked(name: NftSetName, add: boolean, elements: readonly string[]): NetlinkRequest[] {
  const requests: NetlinkRequest[] = [];
  for (let at = 0; at < elements.length; at += ELEMENTS_PER_MESSAGE) {
    requests.push(elementsRequest(name, add, elements.slice(at, at + ELEMENTS_PER_MESSAGE)));
  }
  return requests;
}

/**
 * All changes as one batch, removals first, so that a key may change its value. Only the last request asks for an
 * answer: the kernel tells of a refusal unasked, and answers in order. Throws a plain Error for an element that does
 * not fit its set.
 */
export function encodeElementBatch(changes: readonly ElementChange[]): NetlinkRequest[] {
  const requests = [
    ...changes.flatMap((change) => chunked(change.set, false, change.remove)),
    ...changes.flatMap((change) => chunked(change.set, true, change.add)),
  ];
  return batchOf(
    requests.map((request, index) =>
      index === requests.length - 1 ? request : { ...request, flags: request.flags & ~NLM_F_ACK },
    ),
  );
}

/** Asks for the generation; the answer reads as an event. */
export function encodeGetGeneration(): NetlinkRequest {
  const body = nfgenBody(NFPROTO.unspecified).finish();
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, flags: NLM_F_ACK, body };
}

/** What an nf_tables message, asked for or not, is about. */
export type NftablesEvent =
  /** A transaction ended: the ruleset's new generation and the netlink port of the socket that made it. */
  | { readonly kind: 'generation'; readonly id: number; readonly port: number }
  /** Something in a table of that name came, went or changed. */
  | { readonly kind: 'table'; readonly family: 'inet' | 'bridge' | 'other'; readonly table: string };

function familyName(family: number): 'inet' | 'bridge' | 'other' {
  if (family === NFPROTO.inet) return 'inet';
  return family === NFPROTO.bridge ? 'bridge' : 'other';
}

function decodeGeneration(message: NetlinkMessage): NftablesEvent {
  const { attributes } = readNfgen(message);
  let id = 0;
  while (attributes.next()) {
    if (attributes.type === NFTA_GEN_ID) id = attributes.value().readUInt32BE();
  }
  return { kind: 'generation', id, port: message.port };
}

// The table's name is attribute 1 of every kind of object: table, chain, rule, set, element, stateful object.
function decodeTable(message: NetlinkMessage): NftablesEvent {
  const { family, attributes } = readNfgen(message);
  let table = '';
  while (attributes.next()) if (attributes.type === NFTA_TABLE) table = attributes.text();
  return { kind: 'table', family: familyName(family), table };
}

/** Reads an nf_tables message; undefined for those of other subsystems. */
export function decodeNftablesEvent(message: NetlinkMessage): NftablesEvent | undefined {
  if (subsystemOf(message) !== NFNL_SUBSYS_NFTABLES) return undefined;
  return (message.type & 255) === NFT_MSG_NEWGEN ? decodeGeneration(message) : decodeTable(message);
}

/** Whether the event is about one of vethd's two tables. */
export function concernsOurTables(event: NftablesEvent): boolean {
  return event.kind === 'table' && event.family !== 'other' && event.table === NFT_TABLE;
}
