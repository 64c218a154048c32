/**
 * Published ports through the daemon: from another host, from the host itself, from members; by connect, by the docker
 * CLI, and changed on a running member. `outside` is a host behind out0, with an address of its own.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent, type Question } from '../helpers/agent.ts';
import { run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { makeOutside, OUTSIDE } from '../helpers/firewall-lab.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

/** Long where an answer must come: a slow machine is no fault. Short where none may. */
const PATIENCE_MS = 10_000;
const SILENCE_MS = 400;
const HOST4 = OUTSIDE.out0.ipv4.host;
const HOST6 = OUTSIDE.out0.ipv6.host;

const agents = new Map<string, Agent>();

/** The agent of a namespace; `host` for the host's. */
function agent(name: string): Agent {
  const known = agents.get(name) ?? new Agent(name === 'host' ? undefined : name);
  agents.set(name, known);
  return known;
}

type Protocol = Question['protocol'];

/** What the server saw as the client's address; undefined without an answer. */
function ask(from: string, protocol: Protocol, address: string, port: number): Promise<string | undefined> {
  return agent(from).ask({ protocol, address, port, timeoutMs: PATIENCE_MS });
}

async function expectClosed(from: string, protocol: Protocol, address: string, port: number): Promise<void> {
  const answer = await agent(from).ask({ protocol, address, port, timeoutMs: SILENCE_MS });
  expect(answer, `${protocol} ${address} ${port} from ${from}`).toBe(undefined);
}

beforeAll(async () => {
  await makeOutside('out0');
  for (const name of ['web', 'sibling', 'stranger', 'here', 'there']) await addNetns(name);
});

const daemon = daemonForFile();

type Bindings = Readonly<Record<string, readonly { HostIp?: string; HostPort?: string }[]>>;

function connect(network: string, container: string, ports: Bindings = {}) {
  const body = { Container: container, EndpointConfig: { PortBindings: ports } };
  return daemon.request('POST', `/networks/${network}/connect`, body);
}

async function endpointOf(container: string, network = 'lan'): Promise<string> {
  const { NetworkSettings: settings } = await daemon.call('GET', `/containers/${container}/json`);
  return settings.Networks[network].EndpointID;
}

/** Replaces the published ports of a member. */
async function publish(container: string, ports: Bindings, query = '') {
  const path = `/vethd/endpoints/${await endpointOf(container)}${query}`;
  return daemon.call('PATCH', path, { PortBindings: ports });
}

async function portsOf(container: string) {
  const { NetworkSettings: settings } = await daemon.call('GET', `/containers/${container}/json`);
  return settings.Ports;
}

const PORTS: Bindings = {
  '80/tcp': [{ HostPort: '8080' }],
  '80/udp': [{ HostPort: '8080' }],
  '9000-9009/tcp': [{ HostPort: '9000-9009' }],
  '7000-7004/udp': [{ HostPort: '7100-7104' }],
  '81/tcp': [{ HostIp: '127.0.0.1', HostPort: '8181' }],
  '82/tcp': [{ HostIp: HOST4, HostPort: '8282' }],
  '83/tcp': [{ HostIp: HOST6, HostPort: '8383' }],
  '84/tcp': [{}],
};

beforeAll(async () => {
  await daemon.call('POST', '/networks/create', {
    Name: 'lan',
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '10.71.0.0/24' }, { Subnet: 'fd71::/64' }] },
  });
  await daemon.call('POST', '/networks/create', {
    Name: 'other',
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '10.72.0.0/24' }, { Subnet: 'fd72::/64' }] },
  });
  expect((await connect('lan', 'web', PORTS)).status).toBe(200);
  expect((await connect('lan', 'sibling')).status).toBe(200);
  expect((await connect('other', 'stranger')).status).toBe(200);
  await agent('web').serve([80, 81, 82, 83, 84, 7000, 7004, 9000, 9009]);
  await agent('web').sink(5001);
  await agent('sibling').serve([80]);
});

afterAll(async () => {
  for (const one of agents.values()) await one.close();
  await daemon.call('POST', '/networks/lan/disconnect', { Container: 'sibling' });
  await daemon.call('POST', '/networks/other/disconnect', { Container: 'stranger' });
  for (const network of ['lan', 'other']) await daemon.call('DELETE', `/networks/${network}`);
});

