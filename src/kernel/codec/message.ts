/**
 * The frame of netlink: headers, attributes, several messages in one datagram. Pure bytes. Netlink speaks in
 * the machine's own byte order; this codec writes little-endian, which `openKernel` checks. Everything read
 * is bounds-checked: a length that leads outside throws a plain Error, because the kernel never sends one.
 */

/** linux/netlink.h: NLMSG_ERROR, an acknowledgement or a refusal. */
export const NLMSG_ERROR = 2;
/** linux/netlink.h: NLMSG_DONE, the end of a dump. */
export const NLMSG_DONE = 3;
/** linux/netlink.h: first type that belongs to a family and not to netlink itself. */
export const NLMSG_MIN_TYPE = 16;

/** linux/netlink.h: it is a request. */
export const NLM_F_REQUEST = 0x1;
/** linux/netlink.h: answer with an acknowledgement. */
export const NLM_F_ACK = 0x4;
/** linux/netlink.h: tell the requester what everybody else is told of the change. */
export const NLM_F_ECHO = 0x8;
/** linux/netlink.h: the table changed while it was dumped; some entries may be missing. */
export const NLM_F_DUMP_INTR = 0x10;
/** linux/netlink.h: NLM_F_ROOT | NLM_F_MATCH, all entries. */
export const NLM_F_DUMP = 0x300;
/** linux/netlink.h: replace what is there. */
export const NLM_F_REPLACE = 0x100;
/** linux/netlink.h: fail if it is there. */
export const NLM_F_EXCL = 0x200;
/** linux/netlink.h: of a deletion: of all that match. */
export const NLM_F_BULK = 0x200;
/** linux/netlink.h: make it if it is not there. */
export const NLM_F_CREATE = 0x400;

/** linux/netlink.h: NLA_F_NESTED | NLA_F_NET_BYTEORDER, flags in an attribute's type. */
const TYPE_FLAGS = 0xc000;
/** linux/netlink.h: struct nlmsghdr (length, type, flags, sequence, port). */
const HEADER_BYTES = 16;
/** linux/netlink.h: struct nlattr (length, type). */
const ATTRIBUTE_HEADER_BYTES = 4;

/** What is asked of the kernel, before the socket gives it a number. */
export interface NetlinkRequest {
  /** RTM_*. */
  readonly type: number;
  /** NLM_F_*, without NLM_F_REQUEST, which every request has. */
  readonly flags: number;
  /** The fixed struct of the type and its attributes. */
  readonly body: Uint8Array;
}

/** A message in a received datagram. `start` and `end` bound its body in `bytes`. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The netlink port of the socket that asked, also in what others are told; 0 for the kernel. */
  readonly port: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

function align(length: number): number {
  return (length + 3) & ~3;
}

/**
 * Room for what is about to be written, of Node's pool: a buffer of its own costs a microsecond, and a connect needs
 * sixty. It holds anything; only the last word, where a value may be padded, is empty.
 */
function roomFor(bytes: number): Buffer {
  const room = Buffer.allocUnsafe(align(bytes));
  room.writeUInt32LE(0, room.length - 4);
  return room;
}

/** The bytes of a request, its length a multiple of four. */
export function encodeMessage(request: NetlinkRequest, sequence: number): Buffer {
  const length = HEADER_BYTES + request.body.length;
  const bytes = roomFor(length);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(request.type, 4);
  bytes.writeUInt16LE(request.flags | NLM_F_REQUEST, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeUInt32LE(0, 12);
  bytes.set(request.body, HEADER_BYTES);
  return bytes;
}

function decodeMessage(bytes: Buffer, offset: number): NetlinkMessage {
  const left = bytes.length - offset;
  const length = left < HEADER_BYTES ? 0 : bytes.readUInt32LE(offset);
  if (length < HEADER_BYTES || length > left) {
    throw new Error(`a netlink message of ${length} bytes where ${left} are left`);
  }
  return {
    type: bytes.readUInt16LE(offset + 4),
    flags: bytes.readUInt16LE(offset + 6),
    sequence: bytes.readUInt32LE(offset + 8),
    port: bytes.readUInt32LE(offset + 12),
    bytes,
    start: offset + HEADER_BYTES,
    end: offset + length,
  };
}

/** The messages of a datagram, in order. Throws a plain Error where it is cut off. */
export function decodeMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset < datagram.length) {
    const message = decodeMessage(datagram, offset);
    messages.push(message);
    offset = Math.min(align(message.end), datagram.length);
  }
  return messages;
}

