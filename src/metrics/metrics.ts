/**
 * Figures about the daemon for Prometheus. The other rooms know nothing of them: daemon.ts hands this room's
 * listeners to whoever has something to tell, and puts its wrappers around the kernel and the store.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import Counter from 'prom-client/lib/counter.js';
import collectDefaultMetrics from 'prom-client/lib/defaultMetrics.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import type { Answered } from '../api/context.ts';
import type { Kernel } from '../kernel/contract.ts';
import type { PassListener } from '../reconcile/loop.ts';
import type { Store } from '../store/contract.ts';
import { LATENCIES } from './latencies.ts';
import { Ledger } from './ledger.ts';
import { registerRows } from './rows.ts';
import type { MetricsSources } from './sources.ts';
import { watchKernel, watchStore } from './watch.ts';

/** How finely the delay of the event loop is told, in ms. Node's own 10 would wake the daemon more often. */
const EVENT_LOOP_PRECISION_MS = 50;

/**
 * The process's own figures, from the first time that somebody asks: measuring the event loop takes 1.2 ms of each
 * second, a fifth of what the daemon does at rest with 100 members.
 */
function processFigures(register: Registry): () => Promise<void> {
  let begun: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    collectDefaultMetrics({ register, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
    // Before its first measurement the delay would be told as 300 years.
    return sleep(2 * EVENT_LOOP_PRECISION_MS);
  };
  return () => {
    begun ??= begin();
    return begun;
  };
}

/** The figures. One of them per process: some are the process's own. */
export interface Metrics {
  /** The same kernel, its calls and operations counted. */
  watchKernel(kernel: Kernel): Kernel;
  /** The same store, its changes timed until they are on the disk. */
  watchStore(store: Store): Store;
  readonly onAnswer: (answered: Answered) => void;
  readonly onPass: PassListener;
  /** Told of each question to the resolver of a container, and of what became of it. */
  readonly onQuery: (outcome: string) => void;
  /** Adds what is read when somebody asks. To be called once. */
  readFrom(sources: MetricsSources): void;
  /** Prometheus' text format, version 0.0.4. */
  text(): Promise<string>;
}

function answerListener(registers: Registry[], ledger: Ledger): Metrics['onAnswer'] {
  const requests = new Counter({
    name: 'vethd_http_requests_total',
    help: 'Answered requests.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'vethd_http_request_seconds',
    help: 'From request to the end of its answer; a stream of events lasts as long as its reader.',
    labelNames: ['method', 'route'],
    buckets: LATENCIES,
    registers,
  });
  return ({ method, route, status, durationMs }) => {
    ledger.enter(() => {
      requests.inc({ method, route, status });
      seconds.observe({ method, route }, durationMs / 1000);
    });
  };
}

function passListener(registers: Registry[], ledger: Ledger): PassListener {
  const passes = new Histogram({
    name: 'vethd_pass_seconds',
    help: 'Passes of the reconciler: over everything (full) or over what a request touched (part).',
    labelNames: ['scope'],
    buckets: LATENCIES,
    registers,
  });
  const failures = new Counter({
    name: 'vethd_pass_failures_total',
    help: 'Networks, endpoints and containers that a pass could not make as they should be.',
    registers,
  });
  const repairs = new Counter({
    name: 'vethd_repairs_total',
    help: 'Repairs of what nobody had asked to be changed.',
    registers,
  });
  const delayed = new Counter({
    name: 'vethd_repair_budgets_spent_total',
    help: 'Repairs after which the next one of the same object has to wait: somebody undoes them.',
    registers,
  });
  return (scope, result, durationMs) => {
    const { failures: failed, repairs: made } = result;
    ledger.enter(() => {
      passes.observe({ scope: scope.everything ? 'full' : 'part' }, durationMs / 1000);
      failures.inc(failed.size);
      repairs.inc(made.length);
      delayed.inc(made.filter(({ waitMs }) => waitMs > 0).length);
    });
  };
}

function queryListener(registers: Registry[], ledger: Ledger): Metrics['onQuery'] {
  const queries = new Counter({
    name: 'vethd_dns_queries_total',
    help: 'Questions of containers: answered from the networks (reply), passed on (forward), or no query (ignore).',
    labelNames: ['outcome'],
    registers,
  });
  return (outcome) => ledger.enter(() => queries.inc({ outcome }));
}

/** Figures that begin at nought; those of the process itself when they are first asked for. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const ledger = new Ledger();
  const beginProcessFigures = processFigures(registry);
  return {
    watchKernel: (kernel) => watchKernel(kernel, registers, ledger),
    watchStore: (store) => watchStore(store, registers, ledger),
    onAnswer: answerListener(registers, ledger),
    onPass: passListener(registers, ledger),
    onQuery: queryListener(registers, ledger),
    readFrom: (sources) => registerRows(sources, registers),
    async text() {
      await beginProcessFigures();
      ledger.book();
      return registry.metrics();
    },
  };
}