describe('published by connect', () => {
  const { ipv4, ipv6 } = OUTSIDE.out0;

  test.each<[string, string, Protocol, string, number, string | undefined]>([
    ['outside', 'out0', 'tcp', HOST4, 8080, ipv4.own],
    ['outside', 'out0', 'udp', HOST4, 8080, ipv4.own],
    ['outside, IPv6', 'out0', 'tcp', HOST6, 8080, ipv6.own],
    ['outside, IPv6', 'out0', 'udp', HOST6, 8080, ipv6.own],
    ['outside, first of a range', 'out0', 'tcp', HOST4, 9000, ipv4.own],
    ['outside, last of a range', 'out0', 'tcp', HOST6, 9009, ipv6.own],
    ['outside, first of a shifted range', 'out0', 'udp', HOST4, 7100, ipv4.own],
    ['outside, last of a shifted range', 'out0', 'udp', HOST6, 7104, ipv6.own],
    ['outside, bound to that address', 'out0', 'tcp', HOST4, 8282, ipv4.own],
    ['outside, bound to that IPv6 address', 'out0', 'tcp', HOST6, 8383, ipv6.own],
    ['the host', 'host', 'tcp', HOST4, 8080, undefined],
    ['the host', 'host', 'udp', HOST6, 8080, undefined],
    ['the host, loopback', 'host', 'tcp', '127.0.0.1', 8080, undefined],
    ['the host, loopback', 'host', 'udp', '127.0.0.1', 8080, undefined],
    ['the host, bound to loopback', 'host', 'tcp', '127.0.0.1', 8181, undefined],
    ['a sibling', 'sibling', 'tcp', HOST4, 8080, undefined],
    ['a sibling', 'sibling', 'udp', HOST6, 8080, undefined],
    ['a sibling, by the gateway', 'sibling', 'tcp', '10.71.0.1', 8080, undefined],
    ['itself', 'web', 'tcp', HOST4, 8080, undefined],
    ['itself', 'web', 'tcp', HOST6, 8080, undefined],
    ['a member of another network', 'stranger', 'tcp', HOST4, 8080, undefined],
    ['a member of another network', 'stranger', 'udp', HOST6, 8080, undefined],
  ])('reached from %s', async (_, from, protocol, address, port, source) => {
    const seen = await ask(from, protocol, address, port);
    expect(seen).toBeTypeOf('string');
    if (source !== undefined) expect(seen).toBe(source);
  });

  test.each<[string, string, Protocol, string, number]>([
    ['a port bound to loopback, from outside', 'out0', 'tcp', HOST4, 8181],
    ['a port bound to another address', 'host', 'tcp', '127.0.0.1', 8282],
    ['a port bound to the other family', 'out0', 'tcp', HOST4, 8383],
    ['an unpublished port', 'out0', 'tcp', HOST4, 82],
    ['one past a range', 'out0', 'tcp', HOST4, 9010],
    ['the member’s own address', 'out0', 'tcp', '10.71.0.2', 80],
    ['the member’s own IPv6 address', 'out0', 'udp', 'fd71::2', 80],
    ['the member’s own address, from another network', 'stranger', 'tcp', '10.71.0.2', 80],
  ])('closed: %s', (_, from, protocol, address, port) => expectClosed(from, protocol, address, port));

  test('an automatic port is of the host’s ephemeral ones, and told by inspect', async () => {
    const [first, last] = (await run('sysctl', ['-n', 'net.ipv4.ip_local_port_range']))
      .split(/\s+/)
      .map(Number);
    const ports = await portsOf('web');
    const port = Number(ports['84/tcp'][0].HostPort);
    expect(port).toBeGreaterThanOrEqual(first ?? 0);
    expect(port).toBeLessThanOrEqual(last ?? 0);
    expect(await ask('out0', 'tcp', HOST4, port)).toBe(ipv4.own);
    expect(ports['80/tcp']).toEqual([
      { HostIp: '0.0.0.0', HostPort: '8080' },
      { HostIp: '::', HostPort: '8080' },
    ]);
    expect(ports['81/tcp']).toEqual([{ HostIp: '127.0.0.1', HostPort: '8181' }]);
    expect(ports['7004/udp'][0]).toEqual({ HostIp: '0.0.0.0', HostPort: '7104' });
  });

  test('an automatic port goes around programs of the host', async () => {
    const [first = 0] = (await run('sysctl', ['-n', 'net.ipv4.ip_local_port_range']))
      .split(/\s+/)
      .map(Number);
    const { Ports } = await publish('sibling', { '80/tcp': [{}] });
    const chosen = Number(Ports['80/tcp'][0].HostPort);
    expect(chosen).toBeGreaterThan(first);
    await publish('sibling', {});
    await agent('host').serve([chosen]);
    const again = await publish('sibling', { '80/tcp': [{}] });
    expect(Number(again.Ports['80/tcp'][0].HostPort)).toBeGreaterThan(chosen);
    await publish('sibling', {});
  });
});

