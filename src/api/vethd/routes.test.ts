import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/helpers/api.ts';
import { ENDPOINT, LAB, WEB } from '../../../test/helpers/memory-engine.ts';
import { toTrace } from './wire.ts';

let api: TestApp;
beforeEach(() => {
  api = buildTestApp();
});
afterEach(() => api.app.close());

test('trace, every member', async () => {
  const body = (await api.send('GET', '/vethd/trace?of=web1')).json();
  expect(body).toEqual((await api.engine.trace('web1')).map(toTrace));
  expect(body[1]).toMatchObject({ Peer: null, Container: null, EndpointId: null, Bridge: null });
});

test.each([
  ['/vethd/trace', 400],
  ['/vethd/trace?of=nothing', 404],
])('%s', async (url, status) => {
  expect((await api.send('GET', url)).statusCode).toBe(status);
});

test('topology', async () => {
  const response = await api.send('GET', '/vethd/topology');
  // 2^64 - 1, which a number of JavaScript cannot hold.
  expect(response.body).toContain('"DynamicIPsAvailable":18446744073709551615');
  const { Networks } = response.json();
  expect(Networks.map(({ Bridge }: { Bridge: string }) => Bridge)).toEqual(['vethd0', 'br-a1a1a1a1a1a1']);
  expect(Networks[1]).toMatchObject({
    Id: LAB.id,
    Subnets: [{ Subnet: 'fd00:61::/64', Gateway: 'fd00:61::1', IPsInUse: 2 }],
    Members: [
      {
        ContainerId: WEB.id,
        Container: 'web1',
        EndpointId: ENDPOINT.id,
        Veth: 'vethe5e5e5e',
        Ifname: 'eth0',
        Mac: ENDPOINT.mac,
        IPv4Address: '10.61.0.128/24',
        IPv6Address: 'fd00:61::2/64',
      },
    ],
  });
  expect(Object.keys(Networks[1].Members[0].Ports)).toEqual(['80/tcp', '81/tcp']);
});

test('plan and reconcile', async () => {
  const commands = { Commands: ['ip link add br0 type bridge'] };
  expect((await api.send('GET', '/vethd/plan')).json()).toEqual(commands);
  expect((await api.send('POST', '/vethd/reconcile')).json()).toEqual(commands);
  expect(api.engine.calls.map(({ args }) => args)).toEqual([[{ dryRun: true }], [{ dryRun: false }]]);
});

describe('PATCH /vethd/endpoints/{id}', () => {
  test('replaces the ports and shows them', async () => {
    const response = await api.send('PATCH', '/vethd/endpoints/e5', {
      PortBindings: { '80-81/tcp': [{ HostPort: '8080-8081' }] },
    });
    expect(response.statusCode).toBe(200);
    expect(Object.keys(response.json().Ports)).toEqual(['80/tcp', '81/tcp']);
    expect(api.engine.calls[0]?.args.slice(0, 2)).toEqual([
      'e5',
      [{ protocol: 'tcp', containerPort: '80-81', hostAddress: '', hostPort: '8080-8081' }],
    ]);
  });

  test('an empty map unpublishes, a missing one is a fault', async () => {
    expect((await api.send('PATCH', '/vethd/endpoints/e5', { PortBindings: {} })).statusCode).toBe(200);
    expect(api.engine.calls[0]?.args[1]).toEqual([]);
    expect((await api.send('PATCH', '/vethd/endpoints/e5', {})).statusCode).toBe(400);
  });
});

describe('/metrics', () => {
  test('is absent without a source', async () => {
    expect((await api.send('GET', '/metrics')).statusCode).toBe(404);
  });

  test('tells what the source says', async () => {
    const metered = buildTestApp({ metrics: async () => 'vethd_endpoints 1\n' });
    const response = await metered.send('GET', '/metrics');
    expect([response.statusCode, response.body]).toEqual([200, 'vethd_endpoints 1\n']);
    expect(response.headers['content-type']).toContain('text/plain; version=0.0.4');
    await metered.app.close();
  });
});

describe('documents', () => {
  test('/openapi.json describes every route, with a summary', async () => {
    const { openapi, paths } = (await api.send('GET', '/openapi.json')).json();
    expect(openapi).toBe('3.0.3');
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/networks/{id}/connect', '/events', '/vethd/trace']),
    );
    for (const operations of Object.values(paths)) {
      for (const operation of Object.values(operations ?? {})) expect(operation).toHaveProperty('summary');
    }
  });

  test('/docs is one page without anything from elsewhere', async () => {
    const response = await api.send('GET', '/docs');
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(response.body).toContain('<code>POST /networks/{id}/connect</code>');
    expect(response.body).not.toMatch(/<script|<img|<link|src=|https?:/);
  });
});

test('doctor: the engine’s checks, the queues, and the worst of them', async () => {
  const { send } = buildTestApp();
  expect((await send('GET', '/vethd/doctor')).json()).toEqual({
    Status: 'warning',
    Checks: [
      { Name: 'forwarding ipv4', Status: 'warning', Message: 'off', Mend: ['sysctl -w a=1'] },
      { Name: 'queues', Status: 'ok', Message: '0 changes run, 0 wait; 0 event streams', Mend: [] },
    ],
  });
});
