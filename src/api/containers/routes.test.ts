import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/helpers/api.ts';
import { ENDPOINT, LAB, OLD, WEB } from '../../../test/helpers/memory-engine.ts';
import { EMPTY_ENDPOINT_SPEC } from '../../model/endpoint.ts';
import { toContainer, toSummary } from './wire.ts';

let api: TestApp;
beforeEach(() => {
  api = buildTestApp();
});
afterEach(() => api.app.close());

const ACT = { dryRun: false };

const SETTINGS = {
  IPAMConfig: { IPv4Address: '10.61.0.128', LinkLocalIPs: ['169.254.7.7'] },
  Links: null,
  Aliases: ['www2'],
  MacAddress: '02:42:0a:3d:00:80',
  DriverOpts: { k: 'v' },
  GwPriority: 7,
  NetworkID: LAB.id,
  EndpointID: ENDPOINT.id,
  Gateway: '10.61.0.1',
  IPAddress: '10.61.0.128',
  IPPrefixLen: 24,
  IPv6Gateway: 'fd00:61::1',
  GlobalIPv6Address: 'fd00:61::2',
  GlobalIPv6PrefixLen: 64,
  DNSNames: ['web1', 'www2', WEB.id.slice(0, 12), 'www'],
};

async function namesOf(query: string): Promise<string[]> {
  const response = await api.send('GET', `/containers/json${query}`);
  expect(response.statusCode).toBe(200);
  return response.json().map(({ Names }: { Names: string[] }) => Names[0]);
}

