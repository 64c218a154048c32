import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/helpers/api.ts';
import { ENDPOINT, LAB, WEB } from '../../../test/helpers/memory-engine.ts';
import { EMPTY_ENDPOINT_SPEC } from '../../model/endpoint.ts';
import { toNetwork } from './wire.ts';

let api: TestApp;
beforeEach(() => {
  api = buildTestApp();
});
afterEach(() => api.app.close());

const ACT = { dryRun: false };

describe('a network', () => {
  test('as 1.50 shows it', async () => {
    expect((await api.send('GET', '/networks/lab')).json()).toEqual({
      Name: 'lab',
      Id: LAB.id,
      Created: '2026-08-01T10:00:00.123456789Z',
      Scope: 'local',
      Driver: 'bridge',
      EnableIPv4: true,
      EnableIPv6: true,
      IPAM: {
        Driver: 'default',
        Options: { a: 'b' },
        Config: [
          {
            Subnet: '10.61.0.0/24',
            IPRange: '10.61.0.128/25',
            Gateway: '10.61.0.1',
            AuxiliaryAddresses: { router: '10.61.0.2' },
          },
          { Subnet: 'fd00:61::/64', Gateway: 'fd00:61::1' },
        ],
      },
      Internal: false,
      Attachable: true,
      Ingress: false,
      ConfigFrom: { Network: '' },
      ConfigOnly: false,
      Containers: {
        [WEB.id]: {
          Name: 'web1',
          EndpointID: ENDPOINT.id,
          MacAddress: '02:42:0a:3d:00:80',
          IPv4Address: '10.61.0.128/24',
          IPv6Address: 'fd00:61::2/64',
        },
      },
      Options: { 'com.docker.network.driver.mtu': '1400' },
      Labels: { team: 'net<&>' },
      Status: { IPAM: { Subnets: { 'fd00:61::/64': { IPsInUse: 2, DynamicIPsAvailable: 2 ** 64 } } } },
    });
  });

  test('the use of addresses is told to the newest clients, and to the last of 64 bits', async () => {
    const { body } = await api.send('GET', '/networks/lab');
    expect(body).toContain('"DynamicIPsAvailable":18446744073709551615');
    expect((await api.send('GET', '/v1.49/networks/lab')).json()).not.toHaveProperty('Status');
  });

  test('text is not escaped', async () => {
    expect((await api.send('GET', '/networks/lab')).body).toContain('net<&>');
  });

  test('EnableIPv4 begins with 1.48', async () => {
    expect((await api.send('GET', '/v1.47/networks/lab')).json()).not.toHaveProperty('EnableIPv4');
    expect((await api.send('GET', '/v1.48/networks/lab')).json()).toHaveProperty('EnableIPv4', true);
  });

  test.each([24, 47, 50])('every member reaches the client of 1.%i', async (minor) => {
    const view = api.engine.inspectNetwork('lab');
    const { Status: _, ...shown } = (await api.send('GET', `/v1.${minor}/networks/lab`)).json();
    expect(shown).toEqual(toNetwork(view, minor));
  });
});

describe('GET /networks', () => {
  test.each(['/networks', '/networks/', '/v1.44/networks'])('%s lists without members', async (url) => {
    const list = (await api.send('GET', url)).json();
    expect(list.map(({ Name }: { Name: string }) => Name)).toEqual(['bridge', 'lab']);
    expect(list[1].Containers).toEqual({});
  });

  test('below 1.28 with members', async () => {
    const list = (await api.send('GET', '/v1.27/networks')).json();
    expect(Object.keys(list[1].Containers)).toEqual([WEB.id]);
  });

  test.each([
    ['{"name":{"br":true}}', 200],
    ['{"dangling":["true"],"type":["custom"],"label":["a"],"driver":["x"],"scope":["y"],"id":["z"]}', 200],
    ['{"nosuch":["x"]}', 400],
    ['{', 400],
  ])('filters %s', async (filters, status) => {
    const url = `/networks?filters=${encodeURIComponent(filters)}`;
    expect((await api.send('GET', url)).statusCode).toBe(status);
  });
});

