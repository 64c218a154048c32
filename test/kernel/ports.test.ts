/** Published ports on a running member: each form of them, edits in mid-transfer, many at once, what UDP remembers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diffRulesets, type Ruleset, renderRuleset, rulesetText } from '../../src/firewall/ruleset.ts';
import { dropConntrack } from '../../src/kernel/conntrack.ts';
import { ephemeralPorts, hostPortsInUse } from '../../src/kernel/host-ports.ts';
import { NetfilterSocket } from '../../src/kernel/netfilter-socket.ts';
import { applyElementChanges, readGeneration, runNft } from '../../src/kernel/nft.ts';
import { formatAddress, parseAddress } from '../../src/model/address.ts';
import type { PublishedPort } from '../../src/model/endpoint.ts';
import { Agent, type Question } from '../helpers/agent.ts';
import { run } from '../helpers/commands.ts';
import {
  addressOf,
  buildMembers,
  firewallEndpoint,
  type LabNetwork,
  makeOutside,
  memberName,
  NETWORKS,
  OUTSIDE,
} from '../helpers/firewall-lab.ts';
import { ethernet, IPV4, ipv4, SCTP, sctpInit, udp } from '../helpers/frames.ts';
import { linksOf, ping } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const [nat] = NETWORKS as readonly [LabNetwork];
const HOST4 = OUTSIDE.out0.ipv4.host;
const HOST6 = OUTSIDE.out0.ipv6.host;
/** Ports of the member that answer; 6004 and 6005 lie in ranges, 90 echoes. */
const SERVED = [80, 81, 6000, 6005, 6010, 16_000];
const ECHO = 90;
const SILENCE_MS = 300;
const PATIENCE_MS = 10_000;

let outside: Agent;
let member: Agent;
let host: Agent;
let socket: NetfilterSocket;
let applied: Ruleset;

function port(hostPort: number, containerPort: number, change: Partial<PublishedPort> = {}): PublishedPort {
  return {
    protocol: 'tcp',
    containerPort,
    containerPortEnd: containerPort,
    hostAddress: undefined,
    hostPort,
    hostPortEnd: hostPort,
    ...change,
  };
}

function range(first: number, last: number, offset: number): PublishedPort {
  return port(first + offset, first, { containerPortEnd: last, hostPortEnd: last + offset });
}

function rulesetWith(ports: readonly PublishedPort[]): Ruleset {
  const endpoint = { ...firewallEndpoint(nat, 2), ports };
  return renderRuleset({ networks: [nat.firewall], endpoints: [endpoint], guardedForwarding: [] });
}

/** Publishes just these, on the way that the daemon takes. */
function publish(...ports: readonly PublishedPort[]): void {
  const wanted = rulesetWith(ports);
  const diff = diffRulesets(applied, wanted);
  if (diff.kind === 'full') throw new Error('the rules changed');
  if (diff.kind === 'elements') expect(applyElementChanges(socket, diff.changes)).toEqual({ ok: true });
  applied = wanted;
}

function ask(agent: Agent, address: string, hostPort: number, protocol: Question['protocol'] = 'tcp') {
  return agent.ask({ protocol, address, port: hostPort, timeoutMs: PATIENCE_MS });
}

function askInVain(agent: Agent, address: string, hostPort: number, protocol: Question['protocol'] = 'tcp') {
  return agent.ask({ protocol, address, port: hostPort, timeoutMs: SILENCE_MS });
}

beforeAll(async () => {
  await buildMembers(nat);
  await makeOutside('out0');
  await run('ip', ['address', 'add', '198.51.100.9/24', 'dev', 'out0']);
  await run('sysctl', [
    '-q',
    '-w',
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
    `net.ipv4.conf.${nat.firewall.bridge}.route_localnet=1`,
  ]);
  [outside, member, host] = [new Agent('out0'), new Agent(memberName(nat, 2)), new Agent()];
  await Promise.all([member.serve(SERVED), member.serveEcho(ECHO), host.serve([99])]);
  socket = new NetfilterSocket();
  applied = rulesetWith([]);
  expect(await runNft(rulesetText(applied), () => undefined)).toEqual({ ok: true });
});

afterAll(async () => {
  socket.close();
  await Promise.all([outside, member, host].map((agent) => agent.close()));
});

