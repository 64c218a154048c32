/** The resolver with real sockets in real namespaces, asked by dig; upstreams are servers of the test's own. */
import { createSocket } from 'node:dgram';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { type Answer, decode, encode, type RecordType } from 'dns-packet';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createUnframer, frame } from '../../src/dns/framing.ts';
import { createResolver, RESOLVER_LIMITS, type Resolver } from '../../src/dns/server.ts';
import { openDnsSockets } from '../../src/kernel/dns-sockets.ts';
import { type Address, parseAddress } from '../../src/model/address.ts';
import { Agent } from '../helpers/agent.ts';
import { attempt } from '../helpers/commands.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { ethernet, IPV4, ipv4, udp } from '../helpers/frames.ts';
import { addNetns, inNetns, ip, listNetns, removeNetns } from '../helpers/host.ts';
import { insideNetns } from '../helpers/netns-thread.ts';
import { until } from '../helpers/until.ts';
import { type FakeMember, fakeSource } from '../helpers/zone-source.ts';

const NETNS = 'asker';
/** The ifindex of lo in every namespace, and what its frames bear for addresses. */
const LOOPBACK = 1;
const NO_MAC = '00:00:00:00:00:00';
const UNSERVED = 'unserved';
const SILENT = parseAddress('127.0.0.2');
const UPSTREAM = parseAddress('127.0.0.3');
const REFUSING = parseAddress('127.0.0.4');

const members: FakeMember[] = [
  { network: 'lan', container: 'asker', names: ['asker'], ipv4: '10.0.0.2' },
  { network: 'lan', container: 'web1', names: ['web1', 'web'], ipv4: '10.0.0.3', ipv6: 'fd00::3' },
  { network: 'lan', container: 'web2', names: ['web2', 'web'], ipv4: '10.0.0.4' },
];
const source = fakeSource({ lan: { names: true, internal: false } }, members);

const dig = (...args: string[]) => inNetns(NETNS, 'dig', '+short', '+tries=1', '@127.0.0.11', ...args);

async function statusOf(...args: string[]): Promise<string | undefined> {
  const text = await inNetns(NETNS, 'dig', '+tries=1', '+time=5', '@127.0.0.11', ...args);
  return /status: (\w+)/.exec(text)?.[1];
}

/** What the upstream says: an address for `example.test`, many for `many.test`, the client's id doubled for none. */
function upstreamAnswer(message: Uint8Array, overTcp: boolean): Buffer {
  const query = decode(Buffer.from(message));
  const [question] = query.questions ?? [];
  const name = question?.name ?? '';
  const record = (data: string): Answer => ({ type: 'A', name, ttl: 60, data });
  const many = Array.from({ length: 100 }, (_, index) => record(`192.0.2.${index}`));
  const cut = name === 'many.test' && !overTcp;
  const answers = name === 'many.test' ? (cut ? [] : many) : [record('192.0.2.53')];
  const id = query.id ?? 0;
  return encode({
    type: 'response',
    id: name === 'forged.test' ? id ^ 1 : id,
    flags: 0x180 | (cut ? 0x200 : 0) | (name === 'none.test' ? 3 : 0),
    questions:
      name === 'other.test' ? [{ type: 'A' as RecordType, name: 'evil.test' }] : (query.questions ?? []),
    answers: name === 'none.test' ? [] : answers,
  });
}

const closers: (() => void)[] = [];
const asked: string[] = [];

function startUpstream(
  address: string,
  onMessage: (message: Uint8Array, overTcp: boolean) => Buffer | undefined,
) {
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    const answer = onMessage(message, false);
    if (answer !== undefined) udp.send(answer, from.port, from.address);
  });
  const tcp: Server = createServer((socket) => {
    const unframe = createUnframer();
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      for (const message of unframe(chunk)) {
        const answer = onMessage(message, true);
        if (answer !== undefined) socket.write(frame(answer));
      }
    });
  });
  closers.push(() => {
    udp.close();
    tcp.close();
  });
  return Promise.all([
    new Promise<void>((resolve) => udp.bind(53, address, resolve)),
    new Promise<void>((resolve) => tcp.listen(53, address, resolve)),
  ]);
}

