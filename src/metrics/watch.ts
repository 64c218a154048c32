/** The kernel and the store with a clock around their calls. What they give and throw is untouched. */
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import type Registry from 'prom-client/lib/registry.js';
import type { Kernel } from '../kernel/contract.ts';
import type { Store } from '../store/contract.ts';
import { LATENCIES } from './latencies.ts';
import type { Ledger } from './ledger.ts';

/** The kernel; the time of a call includes its waiting for the thread. */
export function watchKernel(kernel: Kernel, registers: Registry[], ledger: Ledger): Kernel {
  const seconds = new Histogram({
    name: 'vethd_kernel_call_seconds',
    help: 'Calls of the kernel thread, their waiting for others included.',
    labelNames: ['call'],
    buckets: LATENCIES,
    registers,
  });
  let running = 0;
  new Gauge({
    name: 'vethd_kernel_calls_running',
    help: 'Calls that the kernel thread has not answered yet.',
    registers,
    collect() {
      this.set(running);
    },
  });
  const operations = new Counter({
    name: 'vethd_operations_total',
    help: 'Changes of the kernel by kind; outcome is ok or the kernel’s errno.',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const timed = <Result>(call: string, promise: Promise<Result>): Promise<Result> => {
    const began = performance.now();
    running += 1;
    return promise.finally(() => {
      running -= 1;
      const ended = performance.now();
      ledger.enter(() => seconds.observe({ call }, (ended - began) / 1000));
    });
  };
  return {
    ...kernel,
    probeNetns: (ref) => timed('probeNetns', kernel.probeNetns(ref)),
    visitNetns: (ref) => timed('visitNetns', kernel.visitNetns(ref)),
    listNetnsNames: () => timed('listNetnsNames', kernel.listNetnsNames()),
    listOnLinkPrefixes: (families) => timed('listOnLinkPrefixes', kernel.listOnLinkPrefixes(families)),
    findOnLinkRoutes: (prefixes) => timed('findOnLinkRoutes', kernel.findOnLinkRoutes(prefixes)),
    observe: (request) => timed('observe', kernel.observe(request)),
    reap: () => timed('reap', kernel.reap()),
    apply: async (request) => {
      const results = await timed('apply', kernel.apply(request));
      ledger.enter(() => {
        for (const [index, { op }] of request.operations.entries()) {
          const result = results[index];
          if (result !== undefined)
            operations.inc({ operation: op, outcome: result.ok ? 'ok' : result.errno });
        }
      });
      return results;
    },
  };
}

/** The store; the time of a change ends when it is committed, or refused. */
export function watchStore(store: Store, registers: Registry[], ledger: Ledger): Store {
  const seconds = new Histogram({
    name: 'vethd_store_write_seconds',
    help: 'Changes of the database until they are committed, those that share a transaction each for itself.',
    buckets: LATENCIES,
    registers,
  });
  const syncs = new Histogram({
    name: 'vethd_store_sync_seconds',
    help: 'Waiting until what is committed is on the disk, each that waits for itself.',
    buckets: LATENCIES,
    registers,
  });
  const timed = <Result>(histogram: Histogram, promise: Promise<Result>): Promise<Result> => {
    const began = performance.now();
    return promise.finally(() => {
      const ended = performance.now();
      ledger.enter(() => histogram.observe((ended - began) / 1000));
    });
  };
  return {
    ...store,
    onDisk: () => timed(syncs, store.onDisk()),
    write: (change) => timed(seconds, store.write(change)),
  };
}