describe('on a network with host_binding_ipv4', () => {
  const { ipv4 } = OUTSIDE.out0;

  beforeAll(async () => {
    for (const [name, address] of [
      ['here', '127.0.0.1'],
      ['there', HOST4],
    ] as const) {
      await daemon.call('POST', '/networks/create', {
        Name: name,
        EnableIPv6: true,
        Options: { 'com.docker.network.bridge.host_binding_ipv4': address },
      });
    }
  });

  afterAll(async () => {
    for (const name of ['here', 'there']) {
      await daemon.request('POST', `/networks/${name}/disconnect`, { Container: name });
      await daemon.call('DELETE', `/networks/${name}`);
    }
  });

  test('a port without an address is bound there alone, told so, and free elsewhere', async () => {
    for (const name of ['here', 'there']) {
      expect((await connect(name, name, { '80/tcp': [{ HostPort: '8686' }] })).status).toBe(200);
      await agent(name).serve([80]);
    }
    expect((await portsOf('here'))['80/tcp']).toEqual([{ HostIp: '127.0.0.1', HostPort: '8686' }]);
    expect((await portsOf('there'))['80/tcp']).toEqual([{ HostIp: HOST4, HostPort: '8686' }]);
    expect(await ask('out0', 'tcp', HOST4, 8686)).toBe(ipv4.own);
    expect(await ask('host', 'tcp', '127.0.0.1', 8686)).toBeTypeOf('string');
    await expectClosed('out0', 'tcp', HOST6, 8686);
    const path = `/vethd/endpoints/${await endpointOf('there', 'there')}`;
    await daemon.call('PATCH', path, { PortBindings: {} });
    await expectClosed('out0', 'tcp', HOST4, 8686);
    expect(await ask('host', 'tcp', '127.0.0.1', 8686)).toBeTypeOf('string');
  });

  test('an address that is asked for goes before it', async () => {
    const path = `/vethd/endpoints/${await endpointOf('here', 'here')}`;
    await daemon.call('PATCH', path, {
      PortBindings: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8687' }] },
    });
    expect(await ask('out0', 'tcp', HOST4, 8687)).toBe(ipv4.own);
  });
});

describe('taken', () => {
  test.each<[string, string, Bindings, string]>([
    ['a port', 'sibling', { '80/tcp': [{ HostPort: '8080' }] }, '0.0.0.0:8080 failed'],
    [
      'a port of one address',
      'sibling',
      { '80/tcp': [{ HostIp: HOST4, HostPort: '8080' }] },
      `${HOST4}:8080`,
    ],
    ['in a range', 'sibling', { '8000-8999/tcp': [{ HostPort: '8000-8999' }] }, '0.0.0.0:8080 failed'],
    ['of a range', 'sibling', { '80/tcp': [{ HostPort: '9005' }] }, '0.0.0.0:9005 failed'],
  ])('%s: 409 in Docker’s words, with the holder’s name', async (_, member, ports, where) => {
    const path = `/vethd/endpoints/${await endpointOf(member)}`;
    const { status, body } = await daemon.request('PATCH', path, { PortBindings: ports });
    expect([status, body.message]).toEqual([409, expect.stringContaining('port is already allocated')]);
    expect(body.message).toContain(`Bind for ${where}`);
    expect(body.message).toContain('published by container web');
    expect(await portsOf(member)).toEqual({});
  });

  test('the same number of another protocol or another address is free', async () => {
    await publish('sibling', {
      '80/udp': [{ HostPort: '9000' }],
      '80/tcp': [{ HostIp: '127.0.0.2', HostPort: '8181' }],
    });
    expect(await ask('host', 'tcp', '127.0.0.2', 8181)).toBeTypeOf('string');
    expect(await ask('host', 'udp', HOST4, 9000)).toBeTypeOf('string');
    await publish('sibling', {});
  });

  test('by a program of the host', async () => {
    await agent('host').serve([8484]);
    const path = `/vethd/endpoints/${await endpointOf('sibling')}`;
    const ports = { '80/tcp': [{ HostPort: '8484' }] };
    const { status, body } = await daemon.request('PATCH', path, { PortBindings: ports });
    expect([status, body.message]).toEqual([
      409,
      expect.stringMatching(
        /^Bind for 0\.0\.0\.0:8484 failed: .* a program of the host listens on \[::\]:8484/,
      ),
    ]);
  });

  test('a refused connect leaves nothing', async () => {
    await addNetns('late');
    const { status } = await connect('lan', 'late', { '80/tcp': [{ HostPort: '8080' }] });
    expect(status).toBe(409);
    expect(JSON.parse(await run('ip', ['-n', 'late', '-j', 'link', 'show']))).toHaveLength(1);
    await removeNetns('late');
  });
});

