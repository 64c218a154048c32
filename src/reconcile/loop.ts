/**
 * The only way to change the kernel: desired → observe → plan → apply, one pass at a time. Requests that
 * arrive while a pass runs share the next one. Start-up, kernel events and the timer call the same pass with a
 * wider scope; they carry no information but "look again".
 */
import type { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import type { Kernel } from '../kernel/contract.ts';
import type { NetnsIdentity } from '../model/container.ts';
import type { NetnsKey } from '../model/netstate.ts';
import type { Store, StoreReader } from '../store/contract.ts';
import { type Applied, apply, type Failures } from './apply.ts';
import { RepairBudget } from './budget.ts';
import { type Drivers, gatherDesired } from './desired.ts';
import { FIREWALL_OBJECT, Firewall } from './firewall.ts';
import { FirewallRecord } from './firewall-record.ts';
import { forgetForwarding, rememberForwarding } from './forwarding-record.ts';
import { type Look, look, observeRequest } from './observe.ts';
import { type Plan, plan } from './plan.ts';
import { type Foreseen, preparationFor, presume } from './presume.ts';
import { gatherWanted, preview, type Wanted } from './preview.ts';
import { EVERYTHING, type Scope, unionOf } from './scope.ts';
import { besides, netnsNames, nsidsOf, presentIn } from './seen.ts';
import { type NetnsNames, show } from './show.ts';

/** Rounds of look, plan, apply in one pass: one does the work, one sees that it is done, one to spare. */
const ROUNDS = 3;

/**
 * Why a pass is asked for: rows changed, somebody asked for a look, or something was heard of the kernel. What a
 * pass without the first mends is drift; what one mends for the last alone is within the budget of repairs.
 */
export type Cause = 'change' | 'asked' | 'watch';

/** Drift that a pass mended, of one object. */
export interface Repair {
  /** Id of the network, endpoint or container; `firewall`; `host`. */
  readonly object: string;
  readonly commands: readonly string[];
  /** Not 0 when its budget was spent with this repair: the next one has to wait so long. */
  readonly waitMs: number;
}

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
  /** The command lines that would have done the same. Made when they are asked for. */
  readonly commands: () => readonly string[];
  /** Which of it was drift. */
  readonly repairs: readonly Repair[];
  /** Objects whose drift was left because their budget is spent, with how long they have to wait. */
  readonly held: ReadonlyMap<string, number>;
}

/**
 * Told after every pass and how long it took, for events, metrics and services that follow the kernel. What it promises is waited for
 * before those who asked for the pass are answered; it must not reject, nor wait for another pass.
 */
export type PassListener = (scope: Scope, result: PassResult, durationMs: number) => void | Promise<void>;

/**
 * Told as soon as the kernel thread has a pass's Operations, with the namespaces that were there: time in which this
 * thread would wait. What it asks of the kernel comes after them. As for a PassListener, and it is told again by that.
 */
export type ApplyListener = (scope: Scope, present: PassResult['present']) => void | Promise<void>;

interface Waiter {
  readonly scope: Scope;
  readonly cause: Cause;
  readonly resolve: (result: PassResult) => void;
  readonly reject: (error: unknown) => void;
}

/** What a reconciler works with. */
export interface ReconcilerOptions {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly drivers: Drivers;
  /** Repairs of one object in a minute that are carried out at once; 10 unless told. */
  readonly repairsPerMinute?: number;
  /** Whether what is forwarded for members is marked for other programs' firewalls; not unless told. */
  readonly markForwarded?: boolean;
}

/** Makes the kernel equal to the store. */
export interface Reconciler {
  /**
   * Resolves when a pass over `scope` that began after this call is done. Rejects only if no look was possible.
   * `cause` is `change` unless told.
   */
  reconcile(scope: Scope, cause?: Cause): Promise<PassResult>;
  /**
   * Begins to look for a pass over just this scope, which will be asked for as soon as the rows, written but not yet
   * committed, are. Nothing comes of it when another pass runs or is first, or when none is asked for. What the
   * kernel holds of what is `foreseen` is known without a look, as far as presume.ts says.
   */
  anticipate(scope: Scope, foreseen?: Foreseen): void;
  /** What these rows (those of a rehearsal, say) ask of the kernel. Synchronous. */
  gather(store: StoreReader, scope: Scope): Wanted;
  /** What a pass would do for what was gathered, as command lines. Changes nothing. */
  preview(wanted: Wanted): Promise<readonly string[]>;
  /** How many ask for the next pass while one runs. */
  readonly waiting: number;
  /** Calls `listener` after every pass from now on. */
  onPass(listener: PassListener): void;
  /**
   * Calls `listener` from now on when a look at everything has been asked of the kernel thread: time in which this thread
   * would wait. What it asks of the kernel comes after that look.
   */
  onLook(listener: () => void): void;
  /** Calls `listener` beside every pass that changes something from now on. */
  onApply(listener: ApplyListener): void;
  /** Resolves when no pass runs or waits. */
  idle(): Promise<void>;
}

