/**
 * Locks, by flock(2), freed by the kernel however the holder ends: one daemon per state folder, and one per network
 * namespace, for two of them would take each other's links for leftovers.
 */
import {
  closeSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { VethdError } from '../errors.ts';
import type { HostOwner } from '../model/host-owner.ts';
import { makeSocketFolder } from './listen.ts';
import { isSystemError } from './sysctl.ts';

/** sys/file.h */
const LOCK_EX = 2;
const LOCK_NB = 4;

const flock: (fd: number, operation: number) => number = koffi
  .load('libc.so.6')
  .func('int flock(int fd, int operation)');

/** The descriptor of the locked file, made if need be; undefined when another process has it. */
function tryLock(path: string): number | undefined {
  const fd = openSync(path, 'a+', 0o600);
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return fd;
  closeSync(fd);
  return undefined;
}

function rewrite(fd: number, text: string): void {
  ftruncateSync(fd);
  writeSync(fd, text);
}

/**
 * Takes the lock of the folder and writes our pid into it; gives the function that lets it go. Throws conflict
 * naming the holder when another process has it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const fd = tryLock(path);
  if (fd === undefined) {
    const holder = readFileSync(path, 'utf8').trim();
    throw new VethdError(
      'conflict',
      `${folder} is in use by vethd with pid ${holder || 'unknown'}: end it, or give another --state-dir`,
    );
  }
  rewrite(fd, `${process.pid}\n`);
  return () => closeSync(fd);
}

/** Where the locks of network namespaces are: beside the socket, and empty after a boot, as the kernel is. */
const HOST_LOCKS = '/run/vethd';

/** The lock of this process's network namespace. */
export interface HostLock {
  /** Who had it last since the boot, and left its links. */
  readonly last: HostOwner | undefined;
  /** Writes down who makes links from now on. */
  claim(owner: HostOwner): void;
  /** Lets it go, and leaves the note of who it was. */
  release(): void;
  /** Lets it go and leaves nothing. */
  remove(): void;
}

interface HostNote extends Partial<HostOwner> {
  readonly pid: number;
}

/** A note that cannot be read says nothing: it may have been cut short by a full disk. */
function readNote(path: string): HostNote | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** A folder that something is mounted at stays. */
function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'EBUSY') throw error;
  }
}

/** Takes the lock of the network namespace. Throws conflict naming the holder when another process has it. */
export function lockHost(folder = HOST_LOCKS): HostLock {
  makeSocketFolder(folder);
  const path = join(folder, `netns-${statSync('/proc/self/ns/net').ino}.lock`);
  const note = readNote(path);
  const fd = tryLock(path);
  if (fd === undefined) {
    const { pid, stateDir } = note ?? {};
    throw new VethdError(
      'conflict',
      `vethd with pid ${pid ?? 'unknown'} and the state folder ${stateDir ?? 'unknown'} works in this network namespace already: there can be one, end it first`,
    );
  }
  const { daemonId, stateDir } = note ?? {};
  const last = daemonId === undefined || stateDir === undefined ? undefined : { daemonId, stateDir };
  const write = (owner: Partial<HostOwner>): void =>
    rewrite(fd, `${JSON.stringify({ pid: process.pid, ...owner })}\n`);
  write(last ?? {});
  return {
    last,
    claim: write,
    release: () => closeSync(fd),
    remove() {
      rmSync(path, { force: true });
      if (readdirSync(folder).length === 0) removeFolder(folder);
      closeSync(fd);
    },
  };
}
