/**
 * Echo requests from inside a namespace, by a raw socket that was opened there before any time is taken: no process
 * is started, and the price is the same for every contender. The calls are synchronous, a millisecond at a time.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import koffi from 'koffi';
import { parseLinks } from './links.ts';

const libc = koffi.load('libc.so.6');
const setns: (fd: number, type: number) => number = libc.func('int setns(int fd, int type)');
const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  'int socket(int domain, int type, int protocol)',
);
const sendto: (fd: number, bytes: Buffer, size: number, flags: number, to: Buffer, toSize: number) => number =
  libc.func('intptr_t sendto(int fd, const void *bytes, size_t size, int flags, const void *to, int toSize)');
const recv: (fd: number, bytes: Buffer, size: number, flags: number) => number = libc.func(
  'intptr_t recv(int fd, _Out_ void *bytes, size_t size, int flags)',
);
const poll: (fds: Buffer, count: number, timeoutMs: number) => number = libc.func(
  'int poll(_Inout_ void *fds, ulong count, int timeoutMs)',
);

/** linux/sched.h, linux/socket.h, linux/in.h, poll.h. */
const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const IPPROTO_ICMP = 1;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
/** RFC 792. */
const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;

/** How long an answer is waited for before the next request is sent. */
const RETRY_MS = 1;

/** Runs synchronous work with this thread in the namespace at `path`. */
function inside<Result>(path: string, work: () => Result): Result {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(path, 'r');
  try {
    if (setns(there, CLONE_NEWNET) !== 0) throw new Error(`setns ${path}: errno ${koffi.errno()}`);
    try {
      return work();
    } finally {
      if (setns(home, CLONE_NEWNET) !== 0) process.exit(71);
    }
  } finally {
    closeSync(there);
    closeSync(home);
  }
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function encodeRequest(id: number, sequence: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt8(ECHO_REQUEST, 0);
  bytes.writeUInt16BE(id, 4);
  bytes.writeUInt16BE(sequence & 0xffff, 6);
  bytes.writeUInt16BE(checksum(bytes), 2);
  return bytes;
}

/** linux/in.h: struct sockaddr_in. */
function encodeSocketAddress(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  for (const [index, part] of address.split('.').entries()) bytes.writeUInt8(Number(part), 4 + index);
  return bytes;
}

/** How an echo came back. */
export interface Echo {
  /** Requests that left and were not answered within a millisecond. */
  readonly lost: number;
}

let lastId = process.pid & 0x7fff;

/** A socket for echo requests inside one namespace. Close it: it keeps the namespace alive. */
export class Pinger {
  readonly path: string;
  readonly #fd: number;
  readonly #id = ++lastId & 0xffff;
  readonly #received = Buffer.alloc(2048);
  #sequence = 0;
  #first = 0;

  /** Opens the socket in the namespace at `path`. */
  constructor(path: string) {
    this.path = path;
    this.#fd = inside(path, () => socket(AF_INET, SOCK_RAW_CLOEXEC, IPPROTO_ICMP));
    if (this.#fd < 0) throw new Error(`a raw socket in ${path}: errno ${koffi.errno()}`);
  }

  /** Sends requests, one a millisecond, until one is answered. Throws after `patienceMs`. */
  ping(address: string, patienceMs = 5000): Echo {
    const to = encodeSocketAddress(address);
    const deadline = performance.now() + patienceMs;
    // Late answers to an earlier call's requests may still come.
    this.#first = this.#sequence + 1;
    for (let lost = 0; ; ) {
      const request = encodeRequest(this.#id, ++this.#sequence);
      const sent = sendto(this.#fd, request, request.length, MSG_DONTWAIT, to, to.length) === request.length;
      if (this.#isAnswered()) return { lost };
      if (sent) lost++;
      if (performance.now() > deadline) throw new Error(`no echo from ${address} in ${this.path}`);
    }
  }

  /** Whether one request is answered within `patienceMs`. */
  answers(address: string, patienceMs: number): boolean {
    try {
      this.ping(address, patienceMs);
      return true;
    } catch {
      return false;
    }
  }

  /** Names of the links in the namespace but lo. */
  links(): readonly string[] {
    const text = inside(this.path, () => readFileSync('/proc/thread-self/net/dev', 'latin1'));
    return parseLinks(text).filter((name) => name !== 'lo');
  }

  /** Closes the socket. */
  close(): void {
    closeSync(this.#fd);
  }

  /** Waits up to RETRY_MS for an answer to a request of this call. */
  #isAnswered(): boolean {
    const waiting = Buffer.alloc(8);
    waiting.writeInt32LE(this.#fd, 0);
    waiting.writeInt16LE(POLLIN, 4);
    const deadline = performance.now() + RETRY_MS;
    do {
      if (poll(waiting, 1, RETRY_MS) < 1) return false;
      const size = recv(this.#fd, this.#received, this.#received.length, MSG_DONTWAIT);
      if (size > 0 && this.#isWanted(this.#received.subarray(0, size))) return true;
    } while (performance.now() < deadline);
    return false;
  }

  #isWanted(packet: Buffer): boolean {
    const icmp = packet.subarray((packet.readUInt8(0) & 0x0f) * 4);
    if (icmp.length < 8 || icmp.readUInt8(0) !== ECHO_REPLY || icmp.readUInt16BE(4) !== this.#id)
      return false;
    const age = (this.#sequence - icmp.readUInt16BE(6)) & 0xffff;
    return age <= this.#sequence - this.#first;
  }
}
