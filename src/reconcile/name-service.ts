/**
 * Keeps the resolvers of the containers and their resolv.conf as the rows say, after each pass over the kernel:
 * a running container on a network with names is answered at 127.0.0.11, and no other. Level-triggered as the
 * pass itself; what failed is tried again by the next one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatResolvConf, type ResolvConf } from '../dns/resolv-conf.ts';
import type { Resolver } from '../dns/server.ts';
import type { DnsSockets, Kernel, NetnsRef } from '../kernel/contract.ts';
import type { ResolvConfFiles } from '../kernel/resolv-conf.ts';
import type { Container, NetnsIdentity } from '../model/container.ts';
import type { Logger } from '../model/logger.ts';
import type { Store } from '../store/contract.ts';
import { netnsRefOf } from './desired.ts';
import type { PassResult } from './loop.ts';
import { hasNames } from './names.ts';
import type { Scope } from './scope.ts';

/** Containers looked at in one turn of the event loop: about 60 µs each of reading rows and a file. */
const BATCH = 32;

/** After how long a resolver begins to read what the kernel has kept for it: when the pass has been answered. */
const START_MS = 5;

/** What the service works with. */
export interface NameServiceOptions {
  readonly store: Store;
  readonly kernel: Pick<Kernel, 'openDnsSockets'>;
  readonly resolver: Resolver;
  readonly files: ResolvConfFiles;
  /** The host's resolv.conf now. */
  readonly hostResolvConf: () => ResolvConf;
  readonly log: Logger;
}

/** The service. */
export interface NameService {
  /**
   * At a start: opens sockets and writes files as the rows say, before it is seen which namespaces are there. What
   * `follow` then finds to be otherwise it does again.
   */
  foresee(): void;
  /** Brings resolvers and files up to what a pass saw. Resolves when they are; logs what fails, never rejects. */
  follow(scope: Scope, result: PassResult): Promise<void>;
  /**
   * The part of `follow` that a pass need not be over for: a namespace that is there and has no names yet, and one that
   * is to have none any more.
   */
  begin(scope: Scope, present: PassResult['present']): Promise<void>;
  /** Writes the resolv.conf of that namespace again if it is not as it should be; gives whose was written. */
  mendFile(name: string): string | undefined;
  /** Ends all resolvers. Files stay: the namespaces do, too. */
  close(): Promise<void>;
}

/** The name under /run/netns by which `ip netns exec` reaches the container; undefined where there is none. */
function netnsNameOf(container: Container): string | undefined {
  return 'netnsName' in container.source ? container.source.netnsName : undefined;
}

function sameNamespace(a: NetnsIdentity | undefined, b: NetnsIdentity): boolean {
  return a?.inode === b.inode && a.bootId === b.bootId;
}

const NONE_MISSING: PassResult['missing'] = new Map();

interface Starting {
  readonly done: Promise<void>;
  /** Ends the waiting: the sockets are closed and never read. */
  readonly cancel: () => void;
}

/** Resolves with true after so long, or with false when it is cancelled. An AbortSignal would cost 0.2 ms more. */
function pause(ms: number): { readonly over: Promise<boolean>; readonly cancel: () => void } {
  let cancel = (): void => undefined;
  const over = new Promise<boolean>((resolve) => {
    const timer = setTimeout(resolve, ms, true);
    cancel = () => {
      clearTimeout(timer);
      resolve(false);
    };
  });
  return { over, cancel };
}

/** Sockets that are opened before it is known whether that namespace is there; undefined where they could not be. */
interface Foreseen {
  readonly identity: NetnsIdentity;
  readonly sockets: Promise<DnsSockets | undefined>;
}

class Service implements NameService {
  readonly #options: NameServiceOptions;
  /** The namespace that a container's sockets were opened in. */
  readonly #served = new Map<string, NetnsIdentity>();
  /** Resolvers that are about to read their sockets, which the kernel has opened. */
  readonly #starting = new Map<string, Starting>();
  /** Resolves when `foresee` has been through all containers; undefined before. */
  #foreseeing: Promise<void> | undefined;
  readonly #foreseen = new Map<string, Foreseen>();
  /** Whose files are as they should be. */
  readonly #written = new Set<string>();
  /** What `begin` saw to in the pass under way, in which namespace; undefined where there are to be no names. */
  #begun: ReadonlyMap<string, NetnsIdentity | undefined> = new Map();

