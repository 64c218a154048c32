import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildTestApp, CONFIG, type TestApp } from '../../../test/helpers/api.ts';
import { toInfo, toVersion } from './wire.ts';

let api: TestApp;
beforeEach(() => {
  api = buildTestApp();
});
afterEach(() => api.app.close());

describe('/_ping', () => {
  test.each(['GET', 'HEAD'] as const)('%s', async (method) => {
    const response = await api.send(method, '/_ping');
    expect([response.statusCode, response.body]).toEqual([200, method === 'GET' ? 'OK' : '']);
    expect(response.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-cache, no-store, must-revalidate',
      pragma: 'no-cache',
      swarm: 'inactive',
      'content-length': method === 'GET' ? '2' : '0',
    });
    expect(response.headers).not.toHaveProperty('builder-version');
  });

  test('no word of a swarm below 1.42', async () => {
    expect((await api.send('GET', '/v1.41/_ping')).headers).not.toHaveProperty('swarm');
  });
});

test('/version, every member', async () => {
  const body = (await api.send('GET', '/v1.24/version')).json();
  expect(body).toEqual(toVersion(CONFIG));
  expect(body).toMatchObject({ Version: '0.1.0', ApiVersion: '1.50', MinAPIVersion: '1.24', Os: 'linux' });
  expect(body.Components[0]).toMatchObject({ Name: 'Engine', Details: { Experimental: 'false' } });
});

describe('/info', () => {
  test.each([
    [48, ['BridgeNfIptables'], ['FirewallBackend']],
    [49, ['BridgeNfIptables', 'FirewallBackend'], []],
    [50, ['FirewallBackend'], ['BridgeNfIptables']],
  ])('1.%i, every member', async (minor, has, hasNot) => {
    const body = (await api.send('GET', `/v1.${minor}/info`)).json();
    const {
      SystemTime: _time,
      NFd: _descriptors,
      ...stable
    } = toInfo(await api.engine.info(), CONFIG, 0, minor);
    expect(body).toMatchObject(stable);
    expect(Object.keys(body).sort()).toEqual([...Object.keys(stable), 'NFd', 'SystemTime'].sort());
    for (const member of has) expect(body).toHaveProperty(member);
    for (const member of hasNot) expect(body).not.toHaveProperty(member);
  });

  test('a commit has Expected below 1.49', async () => {
    expect((await api.send('GET', '/v1.48/info')).json().RuncCommit).toEqual({ ID: '', Expected: '' });
    expect((await api.send('GET', '/info')).json().RuncCommit).toEqual({ ID: '' });
  });
});

describe('what vethd has not', () => {
  test.each([
    ['/volumes/x', 404, 'get x: no such volume'],
    ['/plugins/x/json', 404, 'plugin "x" not found'],
    ['/swarm', 503, undefined],
    ['/nodes/x', 503, undefined],
    ['/services', 503, undefined],
    ['/tasks/x/logs', 503, undefined],
    ['/secrets', 503, undefined],
    ['/configs/x', 503, undefined],
  ])('%s', async (url, status, message) => {
    const response = await api.send('GET', `/v1.44${url}`);
    expect(response.statusCode).toBe(status);
    expect(response.json().message).toBe(
      message ??
        'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  });

  test('empty lists', async () => {
    expect((await api.send('GET', '/plugins')).body).toBe('[]');
    expect((await api.send('GET', '/volumes')).json()).toEqual({ Volumes: [], Warnings: null });
  });

  test('prunes remove nothing', async () => {
    expect((await api.send('POST', '/volumes/prune')).json()).toEqual({
      VolumesDeleted: [],
      SpaceReclaimed: 0,
    });
    expect((await api.send('POST', '/build/prune')).json()).toEqual({
      CachesDeleted: null,
      SpaceReclaimed: 0,
    });
  });

  test('disk use tells of containers only', async () => {
    const { Containers: containers, ...others } = (await api.send('GET', '/system/df')).json();
    expect(containers).toEqual((await api.send('GET', '/containers/json?all=1')).json());
    expect(others).toEqual({ LayersSize: 0, Images: [], Volumes: [], BuildCache: [] });
  });
});
