/** vethctl against the built daemon: what it prints is held against the kernel, not against vethctl. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, inNetns, ip, linksOf, listNetns, ping, removeNetns, snapshot } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const vethd = daemonForFile();

/** What to take back after a test, last first. */
const undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function network(name: string, ...flags: readonly string[]): Promise<void> {
  await vethd.vethctl('network', 'create', ...flags, name);
  undo.push(() => vethd.vethctl('network', 'rm', name));
}

async function namespace(name: string, ...flags: readonly string[]): Promise<void> {
  await vethd.vethctl('ns', 'add', name, ...flags);
  undo.push(() => vethd.vethctl('ns', 'rm', name));
}

async function foreignNamespace(name: string): Promise<void> {
  await addNetns(name);
  undo.push(() => removeNetns(name));
}

describe('network', () => {
  test('ls shows the predefined ones', async () => {
    const lines = (await vethd.vethctl('network', 'ls')).split('\n');
    expect(lines[0]).toBe('NETWORK ID     NAME      DRIVER    SCOPE');
    expect(lines.slice(1).map((line) => line.slice(15))).toEqual([
      'bridge    bridge    local',
      'host      host      local',
      'none      null      local',
    ]);
  });

  test('create, inspect, connect, disconnect, rm', async () => {
    await network('lab', '--subnet', '10.9.0.0/24', '--gateway', '10.9.0.254', '--label', 'a=b');
    await foreignNamespace('web');
    await vethd.vethctl(
      'network',
      'connect',
      '--ip',
      '10.9.0.7',
      '--mac-address',
      '02:42:00:00:00:07',
      'lab',
      'web',
    );
    const [inspected] = JSON.parse(await vethd.vethctl('network', 'inspect', 'lab'));
    expect(inspected).toMatchObject({
      Name: 'lab',
      Labels: { a: 'b' },
      IPAM: { Config: [{ Subnet: '10.9.0.0/24', Gateway: '10.9.0.254' }] },
    });
    expect(Object.values(inspected.Containers)).toMatchObject([
      { Name: 'web', IPv4Address: '10.9.0.7/24', MacAddress: '02:42:00:00:00:07' },
    ]);
    expect(await ping('web', '10.9.0.254')).toBe(true);
    await vethd.vethctl('network', 'disconnect', 'lab', 'web');
    expect((await linksOf('web')).map((link) => link.ifname)).toEqual(['lo']);
  });

  test('refusals have docker’s words and exit code 1', async () => {
    expect(await vethd.tryVethctl('network', 'rm', 'nosuch')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'Error response from daemon: network nosuch not found',
    });
    const hostBits = await vethd.tryVethctl('network', 'create', '--subnet', '10.9.0.5/24', 'lab');
    expect(hostBits.exitCode).toBe(1);
    expect(hostBits.stderr).toContain('invalid subnet 10.9.0.5/24: it should be 10.9.0.0/24');
  });

  test('prune -f says what went', async () => {
    await vethd.vethctl('network', 'create', 'unused');
    expect(await vethd.vethctl('network', 'prune', '-f')).toBe('Deleted Networks:\nunused\n');
  });
});

