/** Whatever is sent: never a 5xx but those that say "try later", always a message, and a refused request changes nothing. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../test/helpers/api.ts';

const RUNS = Number(process.env['VETHD_FUZZ_RUNS'] ?? 2_000);

let api: TestApp;
beforeAll(() => {
  api = buildTestApp();
});
afterAll(() => api.app.close());

const word = fc.oneof(
  fc.constantFrom(
    'lab',
    'web1',
    'none',
    '',
    '.',
    '..',
    '%00',
    '%2e%2e%2f',
    'a%2Fb',
    'x'.repeat(300),
    '%zz',
    'ü',
  ),
  fc.string({ maxLength: 12 }).map(encodeURIComponent),
);

const path = fc.oneof(
  fc.constantFrom(
    '/_ping',
    '/version',
    '/info',
    '/networks',
    '/networks/create',
    '/networks/prune',
    '/containers/json',
    '/containers/create',
    '/containers/prune',
    '/vethd/trace',
    '/vethd/topology',
    '/vethd/plan',
    '/vethd/reconcile',
    '/volumes',
    '/plugins',
    '/images/json',
    '/docs',
    '/openapi.json',
    '/events?until=1',
  ),
  fc
    .tuple(
      fc.constantFrom('/networks/', '/containers/', '/vethd/endpoints/', '/exec/', '/volumes/', '/'),
      word,
      fc.constantFrom(
        '',
        '/json',
        '/connect',
        '/disconnect',
        '/start',
        '/stop',
        '/kill',
        '/rename',
        '/wait',
        '/top',
        '/logs',
        '/x',
      ),
    )
    .map((parts) => parts.join('')),
);

const version = fc.constantFrom('', '', '/v1.24', '/v1.44', '/v1.50', '/v1.10', '/v9', '/v.', '/v1..2');
const query = fc.oneof(
  fc.constant(''),
  fc.constantFrom(
    '?all=1',
    '?dry-run=1',
    '?verbose=xx',
    '?limit=-1',
    '?filters={',
    '?filters={"name":["("]}',
    '?of=web1',
    '?%',
  ),
  fc.string({ maxLength: 20 }).map((text) => `?filters=${encodeURIComponent(text)}`),
);

const member = fc.constantFrom(
  'Name',
  'name',
  'Container',
  'EndpointConfig',
  'IPAM',
  'Config',
  'Subnet',
  'Labels',
  'Options',
  'HostConfig',
  'NetworkMode',
  'PortBindings',
  '80/tcp',
  'HostPort',
  'EndpointsConfig',
  'NetworkingConfig',
  '__proto__',
  'constructor',
  'Force',
  'Cmd',
  'GwPriority',
  'ExposedPorts',
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, 0, -1, 1.5, '', 'lab', '10.0.0.0/24', '\u0000', '__proto__'),
    fc.string({ maxLength: 8 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(member, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));
const body = fc.oneof(
  fc.constant(undefined),
  value.map((json) => JSON.stringify(json)),
  fc.string({ maxLength: 30 }),
);

const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'DELETE', 'PATCH', 'PUT', 'HEAD', 'OPTIONS'),
  url: fc.tuple(version, path, query).map((parts) => parts.join('')),
  body,
  type: fc.constantFrom('application/json', 'application/json', 'application/json', 'text/plain', '', ';'),
});

test(`${RUNS} generated requests`, { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(request, async ({ method, url, body: payload, type }) => {
      const before = api.engine.calls.length;
      const response = await api.app.inject({
        method,
        url,
        ...(payload !== undefined && { payload }),
        headers: payload === undefined ? {} : { 'content-type': type },
      });
      expect(response.statusCode).toBeLessThan(500);
      if (response.statusCode < 400) return;
      expect(api.engine.calls.length).toBe(before);
      if (method === 'HEAD' || /^text/.test(String(response.headers['content-type']))) return;
      expect(Object.keys(response.json())).toEqual(['message']);
      expect(response.json().message).not.toBe('');
    }),
    { numRuns: RUNS },
  );
});
