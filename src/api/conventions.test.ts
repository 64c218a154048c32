import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../test/helpers/api.ts';
import { VethdError } from '../errors.ts';
import { DEFAULT_LIMITS } from './context.ts';

let api: TestApp;
beforeEach(() => {
  api = buildTestApp();
});
afterEach(() => api.app.close());

describe('headers', () => {
  test.each([
    ['GET', '/_ping'],
    ['GET', '/v1.30/networks'],
    ['GET', '/nosuch'],
    ['GET', '/networks/%zz'],
    ['GET', '/v1.99/networks'],
    ['POST', '/networks/create'],
  ] as const)('are on every answer: %s %s', async (method, url) => {
    const { headers } = await api.send(method, url);
    expect(headers).toMatchObject({
      'api-version': '1.50',
      ostype: 'linux',
      'docker-experimental': 'false',
      server: 'vethd/0.1.0 (linux)',
    });
  });
});

describe('versions in the path', () => {
  test.each([
    ['/v1.24/networks', 200, 'application/json'],
    ['/v1.50/networks', 200, 'application/json'],
    ['/v1.44.1/networks', 200, 'application/json'],
    ['/v1.9/networks', 400, 'text/plain; charset=utf-8'],
    ['/v1.10/networks', 400, 'text/plain; charset=utf-8'],
    ['/v0.99/networks', 400, 'text/plain; charset=utf-8'],
    ['/v1.51/networks', 400, 'application/json'],
    ['/v1.99/networks', 400, 'application/json'],
    ['/v2/networks', 400, 'application/json'],
    ['/vx/networks', 404, 'application/json'],
    ['/v1.44', 404, 'application/json'],
    ['/v1.10/nosuch', 404, 'application/json'],
  ])('%s', async (url, status, type) => {
    const response = await api.send('GET', url);
    expect([response.statusCode, response.headers['content-type']]).toEqual([status, type]);
  });

  test('the texts are Docker’s', async () => {
    expect((await api.send('GET', '/v1.10/networks')).body.trim()).toBe(
      'client version 1.10 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    );
    expect((await api.send('GET', '/v1.99/networks')).json()).toEqual({
      message: 'client version 1.99 is too new. Maximum supported API version is 1.50',
    });
  });
});

describe('no such route, or not for this method', () => {
  test.each([
    ['GET', '/nosuch'],
    ['PUT', '/networks'],
    ['HEAD', '/networks'],
    ['DELETE', '/networks/create/x'],
    ['POST', '/v1.44/networks'],
    ['GET', '/networks//'],
  ] as const)('%s %s', async (method, url) => {
    const response = await api.send(method, url);
    expect(response.statusCode).toBe(404);
    if (method !== 'HEAD') expect(response.json()).toEqual({ message: 'page not found' });
  });
});

describe('bodies', () => {
  test.each([
    ['a charset is fine', '{"Name":"x"}', 'application/json; charset=utf-8', 201, undefined],
    ['case of the type does not matter', '{"Name":"x"}', 'Application/JSON', 201, undefined],
    ['a body of length 0 is {}', '', 'application/json', 201, undefined],
    ['null is {}', 'null', 'application/json', 201, undefined],
    [
      'text/plain',
      '{}',
      'text/plain',
      400,
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    ],
    [
      'a form',
      'a=1',
      'application/x-www-form-urlencoded',
      400,
      "unsupported Content-Type header (application/x-www-form-urlencoded): must be 'application/json'",
    ],
    ['no type at all', '{}', '', 400, undefined],
    [
      'broken',
      '{b',
      'application/json',
      400,
      "invalid JSON: invalid character 'b' looking for beginning of object key string",
    ],
    ['something after it', '{} {}', 'application/json', 400, 'unexpected content after JSON'],
    [
      'a wrong type',
      '{"Internal":"yes"}',
      'application/json',
      400,
      'invalid body member Internal: want boolean, got "yes"',
    ],
    [
      'a wrong type inside',
      '{"IPAM":{"Config":[{"Subnet":1}]}}',
      'application/json',
      400,
      'invalid body member IPAM.Config.0.Subnet: want string, got 1',
    ],
    ['no object', '[1]', 'application/json', 400, 'invalid body: want object, got [1]'],
    [
      'too many subnets',
      JSON.stringify({ IPAM: { Config: Array.from({ length: 17 }, () => ({})) } }),
      'application/json',
      400,
      undefined,
    ],
    ['unknown members', '{"Nonsense":{"a":[1]},"Name":"x"}', 'application/json', 201, undefined],
  ])('%s', async (_name, payload, type, status, message) => {
    const response = await api.app.inject({
      method: 'POST',
      url: '/networks/create',
      payload,
      headers: { 'content-type': type },
    });
    expect(response.statusCode).toBe(status);
    if (message !== undefined) expect(response.json()).toEqual({ message });
  });

  test('a route without a body does not look at it', async () => {
    const response = await api.send('POST', '/networks/prune', 'a=1', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(response.statusCode).toBe(200);
  });

  test('1 MiB is the most', async () => {
    const response = await api.send(
      'POST',
      '/networks/create',
      JSON.stringify({ Name: 'x'.repeat(1024 * 1024) }),
    );
    expect([response.statusCode, Object.keys(response.json())]).toEqual([413, ['message']]);
  });

  test.each([
    ['entries', Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`k${index}`, '']))],
    ['a key', { ['k'.repeat(257)]: '' }],
    ['a value', { k: 'v'.repeat(4097) }],
    [
      'all together',
      Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'v'.repeat(700)])),
    ],
  ])('labels are bounded: %s', async (_name, Labels) => {
    const response = await api.send('POST', '/networks/create', { Name: 'x', Labels });
    expect(response.statusCode).toBe(400);
    expect(response.json().message).toMatch(/^invalid Labels: /);
    expect(api.engine.calls).toEqual([]);
  });
});