describe('ns', () => {
  test('add, ls, exec, rm', async () => {
    await network('lab', '--subnet', '10.9.0.0/24');
    await vethd.vethctl('ns', 'add', 'alice', '--network', 'lab');
    await namespace('bob', '--network', 'lab', '--ip', '10.9.0.77');
    expect(listNetns()).toEqual(['alice', 'bob']);
    const rows = (await vethd.vethctl('ns', 'ls')).split('\n').map((line) => line.split(/ +/).slice(1));
    expect(rows).toEqual([
      ['ID', 'NAME', 'STATE', 'NETWORKS', 'ADDRESSES'],
      ['alice', 'running', 'lab', '10.9.0.2/24'],
      ['bob', 'running', 'lab', '10.9.0.77/24'],
    ]);
    expect(await vethd.vethctl('ns', 'exec', 'alice', 'ip', '-o', '-4', 'address', 'show', 'eth0')).toContain(
      'inet 10.9.0.2/24',
    );
    expect(await vethd.vethctl('ns', 'rm', 'alice')).toBe('alice');
    expect(listNetns()).toEqual(['bob']);
  });

  test('add without a network gives one that can be connected at once', async () => {
    await network('lab', '--subnet', '10.9.0.0/24');
    await namespace('web');
    const [row] = JSON.parse(`[${await vethd.vethctl('ns', 'ls', '--format', 'json')}]`);
    expect(row).toMatchObject({ Name: 'web', State: 'running', Networks: '' });
    await vethd.vethctl('network', 'connect', 'lab', 'web');
    expect(await ping('web', '10.9.0.1')).toBe(true);
    await vethd.vethctl('network', 'disconnect', 'lab', 'web');
  });

  test('add --network none is alone until it leaves it', async () => {
    await network('lab');
    await namespace('web', '--network', 'none');
    expect(await vethd.tryVethctl('network', 'connect', 'lab', 'web')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('none'),
    });
    expect((await linksOf('web')).map((link) => link.ifname)).toEqual(['lo']);
    expect(await inNetns('web', 'ping', '-c', '1', '127.0.0.1')).toContain(' 0% packet loss');
  });

  test('exec passes flags, the exit code and a fatal signal on', async () => {
    await namespace('web');
    const script = 'printf "%s|" "$@"; exit 42';
    const ended = await vethd.tryVethctl(
      'ns',
      'exec',
      'web',
      'sh',
      '-c',
      script,
      'sh',
      '-x',
      '--socket',
      'a b',
    );
    expect(ended).toMatchObject({ exitCode: 42, stdout: '-x|--socket|a b|' });
    const missing = await vethd.tryVethctl('ns', 'exec', 'nosuch', 'true');
    expect(missing).toMatchObject({
      exitCode: 1,
      stderr: 'Error response from daemon: No such container: nosuch',
    });
  });

  test('a start that fails leaves no namespace behind', async () => {
    const ended = await vethd.tryVethctl('ns', 'add', 'web', '--network', 'nosuch');
    expect(ended).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('network nosuch not found') });
    expect(listNetns()).toEqual([]);
    expect(await vethd.vethctl('ns', 'ls', '-q')).toBe('');
  });
});

describe('--dry-run', () => {
  test('ns add tells what creation and start do together', async () => {
    await network('lab', '--subnet', '10.9.0.0/24');
    const before = await snapshot();
    const lines = await vethd.vethctl(
      'ns',
      'add',
      'web',
      '--network',
      'lab',
      '--ip',
      '10.9.0.9',
      '--dry-run',
    );
    expect(lines).toMatch(/^ip netns add web$/m);
    expect(lines).toMatch(/^ip link add veth[0-9a-f]{7} .*netns web$/m);
    expect(lines).toMatch(/^ip -n web address add 10\.9\.0\.9\/24 /m);
    expect(await vethd.vethctl('ns', 'ls', '-q')).toBe('');
    expect(await snapshot()).toEqual(before);
  });

  test('prints commands that would do the same, and changes nothing', async () => {
    const before = await snapshot();
    const create = await vethd.vethctl('network', 'create', '--dry-run', '--subnet', '10.9.0.0/24', 'lab');
    expect(create).toMatch(/^ip link add (name )?br-[0-9a-f]{12} .*type bridge/m);
    expect(create).toContain('10.9.0.1/24');
    expect(await snapshot()).toEqual(before);
    expect(await vethd.vethctl('network', 'ls', '-q', '-f', 'name=lab')).toBe('');
  });

  test('of connect and disconnect', async () => {
    await network('lab', '--subnet', '10.9.0.0/24');
    await foreignNamespace('web');
    const before = await snapshot();
    expect(await vethd.vethctl('network', 'connect', '--dry-run', 'lab', 'web')).toMatch(/type veth peer/);
    expect(await snapshot()).toEqual(before);
    await vethd.vethctl('network', 'connect', 'lab', 'web');
    expect(await vethd.vethctl('network', 'disconnect', '--dry-run', 'lab', 'web')).toMatch(/ip .*link/);
    expect(await ping('web', '10.9.0.1')).toBe(true);
    await vethd.vethctl('network', 'disconnect', 'lab', 'web');
  });
});