/** Where the attributes of a message begin, after a fixed struct of that size; throws if it is cut off. */
export function afterStruct(message: NetlinkMessage, bytes: number): number {
  if (message.end - message.start < bytes) {
    throw new Error(`a message of type ${message.type} with a body of ${message.end - message.start} bytes`);
  }
  return message.start + align(bytes);
}

/**
 * A cursor over attributes: `while (attributes.next()) switch (attributes.type) …`. One object for a whole
 * message, because a dump of a thousand links holds fifty thousand attributes.
 */
export class AttributeReader {
  /** The type of the current attribute, without its flags. */
  type = 0;
  readonly #bytes: Buffer;
  readonly #end: number;
  #next: number;
  #start = 0;
  #stop = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#next = start;
    this.#end = end;
  }

  /** Goes to the next attribute; false at the end. Throws where one is cut off. */
  next(): boolean {
    const left = this.#end - this.#next;
    if (left <= 0) return false;
    const length = left < ATTRIBUTE_HEADER_BYTES ? 0 : this.#bytes.readUInt16LE(this.#next);
    if (length < ATTRIBUTE_HEADER_BYTES || length > left) {
      throw new Error(`an attribute of ${length} bytes where ${left} are left`);
    }
    this.type = this.#bytes.readUInt16LE(this.#next + 2) & ~TYPE_FLAGS;
    this.#start = this.#next + ATTRIBUTE_HEADER_BYTES;
    this.#stop = this.#next + length;
    this.#next += align(length);
    return true;
  }

  #at(offset: number, bytes: number): number {
    if (this.#start + offset + bytes > this.#stop) {
      throw new Error(`attribute ${this.type} has ${this.#stop - this.#start} bytes, too few`);
    }
    return this.#start + offset;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#at(0, 1));
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#at(0, 2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#at(0, 4));
  }

  i32(): number {
    return this.#bytes.readInt32LE(this.#at(0, 4));
  }

  /** The 64-bit number at that byte offset; exact below 2^53. */
  u64(offset: number): number {
    const at = this.#at(offset, 8);
    return this.#bytes.readUInt32LE(at) + this.#bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
  }

  /** The text up to its terminating zero byte, if it has one. */
  text(): string {
    const zero = this.#bytes.indexOf(0, this.#start);
    const stop = zero < 0 || zero > this.#stop ? this.#stop : zero;
    return this.#bytes.toString('utf8', this.#start, stop);
  }

  /** The value's bytes. A view: copy what must outlive the datagram. */
  value(): Buffer {
    return this.#bytes.subarray(this.#start, this.#stop);
  }

  /** A cursor over the attributes inside this one. */
  nested(): AttributeReader {
    return new AttributeReader(this.#bytes, this.#start, this.#stop);
  }
}

/** Enough for all but long lists. */
const BODY_BYTES = 256;

/** Writes a fixed struct and attributes one after another. */
export class BodyWriter {
  #bytes = roomFor(BODY_BYTES);
  #length = 0;

  #reserve(bytes: number): number {
    const at = this.#length;
    if (at + bytes > this.#bytes.length) {
      const larger = roomFor(2 * (at + bytes));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    this.#length = at + bytes;
    return at;
  }

  /** The header of an attribute whose value has so many bytes; gives where that goes. Its padding is zeros. */
  #attribute(type: number, bytes: number): number {
    const length = ATTRIBUTE_HEADER_BYTES + bytes;
    const at = this.#reserve(align(length));
    this.#bytes.writeUInt32LE(0, at + align(length) - 4);
    this.#bytes.writeUInt16LE(length, at);
    this.#bytes.writeUInt16LE(type, at + 2);
    return at + ATTRIBUTE_HEADER_BYTES;
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  /** An attribute with these bytes as its value, padded to a multiple of four. */
  attribute(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  u8Attribute(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u32Attribute(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  /** A text with its terminating zero byte. */
  textAttribute(type: number, text: string): this {
    const bytes = Buffer.byteLength(text);
    const at = this.#attribute(type, bytes + 1);
    this.#bytes.write(text, at, bytes);
    this.#bytes.writeUInt8(0, at + bytes);
    return this;
  }

  /** An attribute that holds what `fill` writes. */
  nest(type: number, fill: (writer: this) => void): this {
    const at = this.#reserve(ATTRIBUTE_HEADER_BYTES);
    fill(this);
    this.#bytes.writeUInt16LE(this.#length - at, at);
    this.#bytes.writeUInt16LE(type, at + 2);
    return this;
  }

  /** What was written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
