/**
 * The only way to change the kernel: desired → observe → plan → apply, one pass at a time. Requests that
 * arrive while a pass runs share the next one. Start-up, kernel events and the timer call the same pass with a
 * wider scope; they carry no information but "look again".
 */
import type { VethdError } from '../errors.ts';
import type { Kernel, Observation } from '../kernel/contract.ts';
import type { NetnsIdentity } from '../model/container.ts';
import type { NetnsKey } from '../model/netstate.ts';
import type { Operation } from '../model/operation.ts';
import type { Store, StoreReader } from '../store/contract.ts';
import { type Applied, apply, type Failures } from './apply.ts';
import { type Desired, type Drivers, gatherDesired } from './desired.ts';
import { FIREWALL_OBJECT, Firewall } from './firewall.ts';
import { objectOf } from './kinds/link.ts';
import { observeRequest } from './observe.ts';
import { type Plan, plan } from './plan.ts';
import { EVERYTHING, type Scope, scopeOf, unionOf } from './scope.ts';
import { type NetnsNames, show } from './show.ts';

/** Rounds of look, plan, apply in one pass: one does the work, one sees that it is done, one to spare. */
const ROUNDS = 3;

/** What a pass found and did. */
export interface PassResult {
  /** What is still not as desired, by the id of the network, endpoint or container. */
  readonly failures: Failures;
  /** Containers whose namespace is not there (yet, or any more), with the reason. */
  readonly missing: ReadonlyMap<NetnsKey, string>;
  /** Namespaces that were there when the pass looked. */
  readonly present: ReadonlyMap<NetnsKey, NetnsIdentity>;
  /** The containers behind the kernel's numbers of namespaces, as far as the pass saw them. */
  readonly nsids: ReadonlyMap<number, string>;
  /** The command lines that would have done the same. */
  readonly commands: readonly string[];
}

/**
 * Told after every pass, for events, metrics and services that follow the kernel. What it promises is waited for
 * before those who asked for the pass are answered; it must not reject, nor wait for another pass.
 */
export type PassListener = (scope: Scope, result: PassResult) => void | Promise<void>;

interface Waiter {
  readonly scope: Scope;
  readonly resolve: (result: PassResult) => void;
  readonly reject: (error: unknown) => void;
}

/** What a reconciler works with. */
export interface ReconcilerOptions {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly drivers: Drivers;
}

/** What rows ask of the kernel. */
export interface Wanted {
  readonly desired: Desired;
  /** What has to be done to the ruleset. */
  readonly firewall: readonly Operation[];
}

/** Makes the kernel equal to the store. */
export interface Reconciler {
  /** Resolves when a pass over `scope` that began after this call is done. Rejects only if no look was possible. */
  reconcile(scope: Scope): Promise<PassResult>;
  /** What these rows (those of a rehearsal, say) ask of the kernel. Synchronous. */
  gather(store: StoreReader, scope: Scope): Wanted;
  /** What a pass would do for what was gathered, as command lines. Changes nothing. */
  preview(wanted: Wanted): Promise<readonly string[]>;
  /** Calls `listener` after every pass from now on. */
  onPass(listener: PassListener): void;
  /** Resolves when no pass runs or waits. */
  idle(): Promise<void>;
}

/** Names of the namespaces of a desired state, for command lines. */
export function netnsNames(desired: Desired): NetnsNames {
  return (key) => {
    const ref = desired.netns.get(key)?.ref ?? desired.vacant.get(key);
    if (ref?.kind === 'name') return { name: ref.name };
    if (ref?.kind === 'path') return { path: ref.path };
    if (ref?.kind === 'pid') return { path: `/proc/${ref.pid}/ns/net` };
    return { name: key.slice(0, 12) };
  };
}

/** Members that a missing bridge has lost: they must be looked at with it. */
function strandedMembers(store: StoreReader, desired: Desired, observation: Observation): string[] {
  const seen = new Set(observation.host.links.map((link) => link.ifname));
  return desired.host.links
    .filter((link) => link.kind === 'bridge' && !seen.has(link.ifname))
    .flatMap((link) => store.listEndpointsOfNetwork(objectOf(link.alias)))
    .map(({ containerId }) => containerId)
    .filter((id) => !desired.netns.has(id) && !desired.vacant.has(id));
}

/**
 * What a scoped look met besides what it was sent for, or needs for its answer: members of a missing bridge,
 * and links of ours that belong to rows outside the scope (renamed, say). Undefined when the scope will do.
 */
function besides(store: StoreReader, desired: Desired, observation: Observation): Scope | undefined {
  if (desired.everything) return undefined;
  const containers = strandedMembers(store, desired, observation);
  const networks: string[] = [];
  const wanted = new Set(desired.host.links.map(({ alias }) => alias));
  for (const link of observation.host.links) {
    const id = objectOf(link.alias);
    if (id === '' || wanted.has(link.alias)) continue;
    const owner = store.getEndpoint(id)?.containerId;
    if (owner !== undefined && !desired.netns.has(owner) && !desired.vacant.has(owner))
      containers.push(owner);
    if (store.getNetwork(id) !== undefined) networks.push(id);
  }
  return containers.length + networks.length === 0 ? undefined : scopeOf({ containers, networks });
}