let resolver: Resolver;
/** Questions in this turn of the event loop, and the most that there were in one. */
const turn = { questions: 0, most: 0 };
let upstreams: readonly Address[];
const errors: unknown[] = [];

beforeAll(async () => {
  await addNetns(NETNS);
  await addNetns(UNSERVED);
  await ip(['link', 'set', 'lo', 'up'], NETNS);
  await startUpstream('127.0.0.2', () => undefined);
  await startUpstream('127.0.0.3', (message, overTcp) => {
    asked.push(decode(Buffer.from(message)).questions?.[0]?.name ?? '');
    return upstreamAnswer(message, overTcp);
  });
  await startUpstream('127.0.0.4', (message) => {
    const query = decode(Buffer.from(message));
    return encode({ type: 'response', id: query.id ?? 0, flags: 5, questions: query.questions ?? [] });
  });
  resolver = createResolver({
    source,
    upstreams: () => upstreams,
    limits: { ...RESOLVER_LIMITS, timeoutMs: 300 },
    onQuery: () => {
      if (turn.questions++ === 0)
        setImmediate(() => {
          turn.questions = 0;
        });
      turn.most = Math.max(turn.most, turn.questions);
    },
    onError: (_containerId, error) => errors.push(error),
  });
  await resolver.serve('asker', insideNetns(NETNS, openDnsSockets));
});

afterEach(() => {
  upstreams = [];
  expect(errors).toEqual([]);
});

afterAll(async () => {
  await resolver.close();
  for (const close of closers) close();
  for (const name of listNetns()) await removeNetns(name);
});

describeWith(['dig'], 'names of members', () => {
  test.each([
    ['udp', []],
    ['tcp', ['+tcp']],
  ])('over %s', async (_transport, flags) => {
    expect(await dig('web1', 'A', ...flags)).toBe('10.0.0.3');
    expect(await dig('web1', 'AAAA', ...flags)).toBe('fd00::3');
    expect(await dig('WEB2.lan', 'A', ...flags)).toBe('10.0.0.4');
    expect(await dig('-x', '10.0.0.4', ...flags)).toBe('web2.lan.');
    expect(await statusOf('web2', 'AAAA', ...flags)).toBe('NOERROR');
  });

  test('an alias of two comes in changing order', async () => {
    const orders = await Promise.all(Array.from({ length: 8 }, () => dig('web', 'A')));
    expect(new Set(orders)).toEqual(new Set(['10.0.0.3\n10.0.0.4', '10.0.0.4\n10.0.0.3']));
  });

  test('without EDNS, with another opcode, with a later EDNS version', async () => {
    expect(await dig('+noedns', 'web1', 'A')).toBe('10.0.0.3');
    expect(await statusOf('+opcode=notify', 'web1', 'A')).toBe('NOTIMP');
    expect(await statusOf('+edns=1', '+noednsnegotiation', 'web1', 'A')).toBe('BADVERS');
  });

  test('several questions over one connection', async () => {
    const text = await inNetns(
      NETNS,
      'dig',
      '+short',
      '+tcp',
      '+keepopen',
      '@127.0.0.11',
      'web1',
      'A',
      'web2',
      'A',
    );
    expect(text).toBe('10.0.0.3\n10.0.0.4');
  });

  test('a change is seen by the next question', async () => {
    for (let round = 0; round < 5; round++) {
      members.push({ network: 'lan', container: 'new', names: ['new'], ipv4: `10.0.0.${10 + round}` });
      expect(await dig('new', 'A')).toBe(`10.0.0.${10 + round}`);
      members.pop();
      expect(await statusOf('new', 'A')).toBe('SERVFAIL');
    }
  });

  test('the default resolver of the C library is content with it', async () => {
    const file = '/run/vethd/resolv.conf';
    writeFileSync(file, 'nameserver 127.0.0.11\noptions ndots:0\n');
    const bound = `mount --bind ${file} /etc/resolv.conf; getent ahosts web1`;
    const text = await inNetns(NETNS, 'unshare', '--mount', 'sh', '-c', bound);
    expect(text).toContain('10.0.0.3');
    expect(text).toContain('fd00::3');
  });
});