describe('a published port', () => {
  test('comes and goes on a running member', async () => {
    expect(await askInVain(outside, HOST4, 8080)).toBeUndefined();
    publish(port(8080, 80));
    expect(await ask(outside, HOST4, 8080)).toBe(OUTSIDE.out0.ipv4.own);
    expect(await ask(outside, HOST6, 8080)).toBe(OUTSIDE.out0.ipv6.own);
    publish();
    expect(await askInVain(outside, HOST4, 8080)).toBeUndefined();
  });

  test('on one address of the host is not on another', async () => {
    publish(port(8080, 80, { hostAddress: parseAddress('198.51.100.9') }));
    expect(await ask(outside, '198.51.100.9', 8080)).toBe(OUTSIDE.out0.ipv4.own);
    expect(await askInVain(outside, HOST4, 8080)).toBeUndefined();
    expect(await askInVain(outside, HOST6, 8080)).toBeUndefined();
  });

  test('of one number serves two members by two addresses', async () => {
    publish(
      port(8080, 80, { hostAddress: parseAddress('198.51.100.9') }),
      port(8080, 81, { hostAddress: parseAddress('127.0.0.1') }),
    );
    expect(await ask(outside, '198.51.100.9', 8080)).toBe(OUTSIDE.out0.ipv4.own);
    expect(await ask(host, '127.0.0.1', 8080)).toBe(addressOf(nat, 'ipv4', 1));
  });

  test.for([
    ['with its own numbers', 0],
    ['with other numbers', 1000],
  ] as const)('range %s reaches the port of the same place', async ([, offset]) => {
    publish(range(6000, 6010, offset));
    for (const inside of [6000, 6005, 6010]) {
      expect(await ask(outside, HOST4, inside + offset)).toBe(OUTSIDE.out0.ipv4.own);
      expect(await ask(outside, HOST6, inside + offset)).toBe(OUTSIDE.out0.ipv6.own);
    }
    expect(await askInVain(outside, HOST4, 6011 + offset)).toBeUndefined();
  });

  test('can be edited while another one transfers', async () => {
    publish(port(9000, ECHO));
    const transfer = outside.exchange({ address: HOST4, port: 9000, durationMs: 1_000 });
    for (let hostPort = 9001; hostPort < 9200; hostPort++) {
      publish(port(9000, ECHO), port(hostPort, 80));
    }
    await runNft(rulesetText(applied), () => undefined);
    publish();
    expect(await transfer).toBe(true);
  });

  test('on 127.0.0.1 is not open to a packet from outside', async () => {
    publish(
      port(8080, 80, { protocol: 'udp', hostAddress: parseAddress('127.0.0.1') }),
      port(8081, 80, { protocol: 'udp' }),
    );
    expect(await ask(host, '127.0.0.1', 8080, 'udp')).toBe(addressOf(nat, 'ipv4', 1));
    expect(await heardInside('127.0.0.1', (mark) => udp(7, 8080, mark))).toBe(false);
    expect(await heardInside(HOST4, (mark) => udp(7, 8081, mark))).toBe(true);
  });

  test('of SCTP is translated', async () => {
    publish(port(8080, 80, { protocol: 'sctp' }), port(8081, 80, { protocol: 'udp' }));
    const tag = 0x76657468;
    await member.heardFrames();
    await sendFromOutside(ipv4(OUTSIDE.out0.ipv4.own, HOST4, sctpInit(7, 8080, tag), SCTP));
    const init = await until('the INIT chunk', async () =>
      (await member.heardFrames()).find((frame) => frame.includes(tag.toString(16))),
    );
    const packet = Buffer.from(init, 'hex').subarray(14);
    expect([...packet.subarray(16, 20)].join('.')).toBe(addressOf(nat, 'ipv4', 2));
    expect(packet.readUInt16BE(22)).toBe(80);
  });
});

async function sendFromOutside(packet: Buffer): Promise<void> {
  await ping('out0', HOST4);
  const hostEnd = (await linksOf()).find(({ ifname }) => ifname === 'out0');
  const end = (await linksOf('out0')).find(({ ifname }) => ifname === 'eth0');
  const frame = ethernet(end?.address ?? '', hostEnd?.address ?? '', IPV4, packet);
  await outside.sendFrame(end?.ifindex ?? 0, frame.toString('hex'));
}

/** Whether the member hears the datagram; one to a port that is published on 8081 follows and must be heard. */
async function heardInside(address: string, datagram: (mark: string) => Buffer): Promise<boolean> {
  const [mark, fence] = [`mark-${Math.random()}.`, `fence-${Math.random()}.`];
  await member.listen();
  await sendFromOutside(ipv4(OUTSIDE.out0.ipv4.own, address, datagram(mark)));
  await sendFromOutside(ipv4(OUTSIDE.out0.ipv4.own, HOST4, udp(8, 8081, fence)));
  const heard: string[] = [];
  const has = (text: string) => heard.some((frame) => frame.includes(Buffer.from(text).toString('hex')));
  await until('the other datagram', async () => {
    heard.push(...(await member.heardFrames()));
    return has(fence);
  });
  return has(mark);
}