/** Behind which kernel number of a namespace (nsid) which container was seen. */
function nsidsOf(store: StoreReader, observation: Observation): Map<number, string> {
  const owners = new Map<number, string>();
  for (const { alias, peerNetnsid } of observation.host.links) {
    const endpoint = peerNetnsid < 0 ? undefined : store.getEndpoint(objectOf(alias));
    if (endpoint !== undefined) owners.set(peerNetnsid, endpoint.containerId);
  }
  return owners;
}

interface Round {
  readonly plan: Plan;
  readonly applied: Applied;
  readonly commands: readonly string[];
  readonly present: ReadonlyMap<NetnsKey, NetnsIdentity>;
  readonly nsids: ReadonlyMap<number, string>;
  /** Where to look instead, when this scope could not tell everything. */
  readonly widened: Scope | undefined;
}

class Loop implements Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #firewall = new Firewall();
  readonly #listeners: PassListener[] = [];
  #waiting: Waiter[] = [];
  #running: Promise<void> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  reconcile(scope: Scope): Promise<PassResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ scope, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  gather(store: StoreReader, scope: Scope): Wanted {
    const operation = this.#firewall.plan(store, scope).operation;
    const desired = gatherDesired(store, this.#options.drivers, scope);
    return { desired, firewall: operation === undefined ? [] : [operation] };
  }

  async preview({ desired, firewall }: Wanted): Promise<readonly string[]> {
    const observation = await this.#options.kernel.observe(observeRequest(desired));
    const names = netnsNames(desired);
    return plan(desired, observation, firewall).operations.flatMap((operation) => show(operation, names));
  }

  onPass(listener: PassListener): void {
    this.#listeners.push(listener);
  }

  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Requests made in one turn of the event loop belong to one pass.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const waiters = this.#waiting;
      this.#waiting = [];
      await this.#serve(waiters);
    }
    this.#running = undefined;
  }

  async #serve(waiters: readonly Waiter[]): Promise<void> {
    try {
      const scope = unionOf(waiters.map((waiter) => waiter.scope));
      const result = await this.#pass(scope);
      for (const listener of this.#listeners) await listener(scope, result);
      for (const waiter of waiters) waiter.resolve(result);
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error);
    }
  }

  async #pass(first: Scope): Promise<PassResult> {
    let scope = first;
    const commands: string[] = [];
    for (let round = 1; ; round++) {
      const { plan: planned, applied, present, nsids, widened, commands: lines } = await this.#round(scope);
      commands.push(...lines);
      const done = widened === undefined && !applied.lookAgain && !needsVerification(planned);
      if (done || round === ROUNDS) {
        return { failures: applied.failures, missing: planned.missing, present, nsids, commands };
      }
      scope = widened ?? scope;
    }
  }

  async #look(scope: Scope): Promise<{ desired: Desired; observation: Observation; scope: Scope }> {
    const { store, kernel, drivers } = this.#options;
    const desired = gatherDesired(store, drivers, scope);
    const observation = await kernel.observe(observeRequest(desired));
    const more = besides(store, desired, observation);
    return more === undefined ? { desired, observation, scope } : this.#look(unionOf([scope, more]));
  }

  async #round(scope: Scope): Promise<Round> {
    if (scope.firewall) this.#firewall.forget();
    const { desired, observation, scope: looked } = await this.#look(scope);
    const rules = this.#firewall.plan(this.#options.store, looked);
    const planned = plan(desired, observation, rules.operation === undefined ? [] : [rules.operation]);
    const names = netnsNames(desired);
    const applied = await apply(this.#options.kernel, planned, names);
    this.#firewall.settle(rules, !applied.failures.has(FIREWALL_OBJECT));
    const present = new Map(
      [...observation.netns].flatMap(([key, found]) =>
        found.status === 'present' && !planned.missing.has(key) ? [[key, found.identity] as const] : [],
      ),
    );
    return {
      plan: planned,
      applied,
      present,
      nsids: nsidsOf(this.#options.store, observation),
      commands: planned.operations.flatMap((operation) => show(operation, names)),
      widened: planned.needsEverything && !scope.everything ? EVERYTHING : undefined,
    };
  }
}

/**
 * Whether a plan that went well may still have left something: changing a link can make the kernel drop what
 * hangs on it (routes of a link that went down). Links made anew, and what was put on them, need no second look.
 */
function needsVerification(planned: Plan): boolean {
  const born = new Set(
    planned.operations.flatMap((operation) => (operation.op === 'createVeth' ? [operation.peer.alias] : [])),
  );
  return planned.operations.some(
    (operation) =>
      operation.op === 'changeLink' && operation.ifname !== 'lo' && !born.has(operation.change.alias ?? ''),
  );
}

/** A reconciler over this store and kernel. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  return new Loop(options);
}

/** The error for what a request wanted and did not get; undefined when the pass left it as desired. */
export function failureOf(result: PassResult, ids: readonly string[]): VethdError | undefined {
  for (const id of [...ids, FIREWALL_OBJECT]) {
    const failure = result.failures.get(id);
    if (failure !== undefined) return failure;
  }
  return undefined;
}
