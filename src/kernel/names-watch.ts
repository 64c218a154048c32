/**
 * Watches the folder of named namespaces. A name appears before its namespace is bound to it, and binding makes
 * no event: a new name is told at once, and again when it leads to a namespace. The folder may not be there
 * yet, go away or be replaced; its parent is watched for that.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isSystemError } from './sysctl.ts';

/**
 * How often, and in what steps, a new name is asked whether it leads to a namespace yet: `ip netns add` binds
 * it within a few ms, on a busy machine within a second.
 */
const LOOKS = 10;
const FIRST_LOOK_MS = 2;

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
  #folder: FSWatcher | undefined;
  #inode = '';

  constructor(options: NamesWatchOptions) {
    this.#options = options;
    const { folder } = options;
    this.#parent = this.#watch(dirname(folder), (name) => {
      if (name === basename(folder)) this.#follow();
    });
    this.#inode = inodeOf(folder);
    this.#folder = this.#watchFolder();
  }

  /** Ends it. */
  close(): void {
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
