/**
 * Named namespaces: makes one and binds it below /run/netns, and unbinds it, so that `ip netns` and vethd see
 * each other's. moby and iproute2 bind in the same way (iproute2: ip/ipnetns.c, behaviour kept).
 */
import { closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import { describeErrnoName } from './codec/errno.ts';
import { mount, SystemError, unmount, unshareNetns } from './libc.ts';
import { checkNetnsName, isHollow, type Namespaces, openFolder } from './netns.ts';
import { isSystemError } from './sysctl.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** linux/mount.h. */
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_SHARED = 0x10_0000;
/** sys/mount.h. */
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/**
 * The mode of our files, by which those that a crash left without a namespace are told from other people's, who
 * may be about to bind theirs: iproute2 makes them with mode 0, most libraries with 0644.
 */
const OUR_MODE = 0o400;

function hasErrno(error: unknown, errno: string): boolean {
  return error instanceof SystemError && error.errno === errno;
}

/**
 * Makes the folder a shared mount, so that a namespace bound or unbound in it is so in every mount namespace
 * that got the folder from ours. Only a mount can be made shared; a folder that is none becomes one of itself.
 */
function shareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  try {
    mount('', folder, MS_SHARED | MS_REC);
  } catch (error) {
    if (!hasErrno(error, 'EINVAL')) throw error;
    mount(folder, folder, MS_BIND | MS_REC);
    mount('', folder, MS_SHARED | MS_REC);
  }
}

function fileError(what: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new VethdError('unavailable', `${what}: ${describeErrnoName(error.code)}`, { errno: error.code });
}

function inFolder<Result>(path: string, work: (folder: string) => Result): Result {
  const fd = openFolder(path);
  if (typeof fd !== 'number') {
    throw new VethdError('unavailable', fd.reason, { errno: fd.status === 'absent' ? 'ENOENT' : 'EPERM' });
  }
  try {
    return work(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function inNewNetns<Result>(namespaces: Namespaces, work: () => Result): Result {
  unshareNetns();
  try {
    return work();
  } finally {
    namespaces.leave();
  }
}

/**
 * Makes a namespace, runs `prepare` in it and binds it at `name`; gives what `prepare` gave. It gets its name
 * last: what has a name has been prepared, and without one a crash leaves nothing. Throws with errno EEXIST
 * when the name is taken.
 */
export function createNamedNetns<Result>(
  namespaces: Namespaces,
  name: string,
  prepare: () => Result,
): Result {
  return atNewName(namespaces, name, (target) =>
    inNewNetns(namespaces, () => {
      failpoint('netns.made');
      const result = prepare();
      failpoint('netns.prepared');
      mount('/proc/thread-self/ns/net', target, MS_BIND);
      return result;
    }),
  );
}

/** Binds a namespace that is there at one more name. Throws with errno EEXIST when the name is taken. */
export function bindNetns(namespaces: Namespaces, fd: number, name: string): void {
  atNewName(namespaces, name, (target) => mount(`/proc/self/fd/${fd}`, target, MS_BIND));
}

/** An empty file that a crash, or an unmounting by hand, has left at the place is as good as a new one. */
function makeFile(target: string): void {
  try {
    closeSync(openSync(target, O_RDONLY | O_CREAT | O_EXCL, OUR_MODE));
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'EEXIST') throw error;
    const fd = openSync(target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (!isHollow(fd)) throw error;
    } finally {
      closeSync(fd);
    }
  }
}

/** Runs `work` with the path of a new file in the folder, which goes again when it throws. */
function atNewName<Result>(namespaces: Namespaces, name: string, work: (target: string) => Result): Result {
  const { netnsDir } = namespaces.options;
  checkNetnsName(name);
  shareFolder(netnsDir);
  return inFolder(netnsDir, (folder) => {
    const target = `${folder}/${name}`;
    try {
      makeFile(target);
      failpoint('netns.file');
    } catch (error) {
      throw fileError(`cannot make ${netnsDir}/${name}`, error);
    }
    try {
      return work(target);
    } catch (error) {
      unlinkSync(target);
      throw error;
    }
  });
}

/**
 * Unbinds the namespace and removes its file; it ends when nothing else holds it. Throws with errno ENOENT when
 * there is no such name. A file without a namespace, left by a crash, is removed.
 */
export function removeNamedNetns(namespaces: Namespaces, name: string): void {
  const { netnsDir } = namespaces.options;
  checkNetnsName(name);
  inFolder(netnsDir, (folder) => {
    const target = `${folder}/${name}`;
    try {
      unmount(target, MNT_DETACH | UMOUNT_NOFOLLOW);
    } catch (error) {
      if (!hasErrno(error, 'EINVAL')) throw error;
    }
    failpoint('netns.unmounted');
    try {
      unlinkSync(target);
    } catch (error) {
      throw fileError(`cannot remove ${netnsDir}/${name}`, error);
    }
  });
}

function isLeftover(path: string): boolean {
  const { mode } = lstatSync(path);
  if ((mode & 0o7777) !== OUR_MODE) return false;
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return isHollow(fd);
  } finally {
    closeSync(fd);
  }
}

/** Removes the files that a crash left between making one and binding it, or between unbinding and removing it. */
export function removeLeftovers({ options }: Namespaces): void {
  const fd = openFolder(options.netnsDir);
  if (typeof fd !== 'number') return;
  const folder = `/proc/self/fd/${fd}`;
  try {
    for (const name of readdirSync(folder)) {
      if (isLeftover(`${folder}/${name}`)) unlinkSync(`${folder}/${name}`);
    }
  } finally {
    closeSync(fd);
  }
}
