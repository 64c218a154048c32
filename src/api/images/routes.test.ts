import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/helpers/api.ts';
import { imageIdOf } from './names.ts';

let api: TestApp;
beforeEach(() => {
  api = buildTestApp();
});
afterEach(() => api.app.close());

async function statusOf(name: string): Promise<number> {
  return (await api.send('GET', `/images/${name}/json`)).statusCode;
}

test.each([
  ['x', 'No such image: x:latest'],
  ['team/x:1', 'No such image: team/x:1'],
  ['team%2Fx', 'No such image: team/x:latest'],
])('no image %s', async (name, message) => {
  for (const method of ['GET', 'DELETE'] as const) {
    const response = await api.send(method, method === 'GET' ? `/images/${name}/json` : `/images/${name}`);
    expect([response.statusCode, response.json()]).toEqual([404, { message }]);
  }
});

test('other paths are none', async () => {
  const response = await api.send('GET', '/images/x/history');
  expect([response.statusCode, response.json()]).toEqual([404, { message: 'page not found' }]);
});

test.each([
  ['fromImage=team/app&tag=2', 'team/app:2'],
  ['fromImage=app', 'app'],
  ['fromImage=app:3', 'app:3'],
  ['fromImage=app&tag=sha256:ab', 'app@sha256:ab'],
])('a pull of %s says so in a line of JSON, and inspect finds the name', async (query, name) => {
  const response = await api.send('POST', `/v1.44/images/create?${query}`);
  expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'application/json']);
  expect(response.body).toBe('{"status":"vethd runs no process, so no image is pulled: any name will do"}\n');
  const found = await api.send('GET', `/images/${name}/json`);
  expect(found.json()).toMatchObject({ Id: imageIdOf(name), Size: 0, ContainerConfig: { Volumes: null } });
});

test('an import is not there', async () => {
  expect((await api.send('POST', '/images/create?fromSrc=-')).statusCode).toBe(501);
});

test('a name that a container carries is known, and what the container shows leads there', async () => {
  const shown = (await api.send('GET', '/containers/web1/json')).json();
  expect([shown.Image, shown.Config.Image]).toEqual([imageIdOf('nginx:1'), 'nginx:1']);
  const [listed] = (await api.send('GET', '/containers/json?all=1')).json();
  expect([listed.ImageID, listed.Image]).toEqual([imageIdOf('nginx:1'), 'nginx:1']);
  expect((await api.send('GET', `/images/${shown.Image}/json`)).json().RepoTags).toEqual(['nginx:1']);
  expect(await statusOf('nginx:1')).toBe(200);
  expect(await statusOf('nginx:2')).toBe(404);
  expect(await statusOf('none')).toBe(404);
});

test('none are listed and none are pruned', async () => {
  expect((await api.send('GET', '/images/json')).body).toBe('[]');
  expect((await api.send('POST', '/images/prune')).json()).toEqual({
    ImagesDeleted: null,
    SpaceReclaimed: 0,
  });
});
