/**
 * Turns "something changed" into passes. An event says where to look, never what to do; events of our own
 * Operations cause one more look that finds nothing, which is also the proof that the work was done.
 */
import type { Kernel, KernelChange } from '../kernel/contract.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Logger } from '../model/logger.ts';
import type { Store } from '../store/contract.ts';
import { FIREWALL_OBJECT } from './firewall.ts';
import type { Reconciler } from './loop.ts';
import { processOf } from './processes.ts';
import { EMPTY_SCOPE, EVERYTHING, type Scope, scopeOf, unionOf } from './scope.ts';

/** Quiet time after which collected events are acted on: a burst (an `ip link del`) is one look. */
const SETTLE_MS = 20;

/** Longest wait while events go on coming. */
const PATIENCE_MS = 200;

/** How often everything is looked at, though nothing was said: events can be lost. */
const EVERYTHING_MS = 30_000;

/**
 * With a thousand members such a look takes most of a second: no more of the time than one part of this many is
 * spent on them.
 */
const REST_FACTOR = 200;

/** What could not be mended is tried again after so long, then after twice that, and so on. */
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 16_000;

/** What the watch works with. */
export interface WatchOptions {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly reconciler: Reconciler;
  readonly log: Logger;
  /** Somebody has changed another firewall than ours; not told before `begin`. */
  readonly onForeignFirewall: () => void;
}

type HostLinkChange = Extract<KernelChange, { kind: 'network' }> & { readonly ifname: string };

/** Whose MAC it is: at a port that is not its own it was taken from that, without a word about it. */
function ownerOfMac(
  store: Store,
  { bridge, mac }: NonNullable<HostLinkChange['forwarding']>,
): Endpoint | undefined {
  const network = store.findNetworkByBridge(bridge);
  return network && store.findEndpointByMac(network.id, mac);
}

/** `neighbour`: whose entry on that link it was. A bridge can have a thousand: only that member is looked at. */
function scopeOfHostLink(store: Store, change: HostLinkChange): Scope {
  const { ifname, neighbour, forwarding } = change;
  const endpoint = store.findEndpointByVeth(ifname);
  const owner = forwarding && ownerOfMac(store, forwarding);
  // Only a look at everything shows what a port has besides its own.
  if (endpoint !== undefined && forwarding !== undefined && owner?.id !== endpoint.id) return EVERYTHING;
  const member = endpoint ?? owner;
  if (member !== undefined) return scopeOf({ containers: [member.containerId] });
  const network = store.findNetworkByBridge(ifname);
  // A renamed link of ours, or none of ours: a look at its alias tells, and widens the scope.
  if (network === undefined) return scopeOf({ links: [ifname] });
  const neighbouring = neighbour && store.findMemberAt(network.id, neighbour);
  return neighbouring === undefined
    ? scopeOf({ networks: [network.id] })
    : scopeOf({ containers: [neighbouring.containerId] });
}

function scopeOfName(store: Store, name: string): Scope {
  const containers = store.listContainersAt(name);
  return scopeOf({ containers: containers.map(({ id }) => id) });
}

function scopeOfProcess(store: Store, pid: number): Scope {
  const containers = store.listContainers().filter((container) => processOf(container) === pid);
  return scopeOf({ containers: containers.map(({ id }) => id) });
}

function scopeOfObject(store: Store, object: string): Scope {
  if (object === FIREWALL_OBJECT) return scopeOf({ firewall: true });
  if (store.getNetwork(object) !== undefined) return scopeOf({ networks: [object] });
  const containerId = store.getEndpoint(object)?.containerId ?? store.getContainer(object)?.id;
  return containerId === undefined ? EVERYTHING : scopeOf({ containers: [containerId] });
}