describe('changed on a running member', () => {
  test('a port opens and closes', async () => {
    await publish('sibling', { '80/tcp': [{ HostPort: '8585' }] });
    expect(await ask('out0', 'tcp', HOST4, 8585)).toBe(OUTSIDE.out0.ipv4.own);
    await publish('sibling', { '80/tcp': [{ HostPort: '8686' }] });
    await expectClosed('out0', 'tcp', HOST4, 8585);
    expect(await ask('host', 'tcp', '127.0.0.1', 8686)).toBeTypeOf('string');
    await publish('sibling', {});
    await expectClosed('out0', 'tcp', HOST4, 8686);
  });

  test('dry run says it in one line of nft, and changes nothing', async () => {
    const { Commands } = await publish(
      'sibling',
      { '80/tcp': [{ HostIp: HOST4, HostPort: '8585' }] },
      '?dry-run=1',
    );
    expect(Commands.join('\n')).toContain(`publish4 { ${HOST4} . tcp . 8585 : 10.71.0.3 . 80 }`);
    expect(await portsOf('sibling')).toEqual({});
  });

  test('SCTP, as far as a kernel without it can tell', async () => {
    const { Commands } = await publish('sibling', { '80/sctp': [{ HostPort: '8585' }] }, '?dry-run=1');
    expect(Commands.join('\n')).toContain('publish4_any { sctp . 8585 : 10.71.0.3 . 80 }');
    await publish('sibling', { '80/sctp': [{ HostPort: '8585' }] });
    expect(await run('nft', ['list', 'map', 'inet', 'vethd', 'publish6_any'])).toContain('sctp . 8585');
    await publish('sibling', {});
  });

  test('a UDP client that asked before the port was there is answered when it is', async () => {
    const answer = ask('out0', 'udp', HOST4, 8787);
    await until('its packets are tracked', async () => (await flows(8787)).length > 0);
    await publish('sibling', { '80/udp': [{ HostPort: '8787' }] });
    expect(await answer).toBe(OUTSIDE.out0.ipv4.own);
  });

  test('UDP connections of a removed port are dropped', async () => {
    expect(await flows(8787)).toHaveLength(1);
    await publish('sibling', {});
    expect(await flows(8787)).toEqual([]);
    await expectClosed('out0', 'udp', HOST4, 8787);
  });

  test('a TCP transfer on another port loses no byte', async () => {
    await publish('web', { ...PORTS, '5001/tcp': [{ HostPort: '5001' }] });
    await agent('out0').pour(HOST4, 5001);
    for (let round = 0; round < 20; round++) {
      await publish('sibling', { '80/tcp': [{ HostPort: `${8600 + round}` }] });
      await publish('web', {
        ...PORTS,
        '5001/tcp': [{ HostPort: '5001' }],
        '84/tcp': [{ HostPort: `${8700 + round}` }],
      });
    }
    expect(await ask('out0', 'tcp', HOST4, 8719)).toBe(OUTSIDE.out0.ipv4.own);
    await expectWhole('40 edits');
    await publish('sibling', {});
  });

  test('a transfer outlives the publication of its own port', async () => {
    await agent('out0').pour(HOST4, 5001);
    await publish('web', PORTS);
    await expectClosed('out0', 'tcp', HOST4, 5001);
    await expectWhole('its own port closed');
  });
});

