/**
 * The files /etc/netns/NAME/resolv.conf, which `ip netns exec NAME` binds over /etc/resolv.conf. Only files
 * that begin with our mark are changed. Every file is reached through the descriptor of its directory, opened
 * without following a link, so that a link put in the way leads nowhere else.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** The grammar of names under /run/netns; it leaves out `.`, `..` and everything with a slash. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const FILE = 'resolv.conf';
/**
 * A file of ours on its way into the folder of its name, or out: it stands beside that folder until the folder is as it
 * should be, so that a crash at any moment leaves what tells whose folder was being made or removed.
 */
const UNDER_WAY = /^\.([A-Za-z0-9][A-Za-z0-9_.-]{0,127})\.resolv\.conf\.vethd$/;
/** A resolv.conf has a few lines; more is not read. */
const MAX_BYTES = 64 * 1024;
const UNREADABLE = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'];

/** What is at /etc/netns/NAME/resolv.conf. */
type ObservedResolvConf =
  | { readonly status: 'absent' }
  /** An empty file counts too: it is what a power cut can leave of ours, which are not worth a wait for the disk. */
  | { readonly status: 'ours'; readonly text: string }
  /** Somebody else's file, or something that is no plain file: to be left alone. */
  | { readonly status: 'foreign' };

/** The files of one folder (/etc/netns, or another in a throwaway host). */
export interface ResolvConfFiles {
  /** The names that have a file with our mark, or one that a crash left under way. */
  list(): string[];
  /**
   * Has the file there with that text, which must begin with the mark: makes or replaces it in one step, or leaves it
   * when it is so already or is not ours.
   */
  keep(name: string, text: string): 'written' | 'kept' | 'foreign';
  /** Removes a file with our mark, then its folder if nothing else is in it. Any other is left as it is. */
  remove(name: string): void;
  /** Removes the folder of all if it is empty. */
  removeFolder(): void;
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** Runs `action`; gives undefined where it fails with one of `errnos`. */
function unless<Result>(errnos: readonly string[], action: () => Result): Result | undefined {
  try {
    return action();
  } catch (error) {
    if (errnos.includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** Runs `action` with a path through which the open folder is reached whatever its name leads to now. */
function inside<Result>(fd: number, action: (path: string) => Result): Result {
  try {
    return action(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function openFolder(path: string): number | undefined {
  return unless(['ENOENT', 'ENOTDIR', 'ELOOP'], () => openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

function readOurs(path: string, mark: string): ObservedResolvConf {
  let fd: number;
  try {
    // O_NONBLOCK: a fifo of that name must not hold us up.
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    return { status: errnoOf(error) === 'ENOENT' ? 'absent' : 'foreign' };
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_BYTES) return { status: 'foreign' };
    const text = readFileSync(fd, 'utf8');
    return text === '' || text.startsWith(mark) ? { status: 'ours', text } : { status: 'foreign' };
  } finally {
    closeSync(fd);
  }
}

function createFile(path: string): number {
  return openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
}

/** Makes or replaces a file. */
function writeFile(path: string, text: string): void {
  let fd = unless(['EEXIST'], () => createFile(path));
  if (fd === undefined) {
    // What a crash left.
    rmSync(path, { force: true });
    fd = createFile(path);
  }
  try {
    fchmodSync(fd, 0o644); // whatever our umask is
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Undefined where something is at that path, or nothing at its parent's. */
function makeFolder(path: string): number | undefined {
  const made = unless(['EEXIST', 'ENOENT'], () => {
    mkdirSync(path, { mode: 0o755 });
    return true;
  });
  if (made === undefined) return undefined;
  const fd = openFolder(path);
  if (fd !== undefined) fchmodSync(fd, 0o755);
  return fd;
}

/** The files below `folder` whose text begins with `mark`. All calls are synchronous and touch few bytes. */
export function createResolvConfFiles(folder: string, mark: string): ResolvConfFiles {
  function folderOf(name: string): string {
    if (!NAME.test(name)) throw new VethdError('invalidArgument', `invalid namespace name ${name}`);
    return `${folder}/${name}`;
  }

  function underWay(name: string): string {
    return `${folder}/.${name}.resolv.conf.vethd`;
  }

  function observe(name: string): ObservedResolvConf {
    const path = folderOf(name);
    const fd = openFolder(path);
    if (fd !== undefined) return inside(fd, (opened) => readOurs(`${opened}/${FILE}`, mark));
    const exists = statSync(path, { throwIfNoEntry: false }) !== undefined;
    return { status: exists ? 'foreign' : 'absent' };
  }

  /** Writes the file beside the folder of its name; the folder of all is made if need be. */
  function prepare(name: string, text: string): string {
    const path = underWay(name);
    const written = unless(['ENOENT'], () => {
      writeFile(path, text);
      return true;
    });
    if (written === true) return path;
    const above = makeFolder(folder);
    if (above !== undefined) closeSync(above);
    writeFile(path, text);
    return path;
  }

  function moveIn(prepared: string, opened: string): 'written' {
    failpoint('resolv-conf.temporary');
    renameSync(prepared, `${opened}/${FILE}`);
    return 'written';
  }

  return {
    list: () => {
      const names = unless(['ENOENT'], () => readdirSync(folder)) ?? [];
      const left = names.flatMap((name) => UNDER_WAY.exec(name)?.[1] ?? []);
      const ours = names.filter((name) => {
        const found = NAME.test(name) ? observe(name) : undefined;
        return found?.status === 'ours' && found.text !== '';
      });
      return [...new Set([...ours, ...left])];
    },
    keep: (name, text) => {
      const path = folderOf(name);
      const fd = openFolder(path);
      if (fd !== undefined) {
        return inside(fd, (opened) => {
          const found = readOurs(`${opened}/${FILE}`, mark);
          if (found.status === 'foreign') return 'foreign';
          if (found.status === 'ours' && found.text === text) return 'kept';
          return moveIn(prepare(name, text), opened);
        });
      }
      // Asked first: each error that Node makes of a refusal costs as much as the call.
      if (existsSync(path)) return 'foreign';
      const prepared = prepare(name, text);
      const made = makeFolder(path);
      if (made !== undefined) return inside(made, (opened) => moveIn(prepared, opened));
      rmSync(prepared, { force: true });
      return 'foreign';
    },
    remove: (name) => {
      const path = folderOf(name);
      const leaving = underWay(name);
      const fd = openFolder(path);
      const isOurs =
        fd !== undefined &&
        inside(fd, (opened) => {
          const found = readOurs(`${opened}/${FILE}`, mark);
          if (found.status !== 'ours' || found.text === '') return false;
          renameSync(`${opened}/${FILE}`, leaving);
          return true;
        });
      if (!isOurs && !existsSync(leaving)) return;
      failpoint('resolv-conf.leaving');
      unless(['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR', 'EBUSY'], () => rmdirSync(path));
      rmSync(leaving, { force: true });
    },
    removeFolder: () => {
      unless(['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY'], () => rmdirSync(folder));
    },
  };
}

/**
 * Gives a function that reads a file through `parse` and does so again only when the file has changed (inode,
 * size or time): for the host's /etc/resolv.conf, which others replace at any time. A file that cannot be
 * read counts as empty.
 */
export function watchFile<Parsed>(path: string, parse: (text: string) => Parsed): () => Parsed {
  let seen: string | undefined;
  let parsed = parse('');
  return () => {
    const stat = unless(UNREADABLE, () => statSync(path, { bigint: true }));
    const version =
      stat === undefined ? '' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
    if (version !== seen) {
      parsed = parse(unless(UNREADABLE, () => readFileSync(path, 'utf8')) ?? '');
      seen = version;
    }
    return parsed;
  };
}