describe('trace', () => {
  test('from either end, by the kernel’s ifindexes', async () => {
    await network('lab', '--subnet', '10.9.0.0/24');
    await namespace('web', '--network', 'lab');
    const [fromInside] = JSON.parse(await vethd.vethctl('trace', '--format', 'json', 'web'));
    const host = (await linksOf()).find((link) => link.ifname === fromInside.Host.Ifname);
    const peer = (await linksOf('web')).find((link) => link.ifname === 'eth0');
    expect(fromInside).toMatchObject({
      Ours: true,
      Host: { Ifindex: host?.ifindex, Mac: host?.address },
      Peer: {
        Ifindex: peer?.ifindex,
        Mac: peer?.address,
        Addresses: expect.arrayContaining(['10.9.0.2/24']),
      },
      Container: { Name: 'web' },
      Network: { Name: 'lab' },
      Bridge: { Ifname: host?.master, PortState: 'forwarding' },
    });
    expect(host?.link_index).toBe(peer?.ifindex);
    const [fromHost] = JSON.parse(await vethd.vethctl('trace', '--format', 'json', fromInside.Host.Ifname));
    expect(fromHost.Peer.Ifindex).toBe(peer?.ifindex);
    expect(await vethd.vethctl('trace', 'web')).toContain(`eth0@if${host?.ifindex}`);
  });
});

describe('trace of pairs that vethd did not make', () => {
  const traced = async (term: string) => JSON.parse(await vethd.vethctl('trace', '--format', 'json', term));

  async function pair(host: string, peer: string, netns?: string): Promise<void> {
    await ip(['link', 'add', host, 'type', 'veth', 'peer', 'name', peer, ...(netns ? ['netns', netns] : [])]);
    undo.push(() => ip(['link', 'del', host]));
  }

  test('into a named namespace, from either end', async () => {
    await foreignNamespace('web');
    await pair('v0', 'v1', 'web');
    await ip(['address', 'add', '10.1.1.1/24', 'dev', 'v1'], 'web');
    const expected = {
      Ours: false,
      Netns: 'web',
      Container: null,
      Host: { Ifname: 'v0' },
      Peer: { Ifname: 'v1', Addresses: ['10.1.1.1/24'] },
    };
    for (const term of ['v0', 'web', 'web/v1']) expect(await traced(term)).toMatchObject([expected]);
    expect(await traced('web/v2')).toEqual([]);
  });

  test('both ends on the host', async () => {
    await pair('v0', 'v1');
    expect(await traced('v0')).toMatchObject([
      { Netns: 'host', Host: { Ifname: 'v0' }, Peer: { Ifname: 'v1' } },
    ]);
    expect(await traced('v1')).toMatchObject([
      { Netns: 'host', Host: { Ifname: 'v1' }, Peer: { Ifname: 'v0' } },
    ]);
  });

  test('into the namespace of a process, which has no name', async () => {
    const sleeper = spawn('unshare', ['--net', 'sleep', '60']);
    undo.push(async () => sleeper.kill('SIGKILL'));
    const pid = String(sleeper.pid);
    await until('it sleeps', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
    await pair('v0', 'v1', pid);
    const expected = { Netns: `pid:${pid}`, Host: { Ifname: 'v0' }, Peer: { Ifname: 'v1' } };
    for (const term of ['v0', `pid:${pid}`]) expect(await traced(term)).toMatchObject([expected]);
    expect(await traced(`/proc/${pid}/ns/net`)).toMatchObject([
      { Host: { Ifname: 'v0' }, Peer: { Ifname: 'v1' } },
    ]);
  });

  test('between two namespaces', async () => {
    for (const name of ['red', 'blue']) await foreignNamespace(name);
    await ip(['link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', 'blue'], 'red');
    expect(await traced('red')).toMatchObject([{ Netns: 'red', Host: null, Peer: { Ifname: 'v0' } }]);
    expect(await vethd.vethctl('trace', 'blue')).toContain('from blue to another namespace');
  });
});

describe('events and reconcile', () => {
  test('events of the past, until now', async () => {
    await network('lab');
    const seconds = String(Math.floor(Date.now() / 1000) + 1);
    const text = await vethd.vethctl('events', '--since', '1', '--until', seconds, '-f', 'network=lab');
    expect(text).toMatch(/ network create [0-9a-f]{64} \(name=lab, type=bridge\)/);
  });

  test('reconcile mends what somebody broke, and says so', async () => {
    await network('lab', '--subnet', '10.9.0.0/24');
    await namespace('web', '--network', 'lab');
    await inNetns('web', 'ip', 'address', 'flush', 'dev', 'eth0');
    await vethd.vethctl('reconcile');
    await until('the gateway answers again', () => ping('web', '10.9.0.1'));
    expect(await vethd.vethctl('reconcile', '--dry-run')).toBe('');
  });
});