/** Connections that the kernel tracks to a UDP port of the host, one line each. */
async function flows(port: number): Promise<string[]> {
  const text = await run('conntrack', ['-L', '-p', 'udp', '--orig-port-dst', `${port}`]);
  return text.split('\n').filter((line) => line !== '');
}

/** Ends the transfer from outside: the receiver must have all of it. */
async function expectWhole(after: string): Promise<void> {
  const { sent, received } = await agent('out0').stopPouring();
  console.log(`transfer over ${after}: ${sent.split(' ')[0]} bytes`);
  expect(Number.parseInt(sent, 10)).toBeGreaterThan(0);
  expect(received).toBe(sent);
}

describe('kill -9', () => {
  test('ports stay open while the daemon is away, and a transfer goes on over its start', async () => {
    await publish('web', { ...PORTS, '5001/tcp': [{ HostPort: '5001' }] });
    await agent('out0').pour(HOST4, 5001);
    await daemon.kill();
    expect(await ask('out0', 'tcp', HOST4, 8080)).toBe(OUTSIDE.out0.ipv4.own);
    await daemon.start();
    expect(await ask('out0', 'udp', HOST6, 8080)).toBe(OUTSIDE.out0.ipv6.own);
    await expectWhole('kill -9 and start');
    expect((await portsOf('web'))['5001/tcp'][0].HostPort).toBe('5001');
    const { Commands } = await daemon.call('POST', '/vethd/reconcile?dry-run=true');
    expect(Commands).toEqual([]);
  });
});

describe('what others break', () => {
  const nft = (...args: string[]) => run('nft', args);

  test.each<[string, () => Promise<unknown>]>([
    ['an element deleted', () => nft('delete', 'element', 'inet', 'vethd', 'publish4_any', '{ tcp . 8080 }')],
    ['a map flushed', () => nft('flush', 'map', 'inet', 'vethd', 'publish4_any')],
    ['the table deleted', () => nft('delete', 'table', 'inet', 'vethd')],
    ['everything flushed', () => nft('flush', 'ruleset')],
    ['forwarding switched off', () => run('sysctl', ['-qw', 'net.ipv4.ip_forward=0'])],
  ])('is repaired: %s', async (_, breakIt) => {
    await breakIt();
    const question = { protocol: 'tcp', address: HOST4, port: 8080, timeoutMs: 1_000 } as const;
    await until('the port is open', async () => (await agent('out0').ask(question)) !== undefined, 5_000);
  });

  test('by a look that is asked for: route_localnet switched off, of which the kernel tells nobody', async () => {
    const { Id } = await daemon.call('GET', '/networks/lan');
    await run('sysctl', ['-qw', `net.ipv4.conf.br-${Id.slice(0, 12)}.route_localnet=0`]);
    await expectClosed('host', 'tcp', '127.0.0.1', 8080);
    await daemon.call('POST', '/vethd/reconcile');
    expect(await ask('host', 'tcp', '127.0.0.1', 8080)).toBeTypeOf('string');
  });
});

describe('10,000 ports', () => {
  test.each<[string, Bindings, number]>([
    ['a range of the same numbers', { '20000-29999/tcp': [{ HostPort: '20000-29999' }] }, 29_999],
    ['a range of other numbers', { '20000-29999/tcp': [{ HostPort: '40000-49999' }] }, 49_999],
  ])('%s', async (kind, ports, last) => {
    await agent('sibling').serve(kind.includes('same') ? [29_999] : []);
    const begun = performance.now();
    await publish('sibling', ports);
    const published = performance.now();
    expect(await ask('out0', 'tcp', HOST4, last)).toBe(OUTSIDE.out0.ipv4.own);
    expect(await ask('host', 'tcp', '127.0.0.1', last)).toBeTypeOf('string');
    const removing = performance.now();
    await publish('sibling', {});
    const removed = performance.now();
    await expectClosed('out0', 'tcp', HOST4, last);
    console.log(
      `${kind}: published in ${Math.round(published - begun)} ms, removed in ${Math.round(removed - removing)} ms`,
    );
  });

  test('a range is one element', async () => {
    const { Commands } = await publish(
      'sibling',
      { '20000-29999/tcp': [{ HostPort: '20000-29999' }] },
      '?dry-run=1',
    );
    expect(Commands.filter((line: string) => line.includes('publish'))).toEqual([
      "nft 'add element inet vethd publish4_any_range { tcp . 20000-29999 : 10.71.0.3 }'",
      "nft 'add element inet vethd publish6_any_range { tcp . 20000-29999 : fd71::3 }'",
    ]);
  });
});

