/**
 * A netlink socket: requests out, several in one send, answers in, by number. A socket belongs for life to the
 * namespace that its thread was in when it was opened. Everything here is synchronous: rtnetlink does its work
 * inside send(2), so that the answers are already waiting when that returns.
 */
import { closeSync } from 'node:fs';
import { VethdError } from '../errors.ts';
import { decodeAck, decodeDone, type Refusal } from './codec/ack.ts';
import {
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
} from './codec/message.ts';
import {
  bindSocket,
  getSocketOption,
  MSG_TRUNC,
  openSocket,
  receive,
  SystemError,
  send,
  setSocketOption,
} from './libc.ts';

/** linux/netlink.h: NETLINK_ROUTE, links, addresses, routes, neighbours. */
export const NETLINK_ROUTE = 0;
/** linux/netlink.h: NETLINK_NETFILTER, nftables among others. */
export const NETLINK_NETFILTER = 12;

/** linux/socket.h, bits/socket_type.h. */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
/** asm-generic/socket.h. */
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const SO_NETNS_COOKIE = 71;
/** linux/socket.h. */
const SOL_NETLINK = 270;
/** linux/netlink.h: socket options. */
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_LISTEN_ALL_NSID = 8;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/**
 * Room for answers: a send's acknowledgements all wait here before the first is read, and each is charged with
 * about a KiB. It is a limit, not memory in use.
 */
const RECEIVE_BUFFER_BYTES = 4 << 20;
/** No answer of the kernel is larger: dumps come in parts of at most 32 KiB. */
const DATAGRAM_BYTES = 64 << 10;
/** The largest send: the default of net.core.wmem_default is 208 KiB. */
const SEND_BYTES = 64 << 10;
/** The most requests in a send, so that their answers (an echoed link has 2 KiB) fit RECEIVE_BUFFER_BYTES. */
const SEND_REQUESTS = 256;
/** How often an interrupted dump is repeated. */
const DUMP_ATTEMPTS = 10;
/** Seconds until an answer that does not come is given up. */
const TIMEOUT_SECONDS = 10;

