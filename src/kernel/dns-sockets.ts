/**
 * The resolver's sockets: 127.0.0.11 port 53 over UDP and TCP, in the network namespace that the calling thread
 * is in. A socket keeps its namespace, and so keeps the namespace alive, until it is closed; descriptors belong
 * to the process, so that the main thread can adopt what the kernel thread opened (measured on Node 20).
 */
import koffi from 'koffi';
import { VethdError } from '../errors.ts';
import type { DnsSockets } from './contract.ts';

const libc = koffi.load('libc.so.6');
const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  'int socket(int domain, int type, int protocol)',
);
const bind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int bind(int fd, const uint8_t *address, uint32_t length)',
);
const listen: (fd: number, backlog: number) => number = libc.func('int listen(int fd, int backlog)');
const setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number =
  libc.func('int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)');
const close: (fd: number) => number = libc.func('int close(int fd)');

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IP = 0;
const IP_FREEBIND = 15;
/** As many as may wait; the resolver accepts at most 64 anyway. */
const BACKLOG = 64;

/** linux/in.h: struct sockaddr_in of 127.0.0.11 port 53; the port and address in network order. */
const RESOLVER = Uint8Array.of(AF_INET, 0, 0, 53, 127, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0);
const ON = new Uint8Array(Int32Array.of(1).buffer);

function check(result: number, what: string): number {
  if (result >= 0) return result;
  const number = koffi.errno();
  const errno = Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? 'EUNKNOWN';
  throw new VethdError('internal', `opening the resolver at 127.0.0.11: ${what}: ${errno}`, { errno });
}

function openBound(type: number, prepare: (fd: number) => void): number {
  const fd = check(socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
  try {
    // Also while lo is still down: the order in which it comes up is not ours to depend on.
    check(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, ON, ON.length), 'IP_FREEBIND');
    prepare(fd);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

function bindResolver(fd: number): void {
  check(bind(fd, RESOLVER, RESOLVER.length), 'bind');
}

function prepareTcp(fd: number): void {
  // Connections of an earlier daemon in TIME_WAIT must not keep us from our address.
  check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ON, ON.length), 'SO_REUSEADDR');
  bindResolver(fd);
  check(listen(fd, BACKLOG), 'listen');
}

/**
 * Opens both sockets in the thread's namespace, both or none. Synchronous, as everything between entering a
 * namespace and leaving it. Throws internal with the kernel's errno, EADDRINUSE when another server is there.
 */
export function openDnsSockets(): DnsSockets {
  const udpFd = openBound(SOCK_DGRAM, bindResolver);
  try {
    return { udpFd, tcpFd: openBound(SOCK_STREAM, prepareTcp) };
  } catch (error) {
    close(udpFd);
    throw error;
  }
}