describeWith(['docker'], 'the docker CLI', () => {
  afterAll(async () => {
    await daemon.docker('rm', '-f', 'shop', 'auto');
  });

  test('run -p: single, range, address, UDP; docker port and ps tell', async () => {
    const ports = [
      '-p',
      '3080:80',
      '-p',
      '3100-3199:3100-3199',
      '-p',
      '127.0.0.1:3081:81/udp',
      '-p',
      '[::]:3082:82',
    ];
    await daemon.docker('run', '-d', '--name', 'shop', '--network', 'lan', ...ports, 'none');
    await agent('shop').serve([80, 81, 82, 3199]);
    expect(await daemon.docker('port', 'shop', '80')).toBe('0.0.0.0:3080\n[::]:3080');
    expect(await daemon.docker('port', 'shop', '81/udp')).toBe('127.0.0.1:3081');
    expect(await daemon.docker('ps', '--filter', 'name=shop', '--format', '{{.Ports}}')).toContain(
      '0.0.0.0:3100-3199->3100-3199/tcp',
    );
    expect(await ask('out0', 'tcp', HOST4, 3080)).toBe(OUTSIDE.out0.ipv4.own);
    expect(await ask('out0', 'tcp', HOST4, 3199)).toBe(OUTSIDE.out0.ipv4.own);
    expect(await ask('out0', 'tcp', HOST6, 3082)).toBe(OUTSIDE.out0.ipv6.own);
    expect(await ask('host', 'udp', '127.0.0.1', 3081)).toBeTypeOf('string');
  });

  test('run -P publishes what is exposed', async () => {
    await daemon.docker('run', '-d', '--name', 'auto', '--network', 'lan', '-P', '--expose', '80', 'none');
    await agent('auto').serve([80]);
    const [line = ''] = (await daemon.docker('port', 'auto', '80/tcp')).split('\n');
    expect(await ask('out0', 'tcp', HOST4, Number(line.split(':').at(-1)))).toBe(OUTSIDE.out0.ipv4.own);
  });

  test('run -p of 10,000 ports, which the CLI sends one by one', async () => {
    const begun = performance.now();
    await daemon.docker(
      'run',
      '-d',
      '--rm',
      '--name',
      'many',
      '--network',
      'lan',
      '-p',
      '20000-29999:20000-29999',
      'none',
    );
    console.log(`docker run of 10,000 ports: ${Math.round(performance.now() - begun)} ms`);
    await agent('many').serve([29_999]);
    expect(await ask('out0', 'tcp', HOST4, 29_999)).toBe(OUTSIDE.out0.ipv4.own);
    await daemon.docker('stop', 'many');
    await expectClosed('out0', 'tcp', HOST4, 29_999);
  });

  test('a taken port names its holder', async () => {
    const ran = await daemon.tryDocker('run', '-d', '--network', 'lan', '-p', '3080:80', 'none');
    expect([ran.exitCode, ran.stderr]).toEqual([125, expect.stringContaining('port is already allocated')]);
    expect(ran.stderr).toContain('published by container shop');
  });

  test('a stopped container’s port is free, and it cannot start while another has it', async () => {
    await daemon.docker('stop', 'shop');
    await expectClosed('out0', 'tcp', HOST4, 3080);
    await publish('sibling', { '80/tcp': [{ HostPort: '3080' }] });
    const refused = await daemon.tryDocker('start', 'shop');
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringContaining('published by container sibling'),
    ]);
    await publish('sibling', {});
    await daemon.docker('start', 'shop');
    // Its namespace is a new one.
    await agents.get('shop')?.close();
    agents.delete('shop');
    await agent('shop').serve([80]);
    expect(await ask('out0', 'tcp', HOST4, 3080)).toBe(OUTSIDE.out0.ipv4.own);
  });
});

describe('disconnected', () => {
  test('the ports are closed', async () => {
    expect(await ask('out0', 'tcp', HOST4, 8080)).toBe(OUTSIDE.out0.ipv4.own);
    await daemon.call('POST', '/networks/lan/disconnect', { Container: 'web' });
    await expectClosed('out0', 'tcp', HOST4, 8080);
    await expectClosed('host', 'tcp', '127.0.0.1', 9000);
    expect(await flows(8080)).toEqual([]);
  });
});
