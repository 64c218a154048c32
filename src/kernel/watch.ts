/** Everything that tells of changes, brought together: a burst becomes one change for each place. */
import { closeSync } from 'node:fs';
import type { KernelChange } from './contract.ts';
import { NetworkEvents } from './events.ts';
import { type FirewallAuthors, FirewallEvents } from './firewall-events.ts';
import { onReadable, openPidfd, SystemError } from './libc.ts';
import { NamesWatch } from './names-watch.ts';
import type { Namespaces } from './netns.ts';
import type { NetlinkSocket } from './socket.ts';

/** What the watch works with. */
export interface WatchOptions {
  readonly namespaces: Namespaces;
  /** A socket in the host's namespace. */
  readonly host: NetlinkSocket;
  readonly firewallAuthors: FirewallAuthors;
  onChanges(changes: readonly KernelChange[]): void;
}

function keyOf(change: KernelChange): string {
  switch (change.kind) {
    case 'network':
      return `network ${change.nsid ?? ''} ${change.ifname ?? ''} ${change.neighbour?.value ?? ''} ${change.forwarding?.mac ?? ''}`;
    case 'names':
      return `names ${change.name}`;
    case 'process':
      return `process ${change.pid}`;
    case 'firewall':
    case 'foreignFirewall':
    case 'resync':
      return change.kind;
  }
}

/** Hears of nothing before `start`, but processes can be watched. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #changes = new Map<string, KernelChange>();
  readonly #processes = new Map<number, () => void>();
  readonly #closers: (() => void)[] = [];
  #firewall: FirewallEvents | undefined;
  #started = false;
  #telling: NodeJS.Immediate | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Starts; harmless the second time. Throws unavailable. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    const { host, namespaces } = this.#options;
    const network = new NetworkEvents(host, (change) => this.#note(change));
    const firewall = new FirewallEvents(this.#options.firewallAuthors, (kind) => this.#note({ kind }));
    this.#firewall = firewall;
    this.#closers.push(
      () => network.close(),
      () => firewall.close(),
    );
    const names = new NamesWatch({
      folder: namespaces.options.netnsDir,
      isSettled: (name) => this.#isSettled(name),
      onName: (name) => this.#note({ kind: 'names', name }),
      onLost: () => this.#note({ kind: 'resync' }),
    });
    this.#closers.push(() => names.close());
  }

  /** See FirewallEvents; undefined before `start`. */
  get firewall(): FirewallEvents | undefined {
    return this.#firewall;
  }

  /** Tells when that process ends, at once if it has. */
  watchProcess(pid: number): void {
    if (this.#processes.has(pid)) return;
    let fd: number;
    try {
      fd = openPidfd(pid);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno !== 'ESRCH' && error.errno !== 'EINVAL') throw error;
      this.#note({ kind: 'process', pid });
      return;
    }
    const stop = onReadable(fd, () => {
      this.#processes.get(pid)?.();
      this.#processes.delete(pid);
      this.#note({ kind: 'process', pid });
    });
    this.#processes.set(pid, () => {
      stop();
      closeSync(fd);
    });
  }

  /** Ends everything; what has not been told is not told any more. */
  close(): void {
    clearImmediate(this.#telling);
    for (const close of [...this.#closers, ...this.#processes.values()]) close();
    this.#processes.clear();
  }

  #isSettled(name: string): boolean {
    return this.#options.namespaces.probe({ kind: 'name', name }).status !== 'refused';
  }

  #note(change: KernelChange): void {
    this.#changes.set(keyOf(change), change);
    this.#telling ??= setImmediate(() => {
      this.#telling = undefined;
      const changes = [...this.#changes.values()];
      this.#changes.clear();
      this.#options.onChanges(changes);
    });
  }
}
