/**
 * HTTP on a Unix socket by blocking system calls, one request at a time: what a server takes, without the half
 * millisecond that Node's own client takes besides when it has not run for a while (a GET of /_ping: 1.5 ms with
 * node:http, 0.7 so).
 */
import { closeSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  'int socket(int domain, int type, int protocol)',
);
const connect: (fd: number, address: Buffer, size: number) => number = libc.func(
  'int connect(int fd, const void *address, int size)',
);
const send: (fd: number, bytes: Buffer, size: number, flags: number) => number = libc.func(
  'intptr_t send(int fd, const void *bytes, size_t size, int flags)',
);
const recv: (fd: number, bytes: Buffer, size: number, flags: number) => number = libc.func(
  'intptr_t recv(int fd, _Out_ void *bytes, size_t size, int flags)',
);

/** linux/socket.h, linux/un.h: struct sockaddr_un (family, path). */
const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const ADDRESS_BYTES = 110;

function failed(what: string): Error {
  return new Error(`${what}: errno ${koffi.errno()}`);
}

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The end of the part with that size; undefined while it is not all there. */
function bodyOf(head: string, rest: Buffer): string | undefined {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  if (length !== undefined)
    return rest.length < Number(length) ? undefined : rest.toString('utf8', 0, Number(length));
  if (!/^transfer-encoding: *chunked/im.test(head)) return '';
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = rest.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = Number.parseInt(rest.toString('latin1', at, end), 16);
    if (rest.length < end + 4 + size) return undefined;
    if (size === 0) return Buffer.concat(parts).toString('utf8');
    parts.push(rest.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}

/** One connection. Close it. */
export class BlockingClient {
  readonly #fd: number;
  readonly #part = Buffer.alloc(64 << 10);

  constructor(path: string) {
    this.#fd = socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
    if (this.#fd < 0) throw failed('socket');
    const address = Buffer.alloc(ADDRESS_BYTES);
    address.writeUInt16LE(AF_UNIX, 0);
    address.write(path, 2);
    if (connect(this.#fd, address, address.length) !== 0) throw failed(`connect ${path}`);
  }

  /** Sends a request and waits for the answer; the whole program stands still meanwhile. */
  call(method: string, path: string, payload: string): Answer {
    const body = payload === '' ? '' : `Content-Type: application/json\r\n`;
    const length = Buffer.byteLength(payload);
    const head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\n${body}Content-Length: ${length}\r\n\r\n`;
    const request = Buffer.from(head + payload);
    if (Number(send(this.#fd, request, request.length, MSG_NOSIGNAL)) !== request.length)
      throw failed('send');
    let seen = Buffer.alloc(0);
    for (;;) {
      const bytes = Number(recv(this.#fd, this.#part, this.#part.length, 0));
      if (bytes <= 0) throw bytes < 0 ? failed('recv') : new Error('the server hung up');
      seen = Buffer.concat([seen, this.#part.subarray(0, bytes)]);
      const end = seen.indexOf('\r\n\r\n');
      if (end < 0) continue;
      const headers = seen.toString('latin1', 0, end);
      const text = bodyOf(headers, seen.subarray(end + 4));
      if (text !== undefined) return { status: Number(headers.slice(9, 12)), body: text };
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
