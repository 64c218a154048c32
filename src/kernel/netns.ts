/**
 * Finds, checks and enters network namespaces. A reference is looked up once, by descriptor, without following
 * a link that somebody may have put in the way; afterwards only the descriptor is used. setns(2) happens here
 * alone, only around synchronous work, and a thread that cannot come back ends.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { VethdError } from '../errors.ts';
import { type NetnsIdentity, pidOfPath } from '../model/container.ts';
import { describeErrnoName } from './codec/errno.ts';
import type { NetnsProbe, NetnsRef, NetnsVisit } from './contract.ts';
import {
  CLONE_NEWNET,
  enterNetns,
  fileSystemType,
  ioctl,
  isReadable,
  openPidfd,
  SystemError,
} from './libc.ts';
import { isSystemError } from './sysctl.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
/** linux/magic.h. */
const NSFS_MAGIC = 0x6e736673;
/** linux/nsfs.h: NS_GET_NSTYPE, which kind of namespace a descriptor leads to. */
const NS_GET_NSTYPE = 0xb703;
/** The grammar of names under a folder of namespaces; it leaves out `.`, `..` and everything with a slash. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** EX_OSERR of sysexits.h. */
const EXIT_LOST = 71;
/** Our own want of descriptors or memory says nothing about what a reference leads to. */
const OWN_WANT: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Where namespaces may come from. */
export interface NetnsOptions {
  /** The folder of named namespaces, /run/netns. */
  readonly netnsDir: string;
  /** Folders from which namespaces may be named by path. `/proc` stands for /proc/PID/ns/net. */
  readonly allowedPaths: readonly string[];
}

/** An open namespace. The caller closes `fd`: it keeps the namespace alive. */
export interface PresentNetns {
  readonly status: 'present';
  readonly fd: number;
  readonly identity: NetnsIdentity;
  readonly startTime: string | undefined;
  readonly createdMs: number;
}

/** An open namespace, and the name that led to it. Plain data: a thread may hand it to another. */
export interface HeldNetns {
  readonly ref: Extract<NetnsRef, { readonly kind: 'name' }>;
  readonly opened: PresentNetns;
}

/** An open namespace, or why there is none. */
export type OpenNetns =
  | PresentNetns
  | { readonly status: 'absent' | 'refused'; readonly reason: string; readonly hollow?: boolean };

type Missing = Exclude<OpenNetns, { status: 'present' }>;

function absent(reason: string): Missing {
  return { status: 'absent', reason };
}

function refused(reason: string): Missing {
  return { status: 'refused', reason };
}

/** Why a path could not be opened. */
function missing(path: string, error: unknown): Missing {
  const code = error instanceof SystemError ? error.errno : isSystemError(error) ? error.code : undefined;
  if (code === undefined) throw error;
  if (OWN_WANT.has(code)) {
    throw new VethdError('unavailable', `cannot open ${path}: ${describeErrnoName(code)}`, { errno: code });
  }
  if (code === 'ENOENT' || code === 'ESRCH') return absent(`${path} does not exist`);
  if (code === 'ELOOP') return refused(`${path} is a symbolic link: want the namespace itself`);
  return refused(`${path}: ${describeErrnoName(code)}`);
}

/**
 * Opens a folder that only root can change, or says why not. The caller closes it; until then
 * /proc/self/fd/N is this very folder, whatever becomes of its path.
 */
export function openFolder(path: string): number | Missing {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    return missing(path, error);
  }
  const { uid, mode } = fstatSync(fd);
  if (uid === 0 && (mode & 0o022) === 0) return fd;
  closeSync(fd);
  return refused(`${path} can be changed by others than root: want it owned by root, mode 0755`);
}

/** The name, if it is one under a folder of namespaces. Throws invalidArgument. */
export function checkNetnsName(name: string): string {
  if (NAME.test(name)) return name;
  throw new VethdError(
    'invalidArgument',
    `invalid namespace name ${JSON.stringify(name)}: want a letter or digit, then up to 127 of [A-Za-z0-9_.-]`,
    { errno: 'EINVAL' },
  );
}

/** Field 22 of /proc/PID/stat, counted after the name, which may hold anything. */
function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** A process may enter another namespace between two looks, a name can only be given anew. */
export function isSameRef(a: NetnsRef, b: NetnsRef): boolean {
  return a.kind === 'name' && b.kind === 'name' && a.name === b.name;
}

function sameNamespace(a: NetnsIdentity, b: NetnsIdentity): boolean {
  return a.inode === b.inode && a.bootId === b.bootId;
}

/** Whether it is what `ip netns add` makes first, and what is left when the namespace is unmounted: an empty file. */
export function isHollow(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isFile() && stat.size === 0 && fileSystemType(fd) !== NSFS_MAGIC;
}