describe('errors', () => {
  test.each([
    ['invalidArgument', 400],
    ['unauthorized', 401],
    ['forbidden', 403],
    ['notFound', 404],
    ['conflict', 409],
    ['internal', 500],
    ['notImplemented', 501],
    ['unavailable', 503],
  ] as const)('%s is %i', async (kind, status) => {
    api.engine.failure = new VethdError(kind, 'a <reason> & more');
    const response = await api.send('DELETE', '/networks/lab');
    expect([response.statusCode, response.body]).toEqual([status, '{"message":"a <reason> & more"}']);
    expect(response.headers['content-type']).toBe('application/json');
  });

  test('a fault of our own tells nothing of the inside', async () => {
    api.engine.failure = new Error('cannot read /var/lib/vethd/secret');
    const response = await api.send('DELETE', '/networks/lab');
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('/var');
  });
});

describe('who may ask', () => {
  test('a browser may not', async () => {
    const response = await api.send('GET', '/networks', undefined, { origin: 'http://example.org' });
    expect(response.statusCode).toBe(403);
  });

  test('a read-only application answers GET and HEAD alone', async () => {
    const reader = buildTestApp({ readOnly: true });
    expect((await reader.send('GET', '/networks')).statusCode).toBe(200);
    expect((await reader.send('HEAD', '/_ping')).statusCode).toBe(200);
    expect((await reader.send('POST', '/networks/create', { Name: 'x' })).statusCode).toBe(403);
    expect((await reader.send('DELETE', '/networks/lab')).statusCode).toBe(403);
    expect(reader.engine.calls).toEqual([]);
    await reader.app.close();
  });

  test('a long URL is refused', async () => {
    expect((await api.send('GET', `/networks/${'x'.repeat(8192)}`)).statusCode).toBe(400);
    expect((await api.send('GET', `/networks/${'x'.repeat(300)}`)).json()).toEqual({
      message: `network ${'x'.repeat(300)} not found`,
    });
  });
});

test('more writes than may wait are answered 503 with Retry-After, and the rest go through', async () => {
  const busy = buildTestApp({ limits: { ...DEFAULT_LIMITS, writesRunning: 1, writesQueued: 1 } });
  let release = () => {};
  busy.engine.holdUp = new Promise((resolve) => {
    release = resolve;
  });
  const sent = [1, 2, 3].map(() => busy.send('DELETE', '/networks/lab'));
  const refused = await Promise.race(sent);
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
  release();
  expect((await Promise.all(sent)).map(({ statusCode }) => statusCode).sort()).toEqual([204, 204, 503]);
  await busy.app.close();
});
