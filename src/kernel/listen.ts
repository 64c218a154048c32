/**
 * Where the API listens: a Unix socket that only root and the group `vethd` may open, not even for a moment
 * anybody else. An inherited socket (systemd) is taken as it is and left behind.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { VethdError } from '../errors.ts';

/** Members may use the socket. */
const GROUP = 'vethd';

/** Connections that wait to be accepted; beyond it clients get EAGAIN. */
const BACKLOG = 1024;

function groupId(): number | undefined {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${GROUP}:`));
  const id = Number(line?.split(':')[2] ?? Number.NaN);
  return Number.isInteger(id) ? id : undefined;
}

function give(path: string, group: number | undefined, mode: number): void {
  // Under systemd we may not, and need not: what is made in the socket's folder is the group's.
  if (group !== undefined && statSync(path).gid !== group) chownSync(path, 0, group);
  chmodSync(path, mode);
}

/**
 * Makes what is missing of the way to a socket: root's, and open to the group, whatever the umask is. What is there
 * is left as it is.
 */
export function makeSocketFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o750 });
  if (first === undefined) return;
  const group = groupId();
  for (let each = path; each.length >= first.length; each = dirname(each)) give(each, group, 0o750);
}

/** Whether somebody answers on the socket. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}

/**
 * Removes what a killed daemon left at the socket's place. Throws conflict when it is no socket or somebody
 * answers on it: to be called before anything of the kernel is touched, for that one's links are ours by mark.
 */
export async function clearSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new VethdError('conflict', `${path} exists and is no socket: remove it, or give another --socket`);
  if (await isAnswered(path)) {
    throw new VethdError('conflict', `another daemon answers on ${path}: end it, or give another --socket`);
  }
  unlinkSync(path);
}

function listenOn(server: Server, where: { path: string } | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Listens at `path`, making its folder (0750, the group's) if need be, or on the inherited descriptor. Gives the function
 * that removes the socket's file again; the server is the caller's to close. Throws conflict when the place is
 * taken.
 */
export async function listen(
  server: Server,
  path: string,
  inherited: number | undefined,
): Promise<() => void> {
  if (inherited !== undefined) {
    await listenOn(server, { fd: inherited });
    return () => undefined;
  }
  makeSocketFolder(dirname(path));
  await clearSocket(path);
  const before = process.umask(0o177);
  try {
    await listenOn(server, { path });
  } finally {
    process.umask(before);
  }
  const group = groupId();
  if (group !== undefined) give(path, group, 0o660);
  return () => unlinkSync(path);
}