/** Names of the links in the calling thread's namespace; proc_pid_net(5): two lines of heading, then a line each. */
function readIfnames(): string[] {
  const lines = readFileSync('/proc/thread-self/net/dev', 'latin1').split('\n').slice(2);
  return lines.map((line) => line.split(':')[0]?.trim() ?? '').filter((name) => name !== '');
}

/** The namespaces of this machine, as seen by one thread, which is in the daemon's own between two calls. */
export class Namespaces {
  readonly bootId: string;
  /** The namespace that the thread was in at first. */
  readonly hostIdentity: NetnsIdentity;
  readonly options: NetnsOptions;
  /** The descriptor of the namespace that the thread was in at first. */
  readonly hostFd: number;
  readonly #initIdentity: NetnsIdentity | undefined;
  readonly #nsfsDevice: number;
  #kept: { readonly ref: NetnsRef; readonly opened: PresentNetns } | undefined;
  #closed = false;

  constructor(options: NetnsOptions) {
    this.options = options;
    this.bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    this.hostFd = openSync('/proc/thread-self/ns/net', O_RDONLY);
    const stat = fstatSync(this.hostFd);
    this.hostIdentity = this.#identify(stat);
    this.#nsfsDevice = stat.dev;
    this.#initIdentity = this.#identityOfProcess(1);
  }

  /** Closes the descriptor of the own namespace; nothing may be entered afterwards. Harmless the second time. */
  close(): void {
    this.forget();
    if (!this.#closed) closeSync(this.hostFd);
    this.#closed = true;
  }

  /**
   * Takes an open namespace in place of whoever should close it: `open` gives it out again, for nothing, if the next
   * reference is the same. It lives on until then, so whoever keeps one calls `forget` before anything else is done.
   */
  keep(ref: NetnsRef, opened: PresentNetns): void {
    this.forget();
    this.#kept = { ref, opened };
  }

  /** Closes what is kept. Harmless where nothing is. */
  forget(): void {
    if (this.#kept !== undefined) closeSync(this.#kept.opened.fd);
    this.#kept = undefined;
  }

  #identify({ dev, ino }: { dev: number; ino: number }): NetnsIdentity {
    return { bootId: this.bootId, inode: `${dev}:${ino}` };
  }

  /** Undefined when it has ended, and where we may not look, which needs the same right as entering. */
  #identityOfProcess(pid: number): NetnsIdentity | undefined {
    try {
      return this.#identify(statSync(`/proc/${pid}/ns/net`));
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  /** Opens what a reference leads to. The host's own is only opened when it is asked for by name. */
  open(ref: NetnsRef): OpenNetns {
    if (this.#kept !== undefined) {
      const { ref: known, opened } = this.#kept;
      if (isSameRef(ref, known)) {
        this.#kept = undefined;
        return opened;
      }
    }
    switch (ref.kind) {
      case 'host':
        return this.#openHost();
      case 'name':
        return this.#openIn(this.options.netnsDir, ref.name);
      case 'path':
        return this.#openPath(ref.path);
      case 'pid':
        return this.#openPid(ref.pid, ref.startTime);
    }
  }

  /** Looks where a reference leads. */
  probe(ref: NetnsRef): NetnsProbe {
    const opened = this.open(ref);
    if (opened.status !== 'present') return opened;
    const { fd, ...probe } = opened;
    closeSync(fd);
    return probe;
  }

  /** As `probe`, with the names of the links there: read as a file, for a third of what a socket costs. */
  visit(ref: NetnsRef): NetnsVisit {
    const opened = this.open(ref);
    if (opened.status !== 'present') return opened;
    const { fd, ...probe } = opened;
    try {
      return { ...probe, ifnames: this.within(fd, readIfnames) };
    } finally {
      closeSync(fd);
    }
  }

  /** The names in the folder that lead to network namespaces other than the host's, sorted. */
  listNames(): string[] {
    return this.listEntries().filter((name) => this.probe({ kind: 'name', name }).status === 'present');
  }

  /** The names in the folder, whatever they lead to, sorted. */
  listEntries(): string[] {
    const fd = openFolder(this.options.netnsDir);
    if (typeof fd !== 'number') return [];
    try {
      return readdirSync(`/proc/self/fd/${fd}`).sort();
    } finally {
      closeSync(fd);
    }
  }

  /** One process of each namespace that some process is in. */
  listProcesses(): number[] {
    const found = new Map<string, number>();
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    for (const pid of pids.map(Number).sort((a, b) => a - b)) {
      const inode = this.#identityOfProcess(pid)?.inode;
      if (inode !== undefined && !found.has(inode)) found.set(inode, pid);
    }
    return [...found.values()];
  }

  /**
   * Runs synchronous work with the thread in that namespace and comes back. When it cannot come back, the
   * thread ends: everything it did afterwards would happen to the wrong namespace.
   */
  within<Result>(fd: number, work: () => Result): Result {
    enterNetns(fd);
    try {
      return work();
    } finally {
      this.leave();
    }
  }

  /** Back to the own namespace, or the end of the thread. */
  leave(): void {
    try {
      enterNetns(this.hostFd);
    } catch {
      process.exit(EXIT_LOST);
    }
  }

  #openHost(): OpenNetns {
    const fd = openSync('/proc/thread-self/ns/net', O_RDONLY);
    return {
      status: 'present',
      fd,
      identity: this.hostIdentity,
      startTime: undefined,
      createdMs: fstatSync(fd).mtimeMs,
    };
  }

  #openPath(path: string): OpenNetns {
    const { allowedPaths } = this.options;
    const pid = pidOfPath(path);
    if (pid !== undefined && allowedPaths.includes('/proc')) return this.#openPid(pid, undefined);
    const folder = dirname(path);
    if (pid === undefined && folder !== '/proc' && allowedPaths.includes(folder)) {
      return this.#openIn(folder, basename(path));
    }
    const allowed = allowedPaths.map((each) => (each === '/proc' ? '/proc/PID/ns' : each));
    return refused(`${path} is in none of the allowed folders: ${allowed.join(', ')}`);
  }