describe('GET /containers/json', () => {
  test('an entry', async () => {
    const [entry] = (await api.send('GET', '/containers/json')).json();
    expect(entry).toMatchObject({
      Id: WEB.id,
      Names: ['/web1'],
      Image: 'nginx:1',
      Command: 'serve -p',
      Created: Date.parse('2026-08-01T11:00:00Z') / 1000,
      Labels: { role: 'web' },
      State: 'running',
      HostConfig: { NetworkMode: 'lab' },
      NetworkSettings: { Networks: { lab: SETTINGS } },
      Mounts: [],
    });
    expect(entry.Ports).toContainEqual({ IP: '0.0.0.0', PrivatePort: 81, PublicPort: 8081, Type: 'tcp' });
    expect(entry.Ports).toContainEqual({ IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' });
  });

  test('every member reaches the client', async () => {
    const [view] = await api.engine.listContainers(false);
    if (view === undefined) throw new Error('no container');
    const [entry] = (await api.send('GET', '/containers/json')).json();
    const { Status: _status, ...stable } = toSummary(view, 50, 0);
    expect(entry).toMatchObject(stable);
    expect(Object.keys(entry).sort()).toEqual(Object.keys(toSummary(view, 50, 0)).sort());
  });

  test.each([
    ['', ['/web1']],
    ['?all=1', ['/web1', '/old1']],
    ['?all=0', ['/web1']],
    ['?limit=1', ['/web1']],
    ['?limit=5', ['/web1', '/old1']],
    ['?filters={"status":["exited"]}', ['/old1']],
    ['?all=true&filters={"name":["^/w"]}', ['/web1']],
    ['?all=true&filters={"name":{"1":true}}', ['/web1', '/old1']],
    [`?all=1&filters={"id":["${OLD.id.slice(0, 6)}"]}`, ['/old1']],
    ['?all=1&filters={"network":["lab"]}', ['/web1']],
    [`?all=1&filters={"network":["${LAB.id.slice(0, 12)}"]}`, ['/web1']],
    ['?all=1&filters={"label":["role=web"]}', ['/web1']],
    ['?all=1&filters={"ancestor":["none"]}', ['/old1']],
    ['?all=1&filters={"exited":["137"]}', ['/old1']],
    ['?all=1&filters={"since":["old1"]}', ['/web1']],
    ['?all=1&filters={"before":["web1"]}', ['/old1']],
    ['?all=1&filters={"publish":["8081"]}', ['/web1']],
    ['?all=1&filters={"volume":["x"]}', []],
  ])('%s', async (query, names) => {
    expect(await namesOf(query)).toEqual(names);
  });

  test.each([
    ['?filters={"nosuch":["x"]}', 400, "invalid filter 'nosuch'"],
    ['?filters={"status":["bogus"]}', 400, "invalid filter 'status=[bogus]'"],
    ['?filters={"exited":["x"]}', 400, "invalid filter 'exited=[x]'"],
    ['?filters={"since":["nobody"]}', 404, 'No such container: nobody'],
    ['?limit=x', 400, 'strconv.Atoi: parsing "x": invalid syntax'],
  ])('%s', async (query, status, message) => {
    const response = await api.send('GET', `/containers/json${query}`);
    expect([response.statusCode, response.json()]).toEqual([status, { message }]);
  });
});

describe('GET /containers/{id}/json', () => {
  test('a running one', async () => {
    const body = (await api.send('GET', '/containers/web1/json')).json();
    expect(body).toMatchObject({
      Id: WEB.id,
      Name: '/web1',
      Path: 'serve',
      Args: ['-p'],
      ExecIDs: null,
      State: { Status: 'running', Running: true, Pid: 0, ExitCode: 0 },
      HostConfig: { NetworkMode: 'lab' },
      Config: { Hostname: 'www', Image: 'nginx:1', Tty: false, Env: null, Labels: { role: 'web' } },
    });
    expect(body.NetworkSettings).toEqual({
      Bridge: '',
      SandboxID: WEB.id,
      SandboxKey: '/run/netns/web1',
      Ports: {
        '443/tcp': null,
        '80/tcp': [
          { HostIp: '0.0.0.0', HostPort: '8080' },
          { HostIp: '::', HostPort: '8080' },
        ],
        '81/tcp': [
          { HostIp: '0.0.0.0', HostPort: '8081' },
          { HostIp: '::', HostPort: '8081' },
        ],
      },
      HairpinMode: false,
      LinkLocalIPv6Address: '',
      LinkLocalIPv6PrefixLen: 0,
      SecondaryIPAddresses: null,
      SecondaryIPv6Addresses: null,
      EndpointID: '',
      Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      IPAddress: '',
      IPPrefixLen: 0,
      IPv6Gateway: '',
      MacAddress: '',
      Networks: { lab: SETTINGS },
    });
  });

  test('a stopped one shows what it waits for, and nothing operational', async () => {
    const body = (await api.send('GET', '/containers/old1/json')).json();
    expect(body.State).toMatchObject({ Status: 'exited', Running: false, ExitCode: 137 });
    expect(body.NetworkSettings).toMatchObject({ SandboxKey: '', Ports: {} });
    expect(body.NetworkSettings.Networks.gone).toMatchObject({
      IPAMConfig: { IPv4Address: '10.9.0.9' },
      IPAddress: '',
      EndpointID: '',
      Aliases: ['x'],
    });
  });

  test.each([
    [43, [], ['GwPriority', 'DNSNames']],
    [47, ['DNSNames'], ['GwPriority']],
    [50, ['DNSNames', 'GwPriority'], []],
  ])('members by version: 1.%i', async (minor, has, hasNot) => {
    const { lab } = (await api.send('GET', `/v1.${minor}/containers/web1/json`)).json().NetworkSettings
      .Networks;
    for (const member of has) expect(lab).toHaveProperty(member);
    for (const member of hasNot) expect(lab).not.toHaveProperty(member);
  });

  test('below 1.45 the short id is an alias', async () => {
    const { lab } = (await api.send('GET', '/v1.44/containers/web1/json')).json().NetworkSettings.Networks;
    expect(lab.Aliases).toEqual(['www2', WEB.id.slice(0, 12)]);
  });

  test.each(['web1', 'old1'])('every member of %s reaches the client', async (name) => {
    const view = await api.engine.inspectContainer(name);
    const body = (await api.send('GET', `/containers/${name}/json`)).json();
    expect(body).toEqual(toContainer(view, [], 50));
  });
});

describe('POST /containers/create', () => {
  const spec = {
    name: 'w',
    networkMode: 'bridge',
    labels: {},
    config: {},
    endpoints: { bridge: EMPTY_ENDPOINT_SPEC },
  };
  const port = { protocol: 'tcp', containerPort: '80', hostAddress: '', hostPort: '8080' };

  test.each([
    ['nothing', {}, spec],
    [
      'default',
      { HostConfig: { NetworkMode: 'default' } },
      { ...spec, config: { HostConfig: { NetworkMode: 'default' } } },
    ],
    ['none', { HostConfig: { NetworkMode: 'none' } }, { networkMode: 'none', endpoints: {} }],
    ['disabled', { NetworkDisabled: true }, { networkMode: 'none', endpoints: {} }],
    ['host', { HostConfig: { NetworkMode: 'host' } }, { networkMode: 'host', endpoints: {} }],
    [
      'another’s',
      { HostConfig: { NetworkMode: 'container:x' } },
      { networkMode: 'container:x', endpoints: {} },
    ],
    [
      'a network with an address, and ports for it',
      {
        HostConfig: { NetworkMode: 'lab', PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
        NetworkingConfig: {
          EndpointsConfig: { lab: { IPAMConfig: { IPv4Address: '10.61.0.7' } }, other: null },
        },
        MacAddress: '02:42:00:00:00:07',
      },
      {
        networkMode: 'lab',
        endpoints: {
          lab: { ...EMPTY_ENDPOINT_SPEC, ipv4: '10.61.0.7', mac: '02:42:00:00:00:07', ports: [port] },
          other: EMPTY_ENDPOINT_SPEC,
        },
      },
    ],
    [
      'a network named by its id',
      {
        HostConfig: { NetworkMode: 'lab' },
        NetworkingConfig: { EndpointsConfig: { [LAB.id]: { Aliases: ['a'] } } },
      },
      { networkMode: 'lab', endpoints: { lab: { ...EMPTY_ENDPOINT_SPEC, aliases: ['a'] } } },
    ],
    [
      'no mode, but a network',
      { NetworkingConfig: { EndpointsConfig: { lab: {} } } },
      { networkMode: 'lab', endpoints: { lab: EMPTY_ENDPOINT_SPEC } },
    ],
    [
      'all exposed ports',
      {
        ExposedPorts: { '80/tcp': {}, '53/udp': {} },
        HostConfig: { PublishAllPorts: true, PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
      },
      {
        endpoints: {
          bridge: {
            ...EMPTY_ENDPOINT_SPEC,
            ports: [port, { protocol: 'udp', containerPort: '53', hostAddress: '', hostPort: '' }],
          },
        },
      },
    ],
    [
      'the rest is kept',
      { image: 'any', Cmd: 'sh', Env: ['A=1'], Labels: { l: '1' }, Healthcheck: { Test: null } },
      {
        labels: { l: '1' },
        config: { Image: 'any', Cmd: ['sh'], Env: ['A=1'], Healthcheck: { Test: null } },
      },
    ],
  ])('%s', async (_name, body, wish) => {
    const response = await api.send('POST', '/containers/create?name=/w', body);
    expect([response.statusCode, response.json()]).toEqual([
      201,
      { Id: WEB.id, Warnings: ['no process is run'] },
    ]);
    expect(api.engine.calls).toMatchObject([{ verb: 'createContainer', args: [wish, ACT] }]);
  });

  const two = { NetworkingConfig: { EndpointsConfig: { b: {}, a: {} } } };

  test.each([
    ['/v1.43/containers/create', two, 400, 'Container cannot be connected to network endpoints: a, b'],
    ['/v1.44/containers/create', two, 201, undefined],
    [
      '/containers/create',
      { HostConfig: { NetworkMode: 'container:x', PortBindings: { '80/tcp': [{}] } } },
      400,
      'conflicting options: port publishing and the container type network mode',
    ],
    [
      '/containers/create',
      { ExposedPorts: { 'x/tcp': {} }, HostConfig: { PublishAllPorts: true } },
      400,
      undefined,
    ],
    ['/containers/create', { Labels: { a: 1 } }, 400, 'invalid body member Labels.a: want string, got 1'],
  ])('%s %j', async (url, body, status, message) => {
    const response = await api.send('POST', url, body);
    expect(response.statusCode).toBe(status);
    if (message !== undefined) expect(response.json()).toEqual({ message });
  });

  test('ports of the host’s network are discarded with a warning', async () => {
    const HostConfig = { NetworkMode: 'host', PortBindings: { '80/tcp': [{}] } };
    const response = await api.send('POST', '/containers/create', { HostConfig });
    expect(response.json().Warnings).toContain('Published ports are discarded when using host network mode');
  });
});

describe('changes of state', () => {
  test.each([
    ['POST', '/containers/old1/start', 204, 'startContainer', ['old1', ACT]],
    ['POST', '/containers/web1/start', 304, 'startContainer', ['web1', ACT]],
    ['POST', '/containers/web1/stop?t=5', 204, 'stopContainer', ['web1', ACT]],
    ['POST', '/containers/old1/stop', 304, 'stopContainer', ['old1', ACT]],
    ['POST', '/containers/web1/restart', 204, 'restartContainer', ['web1', ACT]],
    ['POST', '/containers/web1/kill', 204, 'killContainer', ['web1', '9', ACT]],
    ['POST', '/containers/web1/kill?signal=SIGTERM', 204, 'killContainer', ['web1', '15', ACT]],
    ['POST', '/containers/web1/kill?signal=1', 204, 'killContainer', ['web1', '1', ACT]],
    ['POST', '/containers/web1/kill?signal=rtmin%2B3', 204, 'killContainer', ['web1', '37', ACT]],
    ['POST', '/containers/web1/rename?name=x', 204, 'renameContainer', ['web1', 'x', ACT]],
    ['DELETE', '/containers/web1?force=1&v=1', 204, 'removeContainer', ['web1', true, ACT]],
    ['DELETE', '/containers/web1', 204, 'removeContainer', ['web1', false, ACT]],
  ] as const)('%s %s', async (method, url, status, verb, args) => {
    const response = await api.send(method, url);
    expect([response.statusCode, response.body]).toEqual([status, '']);
    expect(api.engine.calls).toEqual([{ verb, args }]);
  });

  test('an unknown signal', async () => {
    const response = await api.send('POST', '/containers/web1/kill?signal=SIGNOPE');
    expect([response.statusCode, response.json()]).toEqual([400, { message: 'invalid signal: SIGNOPE' }]);
  });

  test.each([
    ['', ['old1'], [OLD.id]],
    ['?filters={"label":["x"]}', [], null],
    ['?filters={"label!":["x"]}', ['old1'], [OLD.id]],
    ['?filters={"until":["2026-01-01"]}', [], null],
  ])('prune%s', async (query, removed, ids) => {
    const response = await api.send('POST', `/containers/prune${query}`);
    expect(response.json()).toEqual({ ContainersDeleted: ids, SpaceReclaimed: 0 });
    expect(api.engine.calls).toHaveLength(removed.length);
  });
});

describe('answers that last', () => {
  test('wait', async () => {
    const response = await api.send('POST', '/v1.44/containers/web1/wait?condition=next-exit');
    expect([response.statusCode, response.json()]).toEqual([200, { Error: null, StatusCode: 137 }]);
    expect(response.headers).toMatchObject({ 'api-version': '1.50', 'content-type': 'application/json' });
  });

  test('wait sends its headers at once', async () => {
    let release = () => {};
    api.engine.holdUp = new Promise((resolve) => {
      release = resolve;
    });
    const response = await api.app.inject({
      method: 'POST',
      url: '/containers/web1/wait',
      payloadAsStream: true,
    });
    expect(response.statusCode).toBe(200);
    release();
    const chunks: Buffer[] = [];
    for await (const chunk of response.stream()) chunks.push(chunk);
    expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual({ Error: null, StatusCode: 137 });
  });

  test.each([
    ['POST', '/containers/nobody/wait', 404],
    ['POST', '/containers/web1/wait?condition=never', 400],
    ['GET', '/containers/nobody/stats', 404],
  ] as const)('%s %s fails before its headers', async (method, url, status) => {
    expect((await api.send(method, url)).statusCode).toBe(status);
  });

  test('stats once', async () => {
    const body = (await api.send('GET', '/containers/web1/stats?stream=0&one-shot=1')).json();
    expect(body).toMatchObject({ name: '/web1', id: WEB.id, preread: '0001-01-01T00:00:00Z' });
    expect(body.networks).toEqual({
      eth0: {
        rx_bytes: 1,
        rx_packets: 2,
        rx_errors: 3,
        rx_dropped: 4,
        tx_bytes: 5,
        tx_packets: 6,
        tx_errors: 7,
        tx_dropped: 8,
      },
    });
  });

  test('streamed stats end with the application', async () => {
    const response = await api.app.inject({ url: '/containers/web1/stats', payloadAsStream: true });
    const chunks = response.stream()[Symbol.asyncIterator]();
    expect(JSON.parse(String((await chunks.next()).value))).toMatchObject({ id: WEB.id });
    await api.app.close();
  });
});

describe('what needs a process', () => {
  test.each([
    ['/v1.41/containers/web1/logs?stdout=1', 200, 'application/vnd.docker.raw-stream'],
    ['/v1.42/containers/web1/logs?stdout=1', 200, 'application/vnd.docker.multiplexed-stream'],
    ['/containers/web1/logs', 400, 'application/json'],
    ['/containers/nobody/logs?stderr=1', 404, 'application/json'],
    ['/containers/web1/top', 200, 'application/json'],
    ['/containers/old1/top', 409, 'application/json'],
  ])('%s', async (url, status, type) => {
    const response = await api.send('GET', url);
    expect([response.statusCode, response.headers['content-type']]).toEqual([status, type]);
  });
});