describeWith(['dig'], 'names of others', () => {
  test('go to the upstream, over the transport that they came by', async () => {
    upstreams = [UPSTREAM];
    expect(await dig('example.test', 'A')).toBe('192.0.2.53');
    expect(await dig('+tcp', 'example.test', 'A')).toBe('192.0.2.53');
    expect(await statusOf('none.test', 'A')).toBe('NXDOMAIN');
  });

  test('names of members never do', async () => {
    upstreams = [UPSTREAM];
    await dig('web1', 'TXT');
    await dig('web2', 'AAAA');
    expect(asked.filter((name) => name.startsWith('web'))).toEqual([]);
  });

  test('a truncated reply makes the client come back over TCP', async () => {
    upstreams = [UPSTREAM];
    expect((await dig('many.test', 'A')).split('\n')).toHaveLength(100);
  });

  test.each([
    ['a silent server', SILENT],
    ['a server that refuses', REFUSING],
    ['a closed port', parseAddress('127.0.0.5')],
    ['no route', parseAddress('203.0.113.1')],
    ['another family without route', parseAddress('2001:db8::1')],
  ])('%s: the next one is asked, over both transports', async (_case, first) => {
    upstreams = [first, UPSTREAM];
    expect(await dig('example.test', 'A')).toBe('192.0.2.53');
    expect(await dig('+tcp', 'example.test', 'A')).toBe('192.0.2.53');
    upstreams = [first];
    expect(await statusOf('example.test', 'A')).toBe('SERVFAIL');
  });

  test.each(['forged.test', 'other.test'])(
    'a reply with a wrong id or question is none: %s',
    async (name) => {
      upstreams = [UPSTREAM];
      expect(await statusOf(name, 'A')).toBe('SERVFAIL');
    },
  );

  test('without servers: SERVFAIL at once', async () => {
    upstreams = [];
    expect(await statusOf('example.test', 'A')).toBe('SERVFAIL');
  });
});

describeWith(['dig'], 'bounds', () => {
  test('questions beyond the cap get SERVFAIL at once, and the cap frees itself', async () => {
    await addNetns('capped');
    await ip(['link', 'set', 'lo', 'up'], 'capped');
    const small = createResolver({
      source: fakeSource({ lan: { names: true, internal: false } }, [
        { network: 'lan', container: 'capped', names: ['capped'], ipv4: '10.0.0.9' },
      ]),
      upstreams: () => [SILENT],
      limits: { ...RESOLVER_LIMITS, timeoutMs: 1_000, maxInFlightEach: 2 },
    });
    await small.serve('capped', insideNetns('capped', openDnsSockets));
    const program = [
      'netns',
      'exec',
      'capped',
      'dig',
      '+tries=1',
      '+time=5',
      '@127.0.0.11',
      'example.test',
      'A',
    ];
    const answers = await Promise.all(Array.from({ length: 6 }, () => attempt('ip', program)));
    const times = answers.map(({ stdout }) => Number(/Query time: (\d+)/.exec(stdout)?.[1]));
    expect(answers.every(({ stdout }) => stdout.includes('SERVFAIL'))).toBe(true);
    expect(times.filter((time) => time >= 900).length).toBe(2);
    upstreams = [];
    await small.close();
    await removeNetns('capped');
  });
});

/** A question for `name` as it is sent over TCP. */
function framedQuestion(name: string): Buffer {
  return Buffer.from(frame(encode({ type: 'query', id: 1, questions: [{ type: 'A', name }] })));
}

