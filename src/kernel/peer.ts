/** Who is at the other end of a Unix socket, as the kernel noted when it connected. */
import type { Socket } from 'node:net';
import { getSocketOption } from './libc.ts';

/** asm-generic/socket.h. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** linux/socket.h: struct ucred { pid_t pid; uid_t uid; gid_t gid; }. */
const UCRED_BYTES = 12;

/** A process at the other end, as it was when it connected; it may have passed the socket on since. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** The credentials of the peer of a connected Unix socket. Throws unavailable for another descriptor. */
export function peerOf(fd: number): PeerCredentials {
  const ucred = Buffer.alloc(UCRED_BYTES);
  getSocketOption(fd, SOL_SOCKET, SO_PEERCRED, ucred);
  return { pid: ucred.readInt32LE(0), uid: ucred.readUInt32LE(4), gid: ucred.readUInt32LE(8) };
}

/** Node keeps the descriptor of a socket to itself, in a member that it has had since its first versions. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}

/** As `peerOf`, for a socket of Node's; undefined when it is closed. */
export function peerOfSocket(socket: Socket): PeerCredentials | undefined {
  const fd = descriptorOf(socket);
  return fd === undefined ? undefined : peerOf(fd);
}