describe('GET /networks/{id}', () => {
  test.each([
    ['/networks/lab?verbose=true', 200, undefined],
    [
      '/networks/lab?verbose=xx',
      400,
      'invalid value for verbose: xx: strconv.ParseBool: parsing "xx": invalid syntax',
    ],
    ['/networks/lab?scope=local', 200, undefined],
    ['/networks/lab?scope=swarm', 404, 'network lab not found'],
    ['/networks/no%20such', 404, 'network no such not found'],
    ['/networks/a%2Fb', 404, 'network a/b not found'],
  ])('%s', async (url, status, message) => {
    const response = await api.send('GET', url);
    expect(response.statusCode).toBe(status);
    if (message !== undefined) expect(response.json()).toEqual({ message });
  });
});

describe('POST /networks/create', () => {
  const empty = {
    name: '',
    driver: '',
    scope: '',
    enableIPv4: undefined,
    enableIPv6: undefined,
    internal: false,
    attachable: false,
    ingress: false,
    configOnly: false,
    configFrom: '',
    ipamDriver: '',
    ipamOptions: undefined,
    ipamConfig: [],
    options: {},
    labels: {},
  };

  test.each([
    [
      'the CLI',
      {
        Driver: 'bridge',
        Scope: '',
        IPAM: { Driver: 'default', Options: {}, Config: [] },
        Internal: false,
        ConfigFrom: null,
        Options: {},
        Labels: {},
        Name: 'n1',
        CheckDuplicate: true,
      },
      { ...empty, name: 'n1', driver: 'bridge', ipamDriver: 'default', ipamOptions: {} },
    ],
    [
      'Ansible, with nulls',
      {
        Name: 'n1',
        Driver: 'bridge',
        IPAM: {
          Driver: null,
          Config: [{ Subnet: '10.1.0.0/24', IPRange: null, Gateway: null, AuxiliaryAddresses: null }],
        },
        EnableIPv6: null,
      },
      {
        ...empty,
        name: 'n1',
        driver: 'bridge',
        ipamConfig: [{ subnet: '10.1.0.0/24', ipRange: '', gateway: '', aux: {} }],
      },
    ],
    [
      'everything',
      {
        name: 'n1',
        enableipv4: false,
        EnableIPv6: true,
        INTERNAL: true,
        Attachable: true,
        Ingress: true,
        ConfigOnly: true,
        ConfigFrom: { Network: 'c' },
        Scope: 'local',
        Options: { a: '1' },
        Labels: { b: '2' },
      },
      {
        ...empty,
        name: 'n1',
        enableIPv4: false,
        enableIPv6: true,
        internal: true,
        attachable: true,
        ingress: true,
        configOnly: true,
        configFrom: 'c',
        scope: 'local',
        options: { a: '1' },
        labels: { b: '2' },
      },
    ],
  ])('%s', async (_name, body, spec) => {
    const response = await api.send('POST', '/v1.50/networks/create', body);
    expect([response.statusCode, response.json()]).toEqual([201, { Id: LAB.id, Warning: '' }]);
    expect(api.engine.calls).toEqual([{ verb: 'createNetwork', args: [spec, ACT] }]);
  });

  test('EnableIPv4 is ignored below 1.48', async () => {
    await api.send('POST', '/v1.47/networks/create', { Name: 'n', EnableIPv4: false });
    expect(api.engine.calls[0]?.args[0]).toMatchObject({ enableIPv4: undefined });
  });
});