  #openIn(folder: string, name: string): OpenNetns {
    if (!NAME.test(name)) return refused(`invalid namespace name ${JSON.stringify(name)}`);
    const folderFd = openFolder(folder);
    if (typeof folderFd !== 'number') return folderFd;
    const path = `${folder}/${name}`;
    try {
      // O_NONBLOCK: a FIFO put there must not hold us up.
      const fd = openSync(`/proc/self/fd/${folderFd}/${name}`, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      return this.#check(path, fd, undefined);
    } catch (error) {
      return missing(path, error);
    } finally {
      closeSync(folderFd);
    }
  }

  #openPid(pid: number, startTime: string | undefined): OpenNetns {
    let pidfd: number;
    try {
      pidfd = openPidfd(pid);
    } catch (error) {
      if (error instanceof SystemError && error.errno === 'EINVAL')
        return absent(`there is no process ${pid}`);
      return missing(`process ${pid}`, error);
    }
    try {
      return this.#openLiving(pid, pidfd, startTime);
    } finally {
      closeSync(pidfd);
    }
  }

  #openLiving(pid: number, pidfd: number, startTime: string | undefined): OpenNetns {
    let found: OpenNetns;
    let started: string;
    try {
      started = startTimeOf(pid);
      const path = `/proc/${pid}/ns/net`;
      found = this.#check(path, openSync(path, O_RDONLY), started);
    } catch (error) {
      if (isReadable(pidfd)) return absent(`process ${pid} has ended`);
      return missing(`/proc/${pid}/ns/net`, error);
    }
    // Only now is it sure that all this was read of the process that the pidfd belongs to.
    const wrong = isReadable(pidfd)
      ? 'has ended'
      : startTime !== undefined && startTime !== started
        ? 'is another one now'
        : '';
    if (wrong === '') return found;
    if (found.status === 'present') closeSync(found.fd);
    return absent(`process ${pid} ${wrong}`);
  }

  /** Whether the descriptor is of a network namespace that may be entered; closes it if not. */
  #check(path: string, fd: number, startTime: string | undefined): OpenNetns {
    const stat = fstatSync(fd);
    const identity = this.#identify(stat);
    const fault = this.#faultOf(fd, stat.dev, identity);
    if (fault === undefined) return { status: 'present', fd, identity, startTime, createdMs: stat.mtimeMs };
    const hollow = isHollow(fd);
    closeSync(fd);
    return hollow ? { ...refused(`${path} ${fault}`), hollow } : refused(`${path} ${fault}`);
  }

  #faultOf(fd: number, device: number, identity: NetnsIdentity): string | undefined {
    // All namespaces of a kernel are in one nsfs, which has one device.
    if (device !== this.#nsfsDevice) return 'is not a namespace';
    if (ioctl(fd, NS_GET_NSTYPE) !== CLONE_NEWNET) return 'is not a network namespace';
    if (sameNamespace(identity, this.hostIdentity)) return "is the host's own network namespace";
    if (this.#initIdentity !== undefined && sameNamespace(identity, this.#initIdentity)) {
      return "is process 1's network namespace";
    }
    return undefined;
  }
}
