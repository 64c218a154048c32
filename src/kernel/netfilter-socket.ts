/**
 * A netfilter socket (NETLINK_NETFILTER) of the namespace that the thread was in when it was opened. Batches go
 * in one send, whatever their size: nf_tables takes a batch as a whole only when it arrives as a whole.
 */
import { closeSync } from 'node:fs';
import { decodeAck, decodeDone, type Refusal } from './codec/ack.ts';
import {
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './codec/message.ts';
import { MSG_TRUNC, openSocket, receive, SystemError, send, setSocketOption } from './libc.ts';
import { NETLINK_NETFILTER } from './socket.ts';

/** linux/socket.h, bits/socket_type.h, asm-generic/socket.h, linux/netlink.h. */
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

/** A batch of 100,000 elements takes about 10 MiB. A limit, not memory in use. */
const BUFFER_BYTES = 32 << 20;
/** No answer is larger: dumps come in parts of at most 32 KiB. */
const DATAGRAM_BYTES = 64 << 10;
const TIMEOUT_SECONDS = 5n;

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function timeval(seconds: bigint): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(seconds);
  return bytes;
}

/** One netfilter socket. Close it: it keeps its namespace alive. */
export class NetfilterSocket {
  readonly #fd: number;
  readonly #datagram = Buffer.alloc(DATAGRAM_BYTES);
  #sequence = 1;
  #port = 0;

  /** The socket's own netlink port, by which the kernel names it to others; 0 before the first answer. */
  get port(): number {
    return this.#port;
  }

  /** Throws a SystemError. */
  constructor() {
    this.#fd = openSocket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    try {
      setSocketOption(this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, int32(1));
      setSocketOption(this.#fd, SOL_NETLINK, NETLINK_CAP_ACK, int32(1));
      setSocketOption(this.#fd, SOL_SOCKET, SO_SNDBUFFORCE, int32(BUFFER_BYTES));
      setSocketOption(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, int32(BUFFER_BYTES));
      setSocketOption(this.#fd, SOL_SOCKET, SO_RCVTIMEO, timeval(TIMEOUT_SECONDS));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #receive(): NetlinkMessage[] {
    for (;;) {
      try {
        const bytes = receive(this.#fd, this.#datagram, MSG_TRUNC);
        if (bytes > this.#datagram.length) throw new Error(`a netlink datagram of ${bytes} bytes`);
        return decodeMessages(this.#datagram.subarray(0, bytes));
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno !== 'EINTR') throw error;
      }
    }
  }

  /**
   * Sends the requests in one send and waits for the answers to those that carry NLM_F_ACK. Gives the first
   * refusal, undefined for "all done". Answers that are no acknowledgement go to `onAnswer`. A request that
   * the kernel refuses before it looks at the rest (no permission, no such subsystem) ends the waiting.
   */
  transact(
    requests: readonly NetlinkRequest[],
    onAnswer?: (message: NetlinkMessage) => void,
  ): Refusal | undefined {
    const first = this.#sequence;
    this.#sequence += requests.length;
    const waiting = new Set<number>();
    for (const [index, request] of requests.entries()) {
      if ((request.flags & NLM_F_ACK) !== 0) waiting.add(first + index);
    }
    try {
      send(this.#fd, Buffer.concat(requests.map((request, index) => encodeMessage(request, first + index))));
      return this.#await(first, waiting, onAnswer);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return { errno: error.errno ?? 'EUNKNOWN', reason: error.message };
    }
  }

  #await(
    first: number,
    waiting: Set<number>,
    onAnswer: ((message: NetlinkMessage) => void) | undefined,
  ): Refusal | undefined {
    let refusal: Refusal | undefined;
    while (waiting.size > 0) {
      for (const message of this.#receive()) {
        // What an earlier, refused batch still had to say.
        if (message.sequence < first) continue;
        if (message.type === NLMSG_ERROR) {
          this.#port = message.port;
          refusal ??= decodeAck(message);
          // A batch is refused with any of its requests, and with its mark: what else is answered does not matter.
          if (!waiting.delete(message.sequence) && refusal !== undefined) return refusal;
        } else if (message.type !== NLMSG_DONE) onAnswer?.(message);
      }
    }
    return refusal;
  }

  /** Asks for a dump; every entry goes to `onEntry`. Gives the refusal, undefined for "done". */
  dump(request: NetlinkRequest, onEntry: (message: NetlinkMessage) => void): Refusal | undefined {
    const sequence = this.#sequence++;
    try {
      send(this.#fd, encodeMessage(request, sequence));
      for (;;) {
        for (const message of this.#receive()) {
          if (message.sequence !== sequence) continue;
          if (message.type === NLMSG_DONE) return decodeDone(message);
          if (message.type === NLMSG_ERROR) return decodeAck(message);
          onEntry(message);
        }
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return { errno: error.errno ?? 'EUNKNOWN', reason: error.message };
    }
  }
}