/** linux/netlink.h: struct sockaddr_nl (family, pad, port, groups); port 0: the kernel chooses one. */
const ANY_ADDRESS = Uint8Array.of(AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** Shared by all sockets of the thread: what was received is decoded before the next is. */
const datagram = Buffer.alloc(DATAGRAM_BYTES);

/** Told of every message that answers a request but for acknowledgements, with the request's place. */
export type OnAnswer = (index: number, message: NetlinkMessage) => void;

interface Numbered {
  readonly index: number;
  readonly bytes: Buffer;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function timeval(seconds: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(BigInt(seconds));
  return bytes;
}

const ON = int32(1);
const RECEIVE_BUFFER = int32(RECEIVE_BUFFER_BYTES);
const TIMEOUT = timeval(TIMEOUT_SECONDS);

/** linux/netlink.h: struct nlmsghdr (length, type, flags …). */
function leaveOutAck(message: Buffer): void {
  message.writeUInt16LE(message.readUInt16LE(6) & ~NLM_F_ACK, 6);
}

function errnoOf(error: unknown): string {
  return error instanceof SystemError ? (error.errno ?? '') : '';
}

/** One netlink socket in one namespace. Close it: it keeps its namespace alive. */
export class NetlinkSocket {
  readonly fd: number;
  #sequence = 1;

  /** Opens a socket in the namespace that the calling thread is in. Throws unavailable. */
  constructor(protocol: number = NETLINK_ROUTE) {
    this.fd = openSocket(AF_NETLINK, SOCK_RAW, protocol);
    try {
      this.#set(SOL_NETLINK, NETLINK_EXT_ACK, ON);
      this.#set(SOL_NETLINK, NETLINK_CAP_ACK, ON);
      this.#set(SOL_NETLINK, NETLINK_GET_STRICT_CHK, ON);
      this.#set(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
      this.#set(SOL_SOCKET, SO_RCVTIMEO, TIMEOUT);
      // Without an address of its own a socket hears nothing: the kernel takes it for the sender.
      bindSocket(this.fd, ANY_ADDRESS);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #set(level: number, option: number, value: Buffer): void {
    setSocketOption(this.fd, level, option, value);
  }

  /** Joins a multicast group of the family. */
  join(group: number): void {
    this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, int32(group));
  }

  /** Hears what is told in every namespace that has a number (nsid) in this one, too. */
  listenAllNsid(): void {
    this.#set(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, ON);
  }

  /** The number of the socket's namespace, which no other gets until the next boot; undefined before Linux 5.14. */
  netnsCookie(): bigint | undefined {
    const cookie = Buffer.alloc(8);
    try {
      getSocketOption(this.fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie);
    } catch (error) {
      if (errnoOf(error) === 'ENOPROTOOPT') return undefined;
      throw error;
    }
    return cookie.readBigUInt64LE();
  }

  /** Closes the descriptor. */
  close(): void {
    closeSync(this.fd);
  }

  #receive(): NetlinkMessage[] {
    for (;;) {
      try {
        const bytes = receive(this.fd, datagram, MSG_TRUNC);
        if (bytes > datagram.length) throw new Error(`a netlink datagram of ${bytes} bytes`);
        return decodeMessages(datagram.subarray(0, bytes));
      } catch (error) {
        if (errnoOf(error) !== 'EINTR') throw error;
      }
    }
  }

  /**
   * Sends the requests, many in one send, and gives the kernel's verdict on each, in order: undefined for
   * "done". Every request must carry NLM_F_ACK, which is left out of all but the last of a send: the kernel answers
   * in order and tells of an error unasked, so that one acknowledgement says what six do, for a system call in place
   * of six. It goes on after a refusal. When answers got lost or do not come, what they would have told of is refused
   * with the errno of that.
   */
  transact(requests: readonly NetlinkRequest[], onAnswer?: OnAnswer): (Refusal | undefined)[] {
    const verdicts = new Array<Refusal | undefined>(requests.length).fill(undefined);
    const first = this.#sequence;
    this.#sequence += requests.length;
    let batch: Numbered[] = [];
    let bytes = 0;
    for (const [index, request] of requests.entries()) {
      const message = encodeMessage(request, first + index);
      if (batch.length === SEND_REQUESTS || bytes + message.length > SEND_BYTES) {
        this.#exchange(batch, first, verdicts, onAnswer);
        batch = [];
        bytes = 0;
      }
      batch.push({ index, bytes: message });
      bytes += message.length;
    }
    if (batch.length > 0) this.#exchange(batch, first, verdicts, onAnswer);
    return verdicts;
  }

  #exchange(
    batch: readonly Numbered[],
    first: number,
    verdicts: (Refusal | undefined)[],
    onAnswer: OnAnswer | undefined,
  ): void {
    for (const { bytes } of batch.slice(0, -1)) leaveOutAck(bytes);
    // Answers come in order: what is before this place is done, or has been refused.
    let next = batch[0]?.index ?? 0;
    const end = next + batch.length;
    try {
      send(this.fd, Buffer.concat(batch.map(({ bytes }) => bytes)));
      while (next < end) {
        for (const message of this.#receive()) {
          const index = message.sequence - first;
          if (index < next || index >= end) continue;
          if (message.type === NLMSG_ERROR) {
            verdicts[index] = decodeAck(message);
            next = index + 1;
          } else if (message.type >= NLMSG_MIN_TYPE) {
            next = index;
            onAnswer?.(index, message);
          }
        }
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const refusal = { errno: error.errno ?? 'EUNKNOWN', reason: error.message };
      verdicts.fill(refusal, next, end);
    }
  }

  /** Sends one request; throws its refusal as a VethdError unavailable. */
  request(what: string, request: NetlinkRequest, onAnswer?: OnAnswer): void {
    const [refusal] = this.transact([request], onAnswer);
    if (refusal !== undefined) throw refusedError(what, refusal);
  }

  /**
   * Asks for a dump and gives what `decode` makes of its messages, without what it makes undefined. Repeated
   * when the table changed meanwhile; the tenth time taken as it is, because every change that disturbs it is
   * also told as an event, which causes another look. Throws unavailable.
   */
  dump<Entry>(
    what: string,
    request: NetlinkRequest,
    decode: (message: NetlinkMessage) => Entry | undefined,
  ): Entry[] {
    for (let attempt = 1; ; attempt++) {
      const entries: Entry[] = [];
      const whole = this.#dumpOnce(what, request, (message) => {
        const entry = decode(message);
        if (entry !== undefined) entries.push(entry);
      });
      if (whole || attempt === DUMP_ATTEMPTS) return entries;
    }
  }

  /** False when it was disturbed. */
  #dumpOnce(what: string, request: NetlinkRequest, onEntry: (message: NetlinkMessage) => void): boolean {
    const sequence = this.#sequence++;
    send(this.fd, encodeMessage(request, sequence));
    let whole = true;
    for (;;) {
      for (const message of this.#receivePart()) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) whole = false;
        if (message.type >= NLMSG_MIN_TYPE) onEntry(message);
        else if (endOfDump(what, message)) return whole;
      }
    }
  }

  #receivePart(): NetlinkMessage[] {
    try {
      return this.#receive();
    } catch (error) {
      // What was dropped to make ENOBUFS can only be an answer to an earlier request that was given up.
      if (errnoOf(error) === 'ENOBUFS') return [];
      throw error;
    }
  }
}

function refusedError(what: string, { errno, reason }: Refusal): VethdError {
  return new VethdError('unavailable', `${what}: ${reason}`, { errno });
}

/** A table that was never made (a fresh namespace has no main table) is an empty one. */
function endOfDump(what: string, message: NetlinkMessage): boolean {
  if (message.type !== NLMSG_DONE && message.type !== NLMSG_ERROR) return false;
  const refusal = message.type === NLMSG_DONE ? decodeDone(message) : decodeAck(message);
  if (refusal !== undefined && refusal.errno !== 'ENOENT') throw refusedError(what, refusal);
  return true;
}

/** An error of this room for a refusal; `refusalOfError` gives it back. */
export function errorOfRefusal({ errno, reason }: Refusal): VethdError {
  return new VethdError('unavailable', reason, { errno });
}

/** The refusal that an error thrown by this room amounts to. Throws on what is not a VethdError. */
export function refusalOfError(error: unknown): Refusal {
  if (!(error instanceof VethdError)) throw error;
  return { errno: error.errno ?? 'EUNKNOWN', reason: error.message };
}