interface Round {
  readonly plan: Plan;
  readonly applied: Applied;
  /** Whether rows cannot have asked for it: what was done is drift mended. */
  readonly isRepair: boolean;
  readonly names: NetnsNames;
  readonly held: ReadonlyMap<string, number>;
  readonly present: ReadonlyMap<NetnsKey, NetnsIdentity>;
  readonly nsids: ReadonlyMap<number, string>;
  /** Whether it went by what was presumed: what the kernel then refuses says that it was wrong. */
  readonly presumed: boolean;
  /** Where to look instead, when this scope could not tell everything. */
  readonly widened: Scope | undefined;
}

function commandsOf({ plan: planned, names }: Round): string[] {
  return planned.operations.flatMap((operation) => show(operation, names));
}

/** A look that was begun, or presumed, for the very next pass. */
type EarlyLook = { readonly scope: Scope } & (
  | { readonly begun: Promise<Look> }
  | { readonly presumed: Look }
);

class Loop implements Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #firewall: Firewall;
  readonly #record: FirewallRecord;
  readonly #listeners: PassListener[] = [];
  readonly #lookListeners: (() => void)[] = [];
  readonly #applyListeners: ApplyListener[] = [];
  readonly #budget: RepairBudget;
  #early: EarlyLook | undefined;
  #waiting: Waiter[] = [];
  #running: Promise<void> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#firewall = new Firewall(options.markForwarded ?? false);
    const { store, kernel } = options;
    const isBusy = () => this.#running !== undefined;
    this.#record = new FirewallRecord({ store, kernel, firewall: this.#firewall, isBusy });
    this.#budget = new RepairBudget(options.repairsPerMinute);
  }

  reconcile(scope: Scope, cause: Cause = 'change'): Promise<PassResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ scope, cause, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  anticipate(scope: Scope, foreseen?: Foreseen): void {
    if (this.#running !== undefined) return;
    const { store, drivers } = this.#options;
    const presumed = foreseen && presume(store, drivers, foreseen);
    if (presumed !== undefined) {
      this.#early = { scope, presumed };
      const preparation = preparationFor(presumed);
      if (preparation !== undefined) this.#options.kernel.prepare(preparation);
      return;
    }
    const begun = this.#begin(scope);
    // Whoever makes use of it hears of its failure.
    begun.catch(() => undefined);
    this.#early = { scope, begun };
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  gather(store: StoreReader, scope: Scope): Wanted {
    return gatherWanted({ drivers: this.#options.drivers, firewall: this.#firewall }, store, scope);
  }

  async preview(wanted: Wanted): Promise<readonly string[]> {
    const observation = await this.#options.kernel.observe(observeRequest(wanted.desired));
    const names = netnsNames(wanted.desired);
    return preview(wanted, observation, this.#firewall).flatMap((operation) => show(operation, names));
  }

  onPass(listener: PassListener): void {
    this.#listeners.push(listener);
  }

  onLook(listener: () => void): void {
    this.#lookListeners.push(listener);
  }

  onApply(listener: ApplyListener): void {
    this.#applyListeners.push(listener);
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
      const [first] = waiters;
      const alone = waiters.length === 1 ? first?.scope : undefined;
      const scope = alone ?? unionOf(waiters.map((waiter) => waiter.scope));
      const began = performance.now();
      const result = await this.#pass(scope, waiters);
      const durationMs = performance.now() - began;
      this.#record.passed();
      for (const listener of this.#listeners) await listener(scope, result, durationMs);
      for (const waiter of waiters) waiter.resolve(result);
    } catch (error) {
      for (const waiter of waiters) waiter.reject(error);
    }
  }

  async #pass(first: Scope, waiters: readonly Waiter[]): Promise<PassResult> {
    let scope = first;
    const rounds: Round[] = [];
    for (;;) {
      const round = await this.#round(scope, waiters);
      rounds.push(round);
      const { plan: planned, applied, present, nsids, widened, held } = round;
      const wrong = round.presumed && applied.failures.size > 0;
      const done = widened === undefined && !applied.lookAgain && !wrong && !needsVerification(planned);
      if (done || rounds.length === ROUNDS) {
        const commands = () => rounds.flatMap(commandsOf);
        const repairs = this.#account(rounds);
        return {
          failures: applied.failures,
          missing: planned.missing,
          present,
          nsids,
          commands,
          repairs,
          held,
        };
      }
      scope = widened ?? scope;
    }
  }

  /** What was drift in these rounds, by object, entered into the budget. */
  #account(rounds: readonly Round[]): Repair[] {
    const commands = new Map<string, string[]>();
    for (const { plan: planned, names } of rounds.filter(({ isRepair }) => isRepair)) {
      for (const operation of planned.operations) {
        const lines = commands.get(operation.object) ?? [];
        commands.set(operation.object, [...lines, ...show(operation, names)]);
      }
    }
    const now = performance.now();
    return [...commands].map(([object, lines]) => ({
      object,
      commands: lines,
      waitMs: this.#budget.spend(object, now),
    }));
  }

  #begin(scope: Scope): Promise<Look> {
    const { store, kernel, drivers } = this.#options;
    const looking = look(kernel, scope.everything, () => gatherDesired(store, drivers, scope));
    if (scope.everything) for (const tell of this.#lookListeners) tell();
    return looking;
  }

  async #look(scope: Scope): Promise<Look & { readonly scope: Scope; readonly presumed: boolean }> {
    const early = this.#early?.scope === scope ? this.#early : undefined;
    this.#early = undefined;
    if (early !== undefined && 'presumed' in early) return { ...early.presumed, scope, presumed: true };
    const { desired, observation } = await (early?.begun ?? this.#begin(scope));
    const more = besides(this.#options.store, desired, observation);
    return more === undefined
      ? { desired, observation, scope, presumed: false }
      : this.#look(unionOf([scope, more]));
  }

  async #round(scope: Scope, waiters: readonly Waiter[]): Promise<Round> {
    const recalled = this.#record.recall();
    const first = await this.#look(scope);
    await recalled;
    if (scope.firewall) this.#firewall.forget();
    failpoint('pass.observed');
    const isMoreDesired = await rememberForwarding(this.#options.store, first.observation);
    const { desired, observation, scope: looked, presumed } = isMoreDesired ? await this.#look(scope) : first;
    // Rows may have been changed while we looked; whoever did it waits for the next pass already.
    const causes = new Set([...waiters, ...this.#waiting].map(({ cause }) => cause));
    const rules = this.#firewall.plan(this.#options.store, looked);
    const whole = plan(desired, observation, rules.operations);
    const held = causes.has('change') || causes.has('asked') ? NOTHING_HELD : this.#heldOf(whole);
    const planned = without(whole, held);
    const names = netnsNames(desired);
    failpoint('pass.planned');
    const present = presentIn(observation, planned);
    const applied = await this.#apply(planned, names, looked, present);
    this.#firewall.settle(rules, !applied.failures.has(FIREWALL_OBJECT) && !held.has(FIREWALL_OBJECT));
    failpoint('pass.applied');
    // What is forgotten may change the ruleset: one more round.
    const forgotten =
      applied.failures.size === 0 && (await forgetForwarding(this.#options.store, desired.host.sysctls));
    return {
      plan: planned,
      applied,
      present,
      nsids: nsidsOf(this.#options.store, observation),
      isRepair: !causes.has('change'),
      names,
      held,
      presumed,
      widened: planned.needsEverything && !scope.everything ? EVERYTHING : forgotten ? scope : undefined,
    };
  }

  async #apply(
    planned: Plan,
    names: NetnsNames,
    scope: Scope,
    present: PassResult['present'],
  ): Promise<Applied> {
    const applying = apply(this.#options.kernel, planned, names);
    if (planned.operations.length === 0) return applying;
    const [applied] = await Promise.all([
      applying,
      ...this.#applyListeners.map((tell) => tell(scope, present)),
    ]);
    return applied;
  }

  /** The objects of a plan whose budget is spent. */
  #heldOf(planned: Plan): ReadonlyMap<string, number> {
    const now = performance.now();
    const objects = new Set(planned.operations.map(({ object }) => object));
    return new Map(
      [...objects].flatMap((object) => {
        const waitMs = this.#budget.waitMs(object, now);
        return waitMs === 0 ? [] : [[object, waitMs] as const];
      }),
    );
  }
}

const NOTHING_HELD: ReadonlyMap<string, number> = new Map();

/** The plan without what is for the objects that have to wait. */
function without(planned: Plan, held: ReadonlyMap<string, number>): Plan {
  if (held.size === 0) return planned;
  return { ...planned, operations: planned.operations.filter(({ object }) => !held.has(object)) };
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