describe('members', () => {
  const cli = {
    Container: 'ns1',
    EndpointConfig: {
      IPAMConfig: { IPv4Address: '10.61.0.9', IPv6Address: '', LinkLocalIPs: null },
      Links: null,
      Aliases: ['a'],
      MacAddress: '',
      DriverOpts: {},
      GwPriority: -3,
      NetworkID: '',
      EndpointID: '',
      Gateway: '',
      IPAddress: '',
      IPPrefixLen: 0,
      IPv6Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      DNSNames: null,
    },
  };

  test.each([
    ['the CLI', cli, 'ns1', { ...EMPTY_ENDPOINT_SPEC, ipv4: '10.61.0.9', aliases: ['a'], gwPriority: -3 }],
    ['Ansible', { Container: 'ns1' }, 'ns1', EMPTY_ENDPOINT_SPEC],
    ['nothing', {}, '', EMPTY_ENDPOINT_SPEC],
    [
      'published ports',
      {
        Container: 'ns1',
        EndpointConfig: {
          PortBindings: {
            '8000-8010/udp': [{ HostIp: '127.0.0.1', HostPort: '9000-9010' }, {}],
            '80': [{ HostPort: '8080' }],
            '9/tcp': null,
          },
        },
      },
      'ns1',
      {
        ...EMPTY_ENDPOINT_SPEC,
        ports: expect.arrayContaining([
          { protocol: 'udp', containerPort: '8000-8010', hostAddress: '127.0.0.1', hostPort: '9000-9010' },
          { protocol: 'udp', containerPort: '8000-8010', hostAddress: '', hostPort: '' },
          { protocol: 'tcp', containerPort: '80', hostAddress: '', hostPort: '8080' },
        ]),
      },
    ],
  ])('connect: %s', async (_name, body, container, spec) => {
    const response = await api.send('POST', '/networks/lab/connect', body);
    expect([response.statusCode, response.body, response.headers['content-length']]).toEqual([200, '', '0']);
    expect(api.engine.calls).toEqual([{ verb: 'connect', args: ['lab', container, spec, ACT] }]);
  });

  test('connect: a bad port key names it', async () => {
    const EndpointConfig = { PortBindings: { '80/xyz': [{}] } };
    const response = await api.send('POST', '/networks/lab/connect', { Container: 'x', EndpointConfig });
    expect(response.statusCode).toBe(400);
    expect(response.json().message).toContain('"80/xyz"');
  });

  test.each([
    [{ Container: 'ns1', Force: true }, true],
    [{ Container: 'ns1', Force: null }, false],
  ])('disconnect %j', async (body, force) => {
    const response = await api.send('POST', '/networks/lab/disconnect', body);
    expect([response.statusCode, response.body]).toEqual([200, '']);
    expect(api.engine.calls).toEqual([{ verb: 'disconnect', args: ['lab', 'ns1', force, ACT] }]);
  });
});

test('DELETE is 204 without a body', async () => {
  const response = await api.send('DELETE', '/networks/lab');
  expect([response.statusCode, response.body]).toEqual([204, '']);
});

test('prune, with and without a body', async () => {
  const filters = '{"label!":{"x":true},"until":{"1h":true}}';
  const response = await api.send('POST', `/networks/prune?filters=${encodeURIComponent(filters)}`);
  expect(response.json()).toEqual({ NetworksDeleted: ['lab'] });
  const [{ args } = { args: [] }] = api.engine.calls;
  expect(args[0]).toEqual(
    new Map([
      ['label!', ['x']],
      ['until', ['1h']],
    ]),
  );
  expect((await api.send('POST', '/networks/prune?filters={"name":["x"]}')).statusCode).toBe(400);
});

describe('dry run', () => {
  test.each([
    ['POST', '/networks/create', {}],
    ['POST', '/networks/lab/connect', {}],
    ['POST', '/networks/lab/disconnect', {}],
    ['DELETE', '/networks/lab', undefined],
    ['POST', '/networks/prune', undefined],
    ['POST', '/containers/create', {}],
    ['POST', '/containers/web1/start', undefined],
    ['POST', '/containers/web1/stop', undefined],
    ['POST', '/containers/web1/restart', undefined],
    ['POST', '/containers/web1/kill', undefined],
    ['POST', '/containers/web1/rename', undefined],
    ['DELETE', '/containers/web1', undefined],
    ['PATCH', '/vethd/endpoints/x', { PortBindings: {} }],
    ['POST', '/vethd/reconcile', undefined],
  ] as const)('%s %s', async (method, path, body) => {
    const response = await api.send(method, `/v1.44${path}?dry-run=true`, body);
    expect([response.statusCode, response.json()]).toEqual([
      200,
      { Commands: ['ip link add br0 type bridge'] },
    ]);
    expect(api.engine.calls.map(({ args }) => args.at(-1))).toEqual([{ dryRun: true }]);
  });
});