  constructor(options: NameServiceOptions) {
    this.#options = options;
  }

  foresee(): void {
    this.#foreseeing ??= this.#foresee();
  }

  async #foresee(): Promise<void> {
    let rest = this.#options.store.listContainers().filter((container) => this.#isWanted(container));
    while (rest.length > 0) {
      for (const container of rest.slice(0, BATCH)) this.#foreseeOne(container);
      rest = rest.slice(BATCH);
      await nextTurn();
    }
  }

  #foreseeOne(container: Container): void {
    const { id, identity } = container;
    const ref = netnsRefOf(container);
    if (identity !== undefined && ref !== undefined) {
      const sockets = this.#options.kernel.openDnsSockets(ref, identity).catch(() => undefined);
      this.#foreseen.set(id, { identity, sockets });
    }
    try {
      this.#writeFile(netnsNameOf(container));
      this.#written.add(id);
    } catch {
      // Then it is the pass's to tell of it.
    }
  }

  /** Closes what was opened for namespaces that are not there. */
  async #forgetForeseen(): Promise<void> {
    const left = [...this.#foreseen.values()];
    this.#foreseen.clear();
    this.#written.clear();
    for (const opening of left) {
      const sockets = await opening.sockets;
      if (sockets !== undefined) this.#options.resolver.discard(sockets);
    }
  }

  async follow(scope: Scope, result: PassResult): Promise<void> {
    const { store, resolver } = this.#options;
    await this.#foreseeing;
    const begun = this.#begun;
    this.#begun = new Map();
    const isDone = (id: string): boolean => {
      if (!begun.has(id)) return false;
      const identity = begun.get(id);
      if (identity === undefined) return !this.#isWanted(store.getContainer(id));
      return identity === result.present.get(id) && this.#served.get(id) === identity;
    };
    const ids = new Set([
      ...scope.containers,
      ...scope.netns.keys(),
      ...result.present.keys(),
      ...result.missing.keys(),
    ]);
    if (scope.everything) for (const id of [...resolver.listServed(), ...this.#starting.keys()]) ids.add(id);
    let rest = [...ids].filter((id) => !isDone(id));
    while (rest.length > 0) {
      await Promise.all(
        rest.slice(0, BATCH).map((id) => this.#followOne(id, store.getContainer(id), result)),
      );
      rest = rest.slice(BATCH);
      if (rest.length > 0) await nextTurn();
    }
    if (![...scope.netns.keys()].every(isDone) || scope.everything) this.#removeLeftFiles(scope);
    if (scope.everything) await this.#forgetForeseen();
  }

  async begin(scope: Scope, present: PassResult['present']): Promise<void> {
    const { store, resolver } = this.#options;
    const ids = new Set([...scope.containers, ...scope.netns.keys(), ...present.keys()]);
    // Many at once, as at a start, are left to `follow`, which does not hold up the event loop for all of them.
    if (scope.everything || ids.size > BATCH) return;
    const begun = new Map<string, NetnsIdentity | undefined>();
    for (const id of ids) {
      const isWanted = this.#isWanted(store.getContainer(id));
      const identity = present.get(id);
      if (!isWanted) begun.set(id, undefined);
      else if (identity !== undefined && !resolver.isServing(id)) begun.set(id, identity);
    }
    const seen = { present, missing: NONE_MISSING };
    await Promise.all([...begun.keys()].map((id) => this.#followOne(id, store.getContainer(id), seen)));
    this.#removeLeftFiles(scope);
    this.#begun = begun;
  }

  /** Whether it is to have names. */
  #isWanted(container: Container | undefined): container is Container {
    return container?.state === 'running' && hasNames(this.#options.store, container.id);
  }

  mendFile(name: string): string | undefined {
    const { store, log } = this.#options;
    const { match } = store.matchContainer(name);
    if (match?.state !== 'running' || netnsNameOf(match) !== name || !hasNames(store, match.id))
      return undefined;
    // Between a stop and the next start the file is gone because we removed it; the start's pass writes it.
    if (!this.#served.has(match.id)) return undefined;
    try {
      return this.#writeFile(name) ? match.id : undefined;
    } catch (error) {
      log.warn({ container: match.id, err: error }, 'could not mend a resolv.conf');
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#foreseeing;
    await this.#forgetForeseen();
    await Promise.all([...this.#starting.keys()].map((id) => this.#stop(id)));
    await this.#options.resolver.close();
    this.#served.clear();
  }

  async #followOne(
    id: string,
    container: Container | undefined,
    result: Pick<PassResult, 'present' | 'missing'>,
  ): Promise<void> {
    try {
      if (!this.#isWanted(container)) {
        await this.#stop(id);
        if (container !== undefined) this.#removeFile(netnsNameOf(container));
        return;
      }
      const identity = result.present.get(id);
      const isMissing = identity === undefined && result.missing.has(id);
      const done = isMissing ? this.#stop(id) : identity && this.#serve(container, identity);
      try {
        // The kernel thread, which hears of it when this turn is over, opens the sockets meanwhile.
        await Promise.resolve();
        if (!this.#written.delete(id)) this.#writeFile(netnsNameOf(container));
      } finally {
        await done;
      }
    } catch (error) {
      this.#options.log.warn({ container: id, err: error }, 'no names in a namespace');
    }
  }

  async #serve(container: Container, identity: NetnsIdentity): Promise<void> {
    const { resolver } = this.#options;
    const { id } = container;
    const isServed = resolver.isServing(id) || this.#starting.has(id);
    if (isServed && sameNamespace(this.#served.get(id), identity)) return;
    const ref = netnsRefOf(container);
    if (ref === undefined) return;
    // Old sockets first: in the same namespace (after one failed) they would hold the address.
    if (this.#served.has(id)) await this.#stop(id);
    const sockets = await this.#open(id, ref, identity);
    this.#served.set(id, identity);
    const { over, cancel } = pause(START_MS);
    this.#starting.set(id, { cancel, done: this.#start(id, sockets, over) });
  }

  async #open(id: string, ref: NetnsRef, identity: NetnsIdentity): Promise<DnsSockets> {
    const { kernel, resolver } = this.#options;
    const foreseen = this.#foreseen.get(id);
    this.#foreseen.delete(id);
    const sockets = await foreseen?.sockets;
    if (sockets !== undefined && sameNamespace(foreseen?.identity, identity)) return sockets;
    if (sockets !== undefined) resolver.discard(sockets);
    return kernel.openDnsSockets(ref, identity);
  }

  /**
   * Nobody waits for it: from when its sockets are open the kernel keeps what is asked there, and whoever asked for
   * the pass has the answer 0.2 ms sooner.
   */
  async #start(id: string, sockets: DnsSockets, over: Promise<boolean>): Promise<void> {
    const { resolver } = this.#options;
    try {
      if (await over) await resolver.serve(id, sockets);
      else resolver.discard(sockets);
    } catch (error) {
      this.#served.delete(id);
      this.#options.log.warn({ container: id, err: error }, 'no names in a namespace');
    } finally {
      this.#starting.delete(id);
    }
  }

  async #stop(id: string): Promise<void> {
    const starting = this.#starting.get(id);
    starting?.cancel();
    await starting?.done;
    this.#served.delete(id);
    await this.#options.resolver.stop(id);
  }

  /** Whether it had to be written. */
  #writeFile(name: string | undefined): boolean {
    if (name === undefined) return false;
    const { files, hostResolvConf } = this.#options;
    return files.keep(name, formatResolvConf(hostResolvConf())) === 'written';
  }

  #removeFile(name: string | undefined): void {
    if (name !== undefined) this.#options.files.remove(name);
  }

  /** Files of containers that are no longer stored or, after a crash, no longer run: of those in the scope, or all. */
  #removeLeftFiles(scope: Scope): void {
    const { files, store, log } = this.#options;
    try {
      const gone = [...scope.netns].filter(([id]) => store.getContainer(id) === undefined);
      const names = scope.everything
        ? files.list()
        : gone.flatMap(([, ref]) => (ref.kind === 'name' ? [ref.name] : []));
      const isWanted = (name: string): boolean =>
        store.listContainersAt(name).some(({ id, state }) => state === 'running' && hasNames(store, id));
      for (const name of names) if (!isWanted(name)) files.remove(name);
    } catch (error) {
      log.warn({ err: error }, 'resolv.conf files of former namespaces stay');
    }
  }
}

/** A service that serves nobody until the first pass. */
export function createNameService(options: NameServiceOptions): NameService {
  return new Service(options);
}
