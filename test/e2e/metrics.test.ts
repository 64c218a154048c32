/** GET /metrics of the real daemon: the figures move with what is done. */
import { expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, ip, linksOf, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const vethd = daemonForFile();

/** The figures by name and labels, as Prometheus would read them. */
async function figures(): Promise<ReadonlyMap<string, number>> {
  const { status, headers, body } = await vethd.request('GET', '/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = String(body)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name = '', value = ''] = /^(.+) (\S+)$/.exec(line) ?? [];
      return [name, Number(value)];
    }),
  );
}

test('requests, passes, operations, latencies, nouns, pools', async () => {
  await addNetns('web');
  await vethd.call('POST', '/networks/create', {
    Name: 'lab',
    IPAM: { Config: [{ Subnet: '10.9.0.0/24' }] },
  });
  await vethd.call('POST', '/networks/lab/connect', { Container: 'web' });
  await vethd.request('GET', '/networks/nosuch');
  const seen = await figures();
  expect(
    seen.get('vethd_http_requests_total{method="POST",route="/networks/:id/connect",status="200"}'),
  ).toBe(1);
  expect(seen.get('vethd_http_requests_total{method="GET",route="/networks/:id",status="404"}')).toBe(1);
  expect(seen.get('vethd_operations_total{operation="createVeth",outcome="ok"}')).toBe(1);
  expect(seen.get('vethd_endpoints')).toBe(1);
  expect(seen.get('vethd_networks{driver="bridge"}')).toBe(2);
  expect(seen.get('vethd_containers{state="running"}')).toBe(1);
  expect(seen.get('vethd_subnet_addresses_used{network="lab",subnet="10.9.0.0/24"}')).toBe(4);
  expect(seen.get('vethd_pool_subnets{pool="172.20.0.0/14"}')).toBe(4);
  expect(seen.get('vethd_writes_running')).toBe(0);
  for (const name of [
    'vethd_pass_seconds_count{scope="part"}',
    'vethd_pass_seconds_count{scope="full"}',
    'vethd_store_write_seconds_count',
    'vethd_kernel_call_seconds_count{call="apply"}',
    'nodejs_eventloop_lag_p99_seconds',
    'process_resident_memory_bytes',
  ]) {
    expect(seen.get(name), name).toBeGreaterThan(0);
  }
});

test('repairs are counted', async () => {
  const before = (await figures()).get('vethd_repairs_total') ?? 0;
  const port = (await linksOf()).find(({ ifalias, master }) => master !== undefined && ifalias !== undefined);
  await ip(['link', 'set', port?.ifname ?? '', 'nomaster']);
  await until(
    'the repair is counted',
    async () => ((await figures()).get('vethd_repairs_total') ?? 0) > before,
  );
  await vethd.call('POST', '/networks/lab/disconnect', { Container: 'web' });
  await vethd.call('DELETE', '/networks/lab');
  await removeNetns('web');
});
