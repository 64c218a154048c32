import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runVethctl } from './program.ts';

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

let folder: string;
let server: Server;
let sent: Sent[];
let replies: Map<string, Reply>;

/** Answers requests from a table of `METHOD path`; it says what was sent, and knows nothing of Docker. */
async function take(request: IncomingMessage): Promise<Reply> {
  let text = '';
  for await (const chunk of request) text += chunk;
  const [method = '', url = ''] = [request.method, request.url];
  sent.push({ method, url, body: text === '' ? undefined : JSON.parse(text) });
  const path = url.split('?')[0];
  return replies.get(`${method} ${path}`) ?? { status: 404, body: '{"message":"page not found"}' };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vethctl-'));
  sent = [];
  replies = new Map();
  server = createServer((request, response) => {
    void take(request).then(({ status, body }) => {
      response.statusCode = status;
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'vethd.sock'), resolve));
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function reply(route: string, body: unknown, status = 200): void {
  replies.set(route, { status, body: body === undefined ? '' : JSON.stringify(body) });
}

async function vethctl(...args: string[]) {
  let [out, err] = ['', ''];
  const status = await runVethctl(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: { VETHD_SOCKET: join(folder, 'vethd.sock') },
    readLine: async () => 'y',
  });
  return { status, out, err };
}

function network(name: string, driver: string, digit: string) {
  return {
    Name: name,
    Id: digit.repeat(64),
    Created: '2026-01-02T03:04:05.120000000Z',
    Scope: 'local',
    Driver: driver,
    EnableIPv4: true,
    EnableIPv6: false,
    Internal: false,
    Labels: { a: '1' },
  };
}

describe('network ls', () => {
  beforeEach(() => {
    reply('GET /networks', [network('none', 'null', 'c'), network('bridge', 'bridge', 'a')]);
  });

  test('looks as docker network ls', async () => {
    expect((await vethctl('network', 'ls')).out).toBe(
      'NETWORK ID     NAME      DRIVER    SCOPE\n' +
        'aaaaaaaaaaaa   bridge    bridge    local\n' +
        'cccccccccccc   none      null      local\n',
    );
  });

  test('-q and --no-trunc', async () => {
    expect((await vethctl('network', 'ls', '-q')).out).toBe('aaaaaaaaaaaa\ncccccccccccc\n');
    expect((await vethctl('network', 'ls', '-q', '--no-trunc')).out).toContain(`${'a'.repeat(64)}\n`);
  });

  test('--format json has every value as a text', async () => {
    const [first = ''] = (await vethctl('network', 'ls', '--format', 'json')).out.split('\n');
    expect(JSON.parse(first)).toEqual({
      CreatedAt: '2026-01-02 03:04:05.12 +0000 UTC',
      Driver: 'bridge',
      ID: 'aaaaaaaaaaaa',
      IPv4: 'true',
      IPv6: 'false',
      Internal: 'false',
      Labels: 'a=1',
      Name: 'bridge',
      Scope: 'local',
    });
  });

  test('--filter goes to the daemon, several values to a key', async () => {
    await vethctl('network', 'ls', '-f', 'driver=bridge', '--filter', 'label=a=b', '-f', 'label=c');
    const filters = new URL(sent[0]?.url ?? '', 'http://x').searchParams.get('filters') ?? '';
    expect(JSON.parse(filters)).toEqual({ driver: ['bridge'], label: ['a=b', 'c'] });
  });
});

describe('network create', () => {
  test('sends the flags in the shape of the API', async () => {
    reply('POST /networks/create', { Id: 'f'.repeat(64), Warning: 'beware' }, 201);
    const { out, err, status } = await vethctl(
      ...[
        'network',
        'create',
        '--subnet',
        '10.9.0.0/24',
        '--gateway',
        '10.9.0.254',
        '--subnet',
        'fd00:9::/64',
      ],
      ...['--ip-range', '10.9.0.128/25', '--aux-address', 'printer=10.9.0.7', '--ipv6', '--internal'],
      ...['-o', 'com.docker.network.driver.mtu=1400', '--label', 'a=b=c', 'lab'],
    );
    expect({ out, err, status }).toEqual({ out: `${'f'.repeat(64)}\n`, err: 'WARNING: beware\n', status: 0 });
    expect(sent[0]?.body).toMatchObject({
      Name: 'lab',
      Driver: 'bridge',
      EnableIPv6: true,
      Internal: true,
      IPAM: {
        Driver: 'default',
        Config: [
          {
            Subnet: '10.9.0.0/24',
            Gateway: '10.9.0.254',
            IPRange: '10.9.0.128/25',
            AuxiliaryAddresses: { printer: '10.9.0.7' },
          },
          { Subnet: 'fd00:9::/64' },
        ],
      },
      Options: { 'com.docker.network.driver.mtu': '1400' },
      Labels: { a: 'b=c' },
    });
    expect(sent[0]?.body).not.toHaveProperty('EnableIPv4');
  });

  test.each([
    ['--ipv4=false', { EnableIPv4: false }],
    ['--ipv6=true', { EnableIPv6: true }],
    ['--ipv6', { EnableIPv6: true, Name: 'lab' }],
  ])('%s', async (flag, expected) => {
    reply('POST /networks/create', { Id: 'f', Warning: '' }, 201);
    await vethctl('network', 'create', flag, 'lab');
    expect(sent[0]?.body).toMatchObject(expected);
  });

  test('a gateway in no subnet is refused here, in docker’s words', async () => {
    const flags = ['--subnet', '10.1.0.0/24', '--subnet', 'fd00::/64', '--gateway', '10.2.0.1'];
    const { status, err } = await vethctl('network', 'create', ...flags, 'lab');
    expect({ status, err, sent }).toEqual({
      status: 1,
      err: 'no matching subnet for gateway 10.2.0.1\n',
      sent: [],
    });
  });
});

describe('network connect', () => {
  test('sends the endpoint’s settings', async () => {
    reply('POST /networks/lab/connect', undefined);
    const { status } = await vethctl(
      ...['network', 'connect', '--ip', '10.9.0.5', '--alias', 'db,sql', '--gw-priority', '-1'],
      ...['--mac-address', '02:42:00:00:00:05', '-p', '127.0.0.1:8080:80', '-p', '53/udp', 'lab', 'web'],
    );
    expect(status).toBe(0);
    expect(sent[0]?.body).toEqual({
      Container: 'web',
      EndpointConfig: {
        IPAMConfig: { IPv4Address: '10.9.0.5' },
        Aliases: ['db', 'sql'],
        Links: [],
        DriverOpts: {},
        GwPriority: -1,
        MacAddress: '02:42:00:00:00:05',
        PortBindings: {
          '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
          '53/udp': [{ HostIp: '', HostPort: '' }],
        },
      },
    });
  });

  test('--dry-run asks for the commands and prints them', async () => {
    reply('POST /networks/my%20lab/connect', { Commands: ['ip link add a', 'ip link set a up'] });
    const { out } = await vethctl('network', 'connect', '--dry-run', 'my lab', 'web');
    expect(out).toBe('ip link add a\nip link set a up\n');
    expect(sent[0]?.url).toBe('/networks/my%20lab/connect?dry-run=true');
  });
});

describe('errors', () => {
  test('the daemon’s refusal, as docker prints it; the other terms still happen', async () => {
    reply('DELETE /networks/a', undefined, 204);
    reply('DELETE /networks/b', { message: 'network b not found' }, 404);
    reply('DELETE /networks/c', undefined, 204);
    expect(await vethctl('network', 'rm', 'a', 'b', 'c')).toEqual({
      status: 1,
      out: 'a\nc\n',
      err: 'Error response from daemon: network b not found\n',
    });
    expect((await vethctl('network', 'rm', '-f', 'b')).status).toBe(0);
  });

  test('inspect prints what it found and reports the rest', async () => {
    reply('GET /networks/lab', { Name: 'lab' });
    reply('GET /networks/x', { message: 'network x not found' }, 404);
    const { status, out, err } = await vethctl('network', 'inspect', 'lab', 'x');
    expect({ status, out, err }).toEqual({
      status: 1,
      out: '[\n    {\n        "Name": "lab"\n    }\n]\n',
      err: 'Error response from daemon: network x not found\n',
    });
  });

  test('no daemon: says where it looked and what to do', async () => {
    const { status, err } = await vethctl('--socket', join(folder, 'nobody.sock'), 'network', 'ls');
    expect(status).toBe(1);
    expect(err).toContain(`Cannot connect to vethd at unix://${folder}/nobody.sock. Is the daemon running?`);
  });

  test.each([
    [['network', 'ls', '--bogus'], 125],
    [['network', 'connect', '--gw-priority', 'x', 'a', 'b'], 125],
    [['network', 'connect', '-p', 'x:y:z', 'a', 'b'], 125],
    [['network', 'create', '--ipv6=maybe', 'a'], 125],
    [['network', 'connect', 'a'], 1],
    [['network', 'create'], 1],
    [['network', 'nosuch'], 1],
    [['nosuch'], 1],
    [['network', 'ls', '--help'], 0],
    [['network'], 0],
    [[], 0],
    [['--version'], 0],
  ])('vethctl %j exits %i', async (args, status) => {
    expect((await vethctl(...args)).status).toBe(status);
    expect(sent).toEqual([]);
  });
});

test('an error that is about words names the help of its command', async () => {
  const { err } = await vethctl('network', 'create');
  expect(err).toBe("error: missing required argument 'network'\nSee 'vethctl network create --help'.\n");
});

test('--version', async () => {
  expect((await vethctl('--version')).out).toMatch(/^vethctl \d+\.\d+\.\d+\n$/);
});

describe('network prune', () => {
  test('asks, prunes, says what went', async () => {
    reply('POST /networks/prune', { NetworksDeleted: ['a', 'b'] });
    const { out } = await vethctl('network', 'prune', '--filter', 'label!=keep');
    expect(out).toMatch(/\[y\/N\] Deleted Networks:\na\nb\n\n$/);
    const filters = new URL(sent[0]?.url ?? '', 'http://x').searchParams.get('filters');
    expect(filters).toBe('{"label!":["keep"]}');
  });

  test('nothing to remove: prints nothing', async () => {
    reply('POST /networks/prune', { NetworksDeleted: null });
    expect((await vethctl('network', 'prune', '-f')).out).toBe('');
  });
});

describe('ns', () => {
  test('ls', async () => {
    const endpoint = {
      IPAddress: '10.9.0.2',
      IPPrefixLen: 24,
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
    };
    reply('GET /containers/json', [
      { Id: 'b'.repeat(64), Names: ['/web10'], State: 'running', NetworkSettings: { Networks: {} } },
      {
        Id: 'a'.repeat(64),
        Names: ['/web2'],
        State: 'running',
        NetworkSettings: { Networks: { lab: endpoint } },
      },
    ]);
    expect((await vethctl('ns', 'ls')).out).toBe(
      'CONTAINER ID   NAME      STATE     NETWORKS   ADDRESSES\n' +
        'aaaaaaaaaaaa   web2      running   lab        10.9.0.2/24\n' +
        'bbbbbbbbbbbb   web10     running              \n',
    );
  });

  test('add creates and starts', async () => {
    reply('POST /containers/create', { Id: 'e'.repeat(64), Warnings: [] }, 201);
    reply(`POST /containers/${'e'.repeat(64)}/start`, undefined, 204);
    const { out } = await vethctl('ns', 'add', 'web', '--network', 'lab', '--ip', '10.9.0.9');
    expect(out).toBe(`${'e'.repeat(64)}\n`);
    expect(sent[0]).toMatchObject({
      url: '/containers/create?name=web',
      body: {
        HostConfig: { NetworkMode: 'lab' },
        NetworkingConfig: { EndpointsConfig: { lab: { IPAMConfig: { IPv4Address: '10.9.0.9' } } } },
      },
    });
  });

  test('add without a network leaves none, so that connect works at once', async () => {
    reply('POST /containers/create', { Id: 'eee', Warnings: [] }, 201);
    reply('POST /containers/eee/start', undefined, 204);
    reply('POST /networks/none/disconnect', undefined, 200);
    expect(await vethctl('ns', 'add', 'web')).toMatchObject({ status: 0, out: 'eee\n' });
    expect(sent[0]).toMatchObject({ body: { HostConfig: { NetworkMode: 'none' } } });
    expect(sent.at(-1)).toMatchObject({ url: '/networks/none/disconnect', body: { Container: 'eee' } });
  });

  test('add refuses an address on no network', async () => {
    const { status, err } = await vethctl('ns', 'add', 'web', '--ip', '10.9.0.9');
    expect({ status, err }).toEqual({
      status: 1,
      err: 'an address, alias or port is one on a network: name it with --network\n',
    });
    expect(sent).toEqual([]);
  });

  test('add takes back a namespace that does not start', async () => {
    reply('POST /containers/create', { Id: 'eee', Warnings: [] }, 201);
    reply('POST /containers/eee/start', { message: 'network lab not found' }, 404);
    reply('DELETE /containers/eee', undefined, 204);
    const { status, err } = await vethctl('ns', 'add', 'web', '--network', 'lab');
    expect({ status, err }).toEqual({
      status: 1,
      err: 'Error response from daemon: network lab not found\n',
    });
    expect(sent.at(-1)).toMatchObject({ method: 'DELETE', url: '/containers/eee?force=true' });
  });
});

describe('completion', () => {
  beforeEach(() => {
    reply('GET /networks', [network('bridge', 'bridge', 'a'), network('lab', 'bridge', 'b')]);
    reply('GET /containers/json', [{ Names: ['/web'] }]);
  });

  test.each([
    [['net'], 'network\nns\ntrace\ntopology\nreconcile\nrecover\npurge\ndoctor\nevents\ncompletion\n'],
    [['network', 'rm', ''], 'bridge\nlab\n'],
    [['network', 'rm', 'lab', ''], 'bridge\nlab\n'],
    [['network', 'connect', 'lab', ''], 'web\n'],
    [['ns', 'exec', ''], 'web\n'],
    [['completion', ''], 'bash\nzsh\n'],
  ])('vethctl __complete %j', async (words, candidates) => {
    expect((await vethctl('__complete', ...words)).out).toBe(candidates);
  });

  test('flags of the command', async () => {
    expect((await vethctl('__complete', 'network', 'disconnect', '-')).out).toBe('--force\n--dry-run\n');
  });
});

describe('events', () => {
  test('prints each as docker does', async () => {
    const event = {
      Type: 'network',
      Action: 'connect',
      Actor: { ID: 'abc', Attributes: { type: 'bridge', name: 'lab' } },
      time: 1_700_000_000,
      timeNano: 1_700_000_000_500_000_000,
    };
    replies.set('GET /events', { status: 200, body: `${JSON.stringify(event)}\n${JSON.stringify(event)}\n` });
    const { out } = await vethctl('events', '--since', '5', '-f', 'type=network');
    const line = '2023-11-14T22:13:20.500000000Z network connect abc (name=lab, type=bridge)\n';
    expect(out).toBe(line + line);
  });
});

describe('doctor', () => {
  const fine = { Name: 'kernel veth', Status: 'ok', Message: 'tried in a scratch namespace', Mend: [] };
  const off = { Name: 'forwarding ipv4', Status: 'broken', Message: 'off', Mend: ['sysctl -w a=1'] };

  test('prints a table, and what mends it', async () => {
    reply('GET /vethd/doctor', { Status: 'broken', Checks: [fine, off] });
    expect(await vethctl('doctor')).toMatchObject({
      status: 2,
      out:
        'CHECK             STATUS    FOUND\n' +
        'kernel veth       ok        tried in a scratch namespace\n' +
        'forwarding ipv4   broken    off\n' +
        '\nTo mend forwarding ipv4:\n    sysctl -w a=1\n',
    });
  });

  test.each([
    ['ok', 0],
    ['warning', 1],
    ['broken', 2],
  ])('%s is exit code %i', async (Status, status) => {
    reply('GET /vethd/doctor', { Status, Checks: [{ ...fine, Status }] });
    const ended = await vethctl('doctor', '--format', 'json');
    expect([ended.status, JSON.parse(ended.out).Status]).toEqual([status, Status]);
  });

  test('without a daemon tells what can be seen', async () => {
    const ended = await vethctl('--socket', '/nowhere/vethd.sock', 'doctor', '--format', 'json');
    expect(ended.status).toBe(2);
    const { Status, Checks } = JSON.parse(ended.out);
    expect(Status).toBe('broken');
    expect(Checks[0]).toMatchObject({ Name: 'daemon', Status: 'broken' });
    expect(Checks.map(({ Name }: { Name: string }) => Name)).toContain('state folder');
  });
});
