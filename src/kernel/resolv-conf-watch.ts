/**
 * Watches the folders /etc/netns/NAME, so that a resolv.conf of ours that somebody removes or changes is seen
 * at once. Says only which name to look at. A folder that cannot be watched is seen by the next full pass.
 */
import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { NamesWatch } from './names-watch.ts';
import { isSystemError } from './sysctl.ts';

/** A name is looked at so long after the first sign of it: what we write ourselves makes several, while somebody waits. */
const GATHER_MS = 10;

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}

/** Watches from the moment it is made until it is closed. */
export class ResolvConfWatch {
  readonly #folder: string;
  readonly #onName: (name: string) => void;
  readonly #names: NamesWatch;
  readonly #watchers = new Map<string, FSWatcher>();
  /** Names that were told of, and whether their folders may be other ones than those watched. */
  readonly #told = new Map<string, boolean>();
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string, onName: (name: string) => void) {
    this.#folder = folder;
    this.#onName = onName;
    this.#names = new NamesWatch({
      folder,
      isSettled: () => true,
      onName: (name) => {
        // What we write is under way for a moment.
        if (!name.startsWith('.')) this.#note(name, true);
      },
      onLost: () => this.#noteAll(),
    });
    for (const name of listFolder(folder)) this.#watch(name);
  }

  /** Ends it. */
  close(): void {
    clearTimeout(this.#timer);
    this.#names.close();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** `moved`: the folder of that name came, went or was replaced. */
  #note(name: string, moved: boolean): void {
    this.#told.set(name, moved || (this.#told.get(name) ?? false));
    this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  #tell(): void {
    this.#timer = undefined;
    const told = [...this.#told];
    this.#told.clear();
    for (const [name, moved] of told) {
      if (moved) this.#watchAnew(name);
      this.#onName(name);
    }
  }

  #watchAnew(name: string): void {
    this.#watchers.get(name)?.close();
    this.#watchers.delete(name);
    this.#watch(name);
  }

  #noteAll(): void {
    for (const name of new Set([...this.#watchers.keys(), ...listFolder(this.#folder)]))
      this.#note(name, true);
  }

  #watch(name: string): void {
    try {
      const watcher = watch(join(this.#folder, name), () => this.#note(name, false));
      watcher.on('error', () => watcher.close());
      this.#watchers.set(name, watcher);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }
}
