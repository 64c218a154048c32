/** Binds the verbs to what they work with. */
import type { StoredEvent } from '../model/event.ts';
import type { Logger } from '../model/logger.ts';
import { EMPTY_SCOPE, EVERYTHING } from '../reconcile/scope.ts';
import { connect } from './connect.ts';
import {
  killContainer,
  removeContainer,
  restartContainer,
  startContainer,
  stopContainer,
} from './container-state.ts';
import type { EngineContext } from './context.ts';
import type { Engine, Mode } from './contract.ts';
import { containerCounters } from './counters.ts';
import { createContainer } from './create-container.ts';
import { createNetwork } from './create-network.ts';
import { disconnect } from './disconnect.ts';
import { doctor } from './doctor.ts';
import { createExecs } from './exec.ts';
import { follow } from './follow.ts';
import { createHistory } from './history.ts';
import { info } from './info.ts';
import { ensurePredefinedNetworks } from './predefined.ts';
import { recover } from './recover.ts';
import { pruneNetworks, removeNetwork } from './remove-network.ts';
import { renameContainer } from './rename-container.ts';
import { tellRepairs } from './repairs.ts';
import { setPorts } from './set-ports.ts';
import { trace } from './trace.ts';
import { Unanswered } from './unanswered.ts';
import { inspectContainer, inspectNetwork, listContainers, listNetworks, networkUsage } from './views.ts';
import { waitContainer } from './wait-container.ts';

/** What the verbs are built from. */
export type EngineOptions = Omit<EngineContext, 'publish' | 'unanswered'> & { readonly log: Logger };

/** The verbs, and what the daemon itself asks of them. */
export interface RunningEngine extends Engine {
  /** Makes the predefined networks, brings the kernel up to the store, follows passes from then on. */
  start(): Promise<void>;
  /** Tells as an event that something outside the kernel was mended for the container. */
  tellMended(containerId: string, how: string): void;
}

async function reconcileNow(context: EngineContext, mode: Mode): Promise<readonly string[]> {
  const { reconciler, store } = context;
  if (mode.dryRun) return reconciler.preview(reconciler.gather(store, EVERYTHING));
  return (await reconciler.reconcile(EVERYTHING, 'asked')).commands();
}

/** The engine over these rooms. It does nothing before `start`. */
export function createEngine(options: EngineOptions): RunningEngine {
  const listeners = new Set<(event: StoredEvent) => void>();
  const subscribe = (listener: (event: StoredEvent) => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const context: EngineContext = {
    ...options,
    unanswered: new Unanswered(options.store),
    publish: (event) => {
      for (const listener of [...listeners]) listener(event);
    },
  };
  const { store, reconciler, log } = options;
  const followPass = (result: Parameters<typeof follow>[1]): Promise<void> =>
    follow(context, result).catch((error: unknown) =>
      log.error({ err: error }, 'could not follow the namespaces'),
    );
  const tell = (repairs: Parameters<typeof tellRepairs>[1]): void => {
    tellRepairs(context, repairs).catch((error: unknown) =>
      log.error({ err: error }, 'could not tell of repairs'),
    );
  };
  const history = createHistory(options.now);
  return {
    createNetwork: (spec, mode) => createNetwork(context, spec, mode),
    removeNetwork: (term, mode) => removeNetwork(context, term, mode),
    pruneNetworks: (filters, mode) => pruneNetworks(context, filters, mode),
    inspectNetwork: (term) => inspectNetwork(context, term),
    listNetworks: (filters, withMembers) => listNetworks(context, filters, withMembers),
    networkUsage: (network) => networkUsage(context, network),
    connect: (network, container, spec, mode) => connect(context, network, container, spec, mode),
    disconnect: (network, container, force, mode) => disconnect(context, network, container, force, mode),
    setPorts: (id, ports, mode) => setPorts(context, id, ports, mode),
    createContainer: (spec, mode) => createContainer(context, spec, mode),
    startContainer: (term, mode) => startContainer(context, term, mode),
    stopContainer: (term, mode) => stopContainer(context, term, mode),
    killContainer: (term, signal, mode) => killContainer(context, term, signal, mode),
    restartContainer: (term, mode) => restartContainer(context, term, mode),
    renameContainer: (term, name, mode) => renameContainer(context, term, name, mode),
    removeContainer: (term, force, mode) => removeContainer(context, term, force, mode),
    inspectContainer: (term) => inspectContainer(context, term),
    listContainers: (all) => listContainers(context, all),
    waitContainer: (term, condition, signal) => waitContainer(context, subscribe, term, condition, signal),
    containerCounters: (term) => containerCounters(context, term),
    execs: createExecs(context),
    trace: (term) => trace(context, term),
    reconcile: (mode) => reconcileNow(context, mode),
    info: () => info(context),
    doctor: () => doctor(context, history.read()),
    listEvents: (afterSequence) => store.listEvents(afterSequence),
    subscribe,
    tellMended: (object, how) => tell([{ object, commands: [how], waitMs: 0 }]),
    async start() {
      reconciler.onPass(history.note);
      if (context.config.recover) {
        const endpoints = await recover(context);
        if (endpoints !== undefined) log.warn({ endpoints }, 'the state was rebuilt from the kernel');
      }
      await ensurePredefinedNetworks(context);
      const first = await reconciler.reconcile(EVERYTHING);
      for (const [object, error] of first.failures) log.warn({ object, err: error }, 'could not be made');
      await followPass(first);
      if (await context.unanswered.takeBack(first)) await reconciler.reconcile(EVERYTHING);
      await store.onDisk();
      // What a crash left marked for deletion; nobody waits for it.
      context.kernel.reap().catch((error: unknown) => log.warn({ err: error }, 'retired links stay'));
      reconciler.onPass((scope, result) => {
        if (scope !== EMPTY_SCOPE) void followPass(result);
        tell(result.repairs);
      });
    },
  };
}
