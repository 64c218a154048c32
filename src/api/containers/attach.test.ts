import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/helpers/api.ts';

let api: TestApp;
beforeEach(() => {
  api = buildTestApp();
});
afterEach(() => api.app.close());

test('says in a frame of stderr what the container is, and ends with it', async () => {
  const response = await api.send('POST', '/v1.44/containers/web1/attach?stream=1&stdout=1&stderr=1');
  expect(response.headers['content-type']).toBe('application/vnd.docker.multiplexed-stream');
  const bytes = response.rawPayload;
  expect([...bytes.subarray(0, 4)]).toEqual([2, 0, 0, 0]);
  expect(bytes.readUInt32BE(4)).toBe(bytes.length - 8);
  expect(bytes.subarray(8).toString()).toMatch(/^vethd: web1 is a network namespace without a process/);
});

test('takes stdout where stderr is not wanted', async () => {
  const response = await api.send('POST', '/containers/web1/attach?stream=1&stdout=1');
  expect(response.rawPayload[0]).toBe(1);
});

test.each(['stdout=1&stderr=1', 'stream=1&stdin=1'])('says nothing with %s', async (query) => {
  const response = await api.send('POST', `/containers/web1/attach?${query}`);
  expect([response.statusCode, response.body]).toEqual([200, '']);
});

test('lasts as long as the container', async () => {
  let release = () => {};
  api.engine.holdUp = new Promise((resolve) => {
    release = resolve;
  });
  const response = await api.app.inject({
    method: 'POST',
    url: '/containers/web1/attach?stream=1',
    payloadAsStream: true,
  });
  expect(response.statusCode).toBe(200);
  release();
  for await (const chunk of response.stream()) expect(chunk).toBe('nothing');
});

test('fails before its head where there is no such container', async () => {
  expect((await api.send('POST', '/containers/nobody/attach?stream=1')).statusCode).toBe(404);
});

test('resize is accepted', async () => {
  const response = await api.send('POST', '/containers/web1/resize?h=24&w=80');
  expect([response.statusCode, response.body]).toEqual([200, '']);
});

test.each([
  ['POST', 'pause', 'pause'],
  ['POST', 'unpause', 'unpause'],
  ['POST', 'update', 'update'],
  ['GET', 'changes', 'diff'],
  ['GET', 'export', 'export'],
  ['GET', 'archive?path=/x', 'cp'],
  ['PUT', 'archive?path=/x', 'cp'],
] as const)('%s %s is not there', async (method, path, what) => {
  const response = await api.send(method, `/containers/web1/${path}`);
  const message = `${what}: web1 is a network namespace; it has neither processes nor files`;
  expect([response.statusCode, response.json()]).toEqual([501, { message }]);
});