describe('what UDP remembers', () => {
  const first = port(8090, 80, { protocol: 'udp' });
  const second = port(8091, 80, { protocol: 'udp' });

  test('of a removed port is dropped, of another is not', async () => {
    publish(first, second);
    for (const { hostPort } of [first, second]) await ask(outside, HOST4, hostPort, 'udp');
    publish(second);
    expect(dropConntrack(socket, [{ port: first, change: 'removed' }])).toBe(1);
    expect(dropConntrack(socket, [{ port: first, change: 'removed' }])).toBe(0);
    publish();
    const all = { ...second, hostPort: 8085, hostPortEnd: 9000 };
    expect(dropConntrack(socket, [{ port: all, change: 'removed' }])).toBe(1);
  });

  test('of several ports and ranges that go at once is dropped, in both families, and of no other', async () => {
    const gone: PublishedPort[] = [first, second, { ...range(6000, 6010, 0), protocol: 'udp' }];
    const stays = port(8092, 80, { protocol: 'udp' });
    publish(...gone, stays);
    for (const hostPort of [first.hostPort, second.hostPort, stays.hostPort, 6005]) {
      await ask(outside, HOST4, hostPort, 'udp');
      await ask(outside, HOST6, hostPort, 'udp');
    }
    publish(stays);
    const changes = gone.map((one) => ({ port: one, change: 'removed' as const }));
    expect(dropConntrack(socket, changes)).toBe(6);
    expect(dropConntrack(socket, [{ port: stays, change: 'removed' }])).toBe(2);
    publish();
  });

  test('of a port before it was published is dropped', async () => {
    expect(await askInVain(outside, HOST4, 8082, 'udp')).toBeUndefined();
    publish(port(8082, 80, { protocol: 'udp' }));
    const change = 'added' as const;
    // A refused datagram's entry may be gone already; what remains must go.
    dropConntrack(socket, [{ port: port(8082, 80, { protocol: 'udp' }), change }]);
    expect(dropConntrack(socket, [{ port: port(8082, 80, { protocol: 'udp' }), change }])).toBe(0);
    expect(await ask(outside, HOST4, 8082, 'udp')).toBe(OUTSIDE.out0.ipv4.own);
  });
});

describe('ten thousand ports', () => {
  test.for([
    ['with their own numbers', 0],
    ['with other numbers', 10_000],
  ] as const)('%s are one transaction', async ([name, offset]) => {
    publish();
    const generation = readGeneration(socket) ?? Number.NaN;
    const start = performance.now();
    publish(range(10_000, 19_999, offset));
    console.log(`10,000 published ports ${name}: ${(performance.now() - start).toFixed(1)} ms`);
    expect(readGeneration(socket)).toBe(generation + 1);
    expect(await ask(outside, HOST4, 16_000 + offset)).toBe(OUTSIDE.out0.ipv4.own);
    expect(await ask(outside, HOST6, 16_000 + offset)).toBe(OUTSIDE.out0.ipv6.own);
    publish();
    expect(await askInVain(outside, HOST4, 16_000 + offset)).toBeUndefined();
  });
});

test('tables that somebody flushed are put back whole', async () => {
  publish(port(8080, 80));
  const before = await run('nft', ['--stateless', 'list', 'ruleset']);
  await run('nft', ['flush', 'ruleset']);
  expect(await askInVain(outside, HOST4, 8080)).toBeUndefined();
  const diff = diffRulesets(applied, rulesetWith([port(8080, 80), port(8081, 80)]));
  if (diff.kind !== 'elements') throw new Error(diff.kind);
  expect(applyElementChanges(socket, diff.changes)).toMatchObject({ ok: false, errno: 'ENOENT' });
  expect(await runNft(rulesetText(applied), () => undefined)).toEqual({ ok: true });
  expect(await run('nft', ['--stateless', 'list', 'ruleset'])).toBe(before);
  expect(await ask(outside, HOST4, 8080)).toBe(OUTSIDE.out0.ipv4.own);
});

test('ports of the host that programs listen on are known', async () => {
  const taken = hostPortsInUse().map(
    ({ protocol, address, port: number }) => `${protocol} ${formatAddress(address)} ${number}`,
  );
  expect(taken.sort()).toEqual(['tcp :: 99', 'udp :: 99']);
  await run('sysctl', ['-q', '-w', 'net.ipv4.ip_local_port_range=40000 50000']);
  expect(ephemeralPorts()).toEqual({ first: 40_000, last: 50_000 });
});