class Watch {
  readonly #options: WatchOptions;
  /** The kernel's numbers of the namespaces that passes saw behind our host ends. */
  readonly #owners = new Map<number, string>();
  #scopes: Scope[] = [];
  #since = 0;
  #settle: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS;
  #restMs = EVERYTHING_MS;
  #timer: NodeJS.Timeout | undefined;
  #state: 'listening' | 'begun' | 'stopped' = 'listening';

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  async listen(): Promise<void> {
    const { kernel, reconciler } = this.#options;
    reconciler.onPass((scope, { nsids, held, failures }, durationMs) => {
      for (const [nsid, containerId] of nsids) this.#owners.set(nsid, containerId);
      this.#lookLater(held);
      this.#tryAgain([...failures.keys()]);
      if (scope.everything) this.#restMs = Math.max(EVERYTHING_MS, durationMs * REST_FACTOR);
    });
    await kernel.watch((change) => {
      if (change.kind !== 'foreignFirewall') this.#note(this.#scopeOf(change));
      else if (this.#state === 'begun') this.#options.onForeignFirewall();
    });
  }

  begin(): void {
    this.#state = 'begun';
    if (this.#scopes.length > 0) this.#look(this.#scopes);
    this.#rest();
  }

  stop(): void {
    this.#state = 'stopped';
    clearTimeout(this.#settle);
    clearTimeout(this.#retry);
    clearTimeout(this.#again);
    clearTimeout(this.#timer);
  }

  #rest(): void {
    this.#timer = setTimeout(() => {
      this.#look([EVERYTHING]);
      this.#rest();
    }, this.#restMs);
    this.#timer.unref();
  }

  #scopeOf(change: KernelChange): Scope {
    const { store } = this.#options;
    switch (change.kind) {
      case 'network': {
        if (change.nsid === undefined) {
          // A setting of the host, or a link without a name that we know: every pass looks at the settings.
          const { ifname } = change;
          return ifname === undefined ? scopeOf({}) : scopeOfHostLink(store, { ...change, ifname });
        }
        const owner = this.#owners.get(change.nsid);
        return owner === undefined ? EMPTY_SCOPE : scopeOf({ containers: [owner] });
      }
      case 'names':
        return scopeOfName(store, change.name);
      case 'process':
        return scopeOfProcess(store, change.pid);
      case 'firewall':
        return scopeOf({ firewall: true });
      case 'foreignFirewall':
        // Nothing of ours: told to whom it concerns.
        return EMPTY_SCOPE;
      case 'resync':
        return EVERYTHING;
    }
  }

  #note(scope: Scope): void {
    if (this.#state === 'stopped' || scope === EMPTY_SCOPE) return;
    const now = performance.now();
    if (this.#scopes.length === 0) this.#since = now;
    this.#scopes.push(scope);
    if (this.#state === 'listening') return;
    clearTimeout(this.#settle);
    const patience = this.#since + PATIENCE_MS - now;
    this.#settle = setTimeout(() => this.#look(this.#scopes), Math.max(0, Math.min(SETTLE_MS, patience)));
  }

  /** What was left because its budget is spent is looked at again when the first of it may be mended. */
  #lookLater(held: ReadonlyMap<string, number>): void {
    if (held.size === 0 || this.#state === 'stopped') return;
    const { store } = this.#options;
    const scopes = [...held.keys()].map((object) => scopeOfObject(store, object));
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#note(unionOf(scopes)), Math.min(...held.values()));
    this.#again.unref();
  }

  /** A program that hung, memory that was short: what a pass could not do is not left until everything is looked at. */
  #tryAgain(objects: readonly string[]): void {
    if (objects.length === 0) this.#retryMs = RETRY_MS;
    if (objects.length === 0 || this.#retry !== undefined || this.#state === 'stopped') return;
    const { store } = this.#options;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#note(unionOf(objects.map((object) => scopeOfObject(store, object))));
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
  }

  #look(scopes: readonly Scope[]): void {
    this.#scopes = [];
    const { reconciler, log } = this.#options;
    reconciler.reconcile(unionOf(scopes), 'watch').then(
      ({ failures }) => {
        for (const [object, error] of failures) log.warn({ object, err: error }, 'could not repair');
      },
      (error: unknown) => log.error({ err: error }, 'could not look at the kernel'),
    );
  }
}

/** A watch over the kernel. */
export interface KernelWatch {
  /** Has looked at what was heard of until now, and from now on whatever changes. */
  begin(): void;
  stop(): void;
}

/**
 * Hears of every change from when this resolves, so that none is missed while the first pass runs, and does nothing
 * about it before `begin`.
 */
export async function openWatch(options: WatchOptions): Promise<KernelWatch> {
  const watch = new Watch(options);
  await watch.listen();
  return watch;
}
