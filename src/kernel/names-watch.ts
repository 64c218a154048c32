/**
 * Watches the folder of named namespaces. A name appears before its namespace is bound to it, and binding makes
 * no event: a new name is told at once, and again when it leads to a namespace. Unbinding makes none either, and
 * the kernel takes a second to end the namespace: changes of the mounts tell of it at once. The folder may not be
 * there yet, go away or be replaced; its parent is watched for that.
 */
import { closeSync, type FSWatcher, openSync, readdirSync, statSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { onMountsChanged } from './libc.ts';
import { isSystemError } from './sysctl.ts';

/**
 * How often, and in what steps, a new name is asked whether it leads to a namespace yet: `ip netns add` binds
 * it within a few ms, on a busy machine within a second.
 */
const LOOKS = 10;
const FIRST_LOOK_MS = 2;

/** Mounts come in bursts: after a change they are looked at once in so long. */
const MOUNTS_MS = 20;

/** What the watch works with. */
export interface NamesWatchOptions {
  readonly folder: string;
  /** Whether the name leads to a namespace now, or is gone. */
  isSettled(name: string): boolean;
  onName(name: string): void;
  /** Names may have been missed. */
  onLost(): void;
}

function inodeOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
}

/** Watches from the moment it is made until it is closed. */
export class NamesWatch {
  readonly #options: NamesWatchOptions;
  readonly #parent: FSWatcher | undefined;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #mounts = openSync('/proc/self/mountinfo', 'r');
  readonly #stopMounts: () => void;
  #mountsTimer: NodeJS.Timeout | undefined;
  #folder: FSWatcher | undefined;
  #inode = '';
  /** What each name led to at the last look. */
  #inodes: ReadonlyMap<string, string> = new Map();

  constructor(options: NamesWatchOptions) {
    this.#options = options;
    const { folder } = options;
    this.#parent = this.#watch(dirname(folder), (name) => {
      if (name === basename(folder)) this.#follow();
    });
    this.#inode = inodeOf(folder);
    this.#folder = this.#watchFolder();
    this.#inodes = this.#listInodes();
    this.#stopMounts = onMountsChanged(this.#mounts, () => {
      this.#mountsTimer ??= setTimeout(() => this.#lookAtMounts(), MOUNTS_MS);
    });
  }

  /** Ends it. */
  close(): void {
    this.#stopMounts();
    closeSync(this.#mounts);
    clearTimeout(this.#mountsTimer);
    this.#parent?.close();
    this.#folder?.close();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #watch(path: string, onName: (name: string) => void): FSWatcher | undefined {
    try {
      const watcher = watch(path, (_, name) => {
        if (name !== null) onName(name);
      });
      // It goes away with what it watches; the parent tells.
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  #watchFolder(): FSWatcher | undefined {
    return this.#watch(this.#options.folder, (name) => this.#onName(name));
  }

  #listInodes(): ReadonlyMap<string, string> {
    const { folder } = this.#options;
    try {
      return new Map(readdirSync(folder).map((name) => [name, inodeOf(join(folder, name))]));
    } catch (error) {
      if (isSystemError(error)) return new Map();
      throw error;
    }
  }

  /** Names that came or went have been told by the folder. */
  #lookAtMounts(): void {
    this.#mountsTimer = undefined;
    const before = this.#inodes;
    this.#inodes = this.#listInodes();
    for (const [name, inode] of this.#inodes) {
      if (before.has(name) && before.get(name) !== inode) this.#options.onName(name);
    }
  }

  /** Goes over to the folder that is there now, if it is another one. */
  #follow(): void {
    const inode = inodeOf(this.#options.folder);
    if (inode === this.#inode) return;
    this.#inode = inode;
    this.#folder?.close();
    this.#folder = this.#watchFolder();
    this.#options.onLost();
  }

  #onName(name: string): void {
    this.#options.onName(name);
    this.#lookAgain(name, 0);
  }

  /** Later and later: 2, 4, 8 … ms, 2 s in all. */
  #lookAgain(name: string, looks: number): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    if (looks === LOOKS || (looks === 0 && this.#options.isSettled(name))) return;
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      if (this.#options.isSettled(name)) this.#options.onName(name);
      else this.#lookAgain(name, looks + 1);
    }, FIRST_LOOK_MS << looks);
    this.#timers.set(name, timer);
  }
}
