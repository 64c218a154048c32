import { expect, test } from 'vitest';
import { noLoad } from '../api/context.ts';
import type { Kernel } from '../kernel/contract.ts';
import { parsePrefix } from '../model/address.ts';
import { EVERYTHING } from '../reconcile/scope.ts';
import type { Store } from '../store/contract.ts';
import { createMetrics } from './metrics.ts';

/** An object with some of the members of a type; asking for another one is a fault of the test. */
function some<Whole extends object>(part: Partial<Whole>): Whole {
  return new Proxy<Whole>(Object.assign(Object.create(null), part), {
    get: (target, key) => {
      if (Object.hasOwn(target, key)) return Reflect.get(target, key);
      throw new Error(`${String(key)} was not expected`);
    },
  });
}

test('answers by route and status', async () => {
  const metrics = createMetrics();
  metrics.onAnswer({ method: 'GET', route: '/networks/:id', status: 404, durationMs: 3 });
  const text = await metrics.text();
  expect(text).toContain('vethd_http_requests_total{method="GET",route="/networks/:id",status="404"} 1');
  expect(text).toContain(
    'vethd_http_request_seconds_bucket{le="0.0025",method="GET",route="/networks/:id"} 0',
  );
  expect(text).toContain(
    'vethd_http_request_seconds_bucket{le="0.005",method="GET",route="/networks/:id"} 1',
  );
});

test('operations by kind and outcome, calls with their time, also those that fail', async () => {
  const metrics = createMetrics();
  const kernel = metrics.watchKernel(
    some<Kernel>({
      apply: async () => [{ ok: true }, { ok: false, errno: 'EBUSY', reason: 'no' }],
      reap: () => Promise.reject(new Error('no')),
    }),
  );
  const at = { netns: 'host', object: 'x' } as const;
  await kernel.apply({
    operations: [
      { ...at, op: 'setSysctl', sysctl: { key: 'ipv4/ip_forward', value: '1' } },
      { ...at, op: 'setSysctl', sysctl: { key: 'ipv4/nothing', value: '1' } },
    ],
    netns: new Map(),
  });
  await expect(kernel.reap()).rejects.toThrow('no');
  const text = await metrics.text();
  expect(text).toContain('vethd_operations_total{operation="setSysctl",outcome="ok"} 1');
  expect(text).toContain('vethd_operations_total{operation="setSysctl",outcome="EBUSY"} 1');
  expect(text).toContain('vethd_kernel_call_seconds_count{call="apply"} 1');
  expect(text).toContain('vethd_kernel_call_seconds_count{call="reap"} 1');
  expect(text).toContain('vethd_kernel_calls_running 0');
});

test('changes of the store, with what they give', async () => {
  const metrics = createMetrics();
  const write: Store['write'] = async (change) => change(some({}), true);
  const store = metrics.watchStore(some<Store>({ write }));
  expect(await store.write(() => 7)).toBe(7);
  expect(await metrics.text()).toContain('vethd_store_write_seconds_count 1');
});

test('passes, repairs, questions', async () => {
  const metrics = createMetrics();
  const nothing = {
    missing: new Map(),
    present: new Map(),
    nsids: new Map(),
    commands: () => [],
    held: new Map(),
  };
  const repairs = [
    { object: 'a', commands: [], waitMs: 0 },
    { object: 'b', commands: [], waitMs: 5 },
  ];
  await metrics.onPass(EVERYTHING, { ...nothing, failures: new Map(), repairs }, 20);
  metrics.onQuery('forward');
  const text = await metrics.text();
  expect(text).toContain('vethd_pass_seconds_count{scope="full"} 1');
  expect(text).toContain('vethd_repairs_total 2');
  expect(text).toContain('vethd_repair_budgets_spent_total 1');
  expect(text).toContain('vethd_dns_queries_total{outcome="forward"} 1');
});

test('rows and queues are read when somebody asks', async () => {
  const metrics = createMetrics();
  const pool = (name: string, prefix: string) => ({
    networkId: name,
    networkName: name,
    prefix: parsePrefix(prefix),
  });
  const store = some<Store>({
    listNetworks: () => [],
    listContainers: () => [],
    listEndpoints: () => [],
    listPools: () => [pool('lab', '172.20.0.0/16'), pool('own', '10.9.0.0/24')],
    countTaken: () => 5n,
  });
  const load = { ...noLoad(), writesWaiting: 3 };
  const addressPools = [{ base: parsePrefix('172.20.0.0/14'), size: 16 }];
  metrics.readFrom({ store, addressPools, loads: [load, noLoad()], passesWaiting: () => 2 });
  const text = await metrics.text();
  expect(text).toContain('vethd_pool_subnets{pool="172.20.0.0/14"} 4');
  expect(text).toContain('vethd_pool_subnets_used{pool="172.20.0.0/14"} 1');
  expect(text).toContain('vethd_subnet_addresses_used{network="own",subnet="10.9.0.0/24"} 5');
  expect(text).toContain('vethd_endpoints 0');
  expect(text).toContain('vethd_writes_waiting 3');
  expect(text).toContain('vethd_passes_waiting 2');
});
