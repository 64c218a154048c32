/** Reads a netlink socket of events: datagrams together with the number of the namespace that they are from. */
import { addressOf, tryReceiveMessage } from './libc.ts';

/**
 * Events are read so many milliseconds after the first, all at once: making a pair alone causes a dozen, and whoever
 * waits for the answer about it goes first.
 */
export const GATHER_MS = 5;
/** No event is larger than a dump's part. */
const DATAGRAM_BYTES = 64 << 10;
/** Room for the one control message that is asked for. */
const CONTROL_BYTES = 64;
/** linux/socket.h, linux/netlink.h: the control message that carries the nsid. */
const SOL_NETLINK = 270;
const NETLINK_LISTEN_ALL_NSID = 8;
/** bits/socket.h: struct msghdr, struct iovec and struct cmsghdr of 64-bit Linux. */
const MSGHDR_BYTES = 56;
const IOVEC_BYTES = 16;
const CMSGHDR_BYTES = 16;
const AT = { IOV: 16, IOVLEN: 24, CONTROL: 32, CONTROLLEN: 40 } as const;

/** An event's datagram. The bytes are valid until the next is read. */
export interface EventDatagram {
  readonly datagram: Buffer;
  /** Undefined: the socket's own namespace. */
  readonly nsid: number | undefined;
}

/** Reads from a descriptor that it borrows. */
export class EventReader {
  readonly #fd: number;
  readonly #datagram = Buffer.alloc(DATAGRAM_BYTES);
  readonly #control = Buffer.alloc(CONTROL_BYTES);
  readonly #iovec = Buffer.alloc(IOVEC_BYTES);
  readonly #header = Buffer.alloc(MSGHDR_BYTES);

  constructor(fd: number) {
    this.#fd = fd;
    this.#iovec.writeBigUInt64LE(addressOf(this.#datagram), 0);
    this.#iovec.writeBigUInt64LE(BigInt(DATAGRAM_BYTES), 8);
    this.#header.writeBigUInt64LE(addressOf(this.#iovec), AT.IOV);
    this.#header.writeBigUInt64LE(1n, AT.IOVLEN);
    this.#header.writeBigUInt64LE(addressOf(this.#control), AT.CONTROL);
  }

  /** The next one; undefined when none is waiting. Throws a SystemError, ENOBUFS when some were lost. */
  read(): EventDatagram | undefined {
    // The kernel writes how much it has used.
    this.#header.writeBigUInt64LE(BigInt(CONTROL_BYTES), AT.CONTROLLEN);
    const bytes = tryReceiveMessage(this.#fd, this.#header);
    return bytes === undefined
      ? undefined
      : { datagram: this.#datagram.subarray(0, bytes), nsid: this.#nsid() };
  }

  #nsid(): number | undefined {
    const used = Number(this.#header.readBigUInt64LE(AT.CONTROLLEN));
    if (used < CMSGHDR_BYTES + 4) return undefined;
    if (this.#control.readInt32LE(8) !== SOL_NETLINK) return undefined;
    if (this.#control.readInt32LE(12) !== NETLINK_LISTEN_ALL_NSID) return undefined;
    return this.#control.readInt32LE(CMSGHDR_BYTES);
  }
}