describeWith(['dig'], 'a hostile member', () => {
  let agent: Agent;

  beforeAll(() => {
    agent = new Agent(NETNS);
  });
  afterAll(() => agent.close());

  test('who asks from port 0, to which no answer can go, is not answered, and everybody else is', async () => {
    const question = encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'web1' }] });
    const datagram = udp(0, 53, question.toString('latin1'));
    await agent.sendFrame(
      LOOPBACK,
      ethernet(NO_MAC, NO_MAC, IPV4, ipv4('127.0.0.1', '127.0.0.11', datagram)).toString('hex'),
    );
    expect(await dig('web1', 'A')).toBe('10.0.0.3');
  });

  test('thousands of questions at once over TCP are all answered, but not in one turn of the event loop', async () => {
    const questions = Array.from({ length: 5_000 }, () => framedQuestion('web1'));
    const heard = await agent.say('127.0.0.11', 53, Buffer.concat(questions).toString('hex'));
    expect(heard).toBe(5_000 * (2 + 12 + 10 + 16));
    expect(turn.most).toBeLessThanOrEqual(2 * RESOLVER_LIMITS.questionsPerTurn);
  });

  test('connections of all containers are counted together', async () => {
    const limits = { ...RESOLVER_LIMITS, maxClients: 1 };
    const small = createResolver({ source, upstreams: () => [], limits });
    for (const name of ['one', 'two']) {
      await addNetns(name);
      await ip(['link', 'set', 'lo', 'up'], name);
      await small.serve(name, insideNetns(name, openDnsSockets));
    }
    const one = new Agent('one');
    await one.pour('127.0.0.11', 53);
    const asked = ['netns', 'exec', 'two', 'dig', '+tcp', '+tries=1', '+time=5', '@127.0.0.11', 'web1', 'A'];
    expect((await attempt('ip', asked)).stdout).not.toContain('status:');
    await one.close();
    await until('its connection is closed', async () =>
      (await attempt('ip', asked)).stdout.includes('status:'),
    );
    await small.close();
    for (const name of ['one', 'two']) await removeNetns(name);
  });
});

/** Descriptors of sockets of this process. */
function sockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

test('serving again replaces the sockets, stopping closes them and frees the namespace', async () => {
  const before = sockets();
  await addNetns('gone');
  const inode = (await attempt('stat', ['-Lc', '%i', '/run/netns/gone'])).stdout;
  const first = insideNetns('gone', openDnsSockets);
  expect(() => insideNetns('gone', openDnsSockets)).toThrow(expect.objectContaining({ errno: 'EADDRINUSE' }));
  await resolver.serve('gone', first);
  expect(resolver.isServing('gone')).toBe(true);
  await resolver.stop('gone');
  await resolver.serve('gone', insideNetns('gone', openDnsSockets));
  expect(resolver.listServed()).toEqual(['asker', 'gone']);
  await removeNetns('gone');
  await resolver.stop('gone');
  await resolver.stop('gone');
  expect(resolver.isServing('gone')).toBe(false);
  expect(sockets()).toBe(before);
  // The inode of a namespace that is really gone can be seen nowhere: lsns knows those that a socket pins, too.
  await until('the namespace is gone', async () => {
    const { stdout } = await attempt('lsns', ['-t', 'net', '-n', '-o', 'NS']);
    return !stdout.split('\n').some((line) => line.trim() === inode);
  });
});

test('descriptors that are no such sockets are refused and closed', async () => {
  const before = sockets();
  await expect(resolver.serve('bad', { udpFd: 9_999, tcpFd: 9_998 })).rejects.toThrow();
  const { udpFd, tcpFd } = insideNetns(UNSERVED, openDnsSockets);
  await expect(resolver.serve('bad', { udpFd: tcpFd, tcpFd: udpFd })).rejects.toThrow();
  expect(resolver.isServing('bad')).toBe(false);
  await until('they are closed', () => sockets() === before);
});
