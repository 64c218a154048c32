/**
 * The resolver's sockets: 127.0.0.11 port 53 over UDP and TCP, in the network namespace that the calling thread
 * is in. A socket keeps its namespace, and so keeps the namespace alive, until it is closed; descriptors belong
 * to the process, so that the main thread can adopt what the kernel thread opened (measured on Node 20).
 */
import { closeSync } from 'node:fs';
import type { DnsSockets } from './contract.ts';
import { bindSocket, listenOn, openSocket, setSocketOption } from './libc.ts';

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IP = 0;
const IP_FREEBIND = 15;
/** As many as may wait; the resolver accepts at most 64 anyway. */
const BACKLOG = 64;

/** linux/in.h: struct sockaddr_in of 127.0.0.11 port 53; the port and address in network order. */
const RESOLVER = Uint8Array.of(AF_INET, 0, 0, 53, 127, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0);
const ON = new Uint8Array(Int32Array.of(1).buffer);

function openBound(type: number, prepare: (fd: number) => void): number {
  const fd = openSocket(AF_INET, type | SOCK_NONBLOCK, 0);
  try {
    // Also while lo is down, should somebody have it so. Where it was never up the kernel knows of no local address yet,
    // and answers would go out from 127.0.0.1, which no resolver takes: the pass that brings it up comes first.
    setSocketOption(fd, IPPROTO_IP, IP_FREEBIND, ON);
    prepare(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function prepareUdp(fd: number): void {
  bindSocket(fd, RESOLVER);
}

function prepareTcp(fd: number): void {
  // Connections of an earlier daemon in TIME_WAIT must not keep us from our address.
  setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, ON);
  bindSocket(fd, RESOLVER);
  listenOn(fd, BACKLOG);
}

/**
 * Opens both sockets in the thread's namespace, both or none. Synchronous, as everything between entering a
 * namespace and leaving it. Throws unavailable with the kernel's errno, EADDRINUSE when another server is there.
 */
export function openDnsSockets(): DnsSockets {
  const udpFd = openBound(SOCK_DGRAM, prepareUdp);
  try {
    return { udpFd, tcpFd: openBound(SOCK_STREAM, prepareTcp) };
  } catch (error) {
    closeSync(udpFd);
    throw error;
  }
}
