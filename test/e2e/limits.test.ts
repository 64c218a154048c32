/**
 * What a client of the real daemon may ask for at most, and that the daemon serves the others meanwhile. The figures
 * are those of docs/security.md. Nothing here is about speed.
 */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import type { Answer } from '../helpers/http.ts';
import { openRaw, type RawConnection } from '../helpers/raw-socket.ts';
import { until } from '../helpers/until.ts';

const daemon = daemonForFile();
let pid: number;
let open: RawConnection[] = [];

beforeEach(() => {
  pid = daemon.pid;
});

afterEach(async () => {
  for (const { socket } of open) socket.destroy();
  open = [];
  await until('the daemon serves others', async () => (await daemon.request('GET', '/_ping')).status === 200);
  expect(daemon.pid).toBe(pid);
});

afterAll(() => {
  expect(daemon.logs).not.toMatch(/request failed|ending after/);
});

async function connectRaw(bytes: string | Uint8Array = ''): Promise<RawConnection> {
  const connection = await openRaw(daemon.socket, bytes);
  open.push(connection);
  return connection;
}

function times<Result>(count: number, act: (index: number) => Result): Result[] {
  return Array.from({ length: count }, (_, index) => act(index));
}

function statusesOf(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function nested(depth: number): string {
  return `${'{"IPAM":'.repeat(depth)}1${'}'.repeat(depth)}`;
}

/** Each entry is within its limits, all together are not. */
function bulky(): Record<string, string> {
  return Object.fromEntries(times(17, (index) => [`k${index}`, 'x'.repeat(4_000)]));
}

function create(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return daemon.request('POST', '/networks/create', body, { headers });
}

describe('one request', () => {
  test.each([
    [
      'a header block over 16 KiB',
      () => daemon.request('GET', '/networks', undefined, { headers: { a: 'x'.repeat(17_000) } }),
      431,
    ],
    ['a URL over 8 KiB', () => daemon.request('GET', `/networks?filters=${'x'.repeat(9_000)}`), 400],
    ['JSON that is too deep', () => create(nested(33)), 400],
    ['JSON that is far too deep', () => create('['.repeat(500_000)), 400],
    ['__proto__', () => create('{"Name":"evil","__proto__":{"x":1}}'), 400],
    ['__proto__ further down', () => create('{"Name":"evil","Labels":{"__proto__":"x"}}'), 400],
    [
      'a constructor with a prototype',
      () => create('{"Name":"evil","Options":{"constructor":{"prototype":{}}}}'),
      400,
    ],
    [
      '129 labels',
      () => create({ Name: 'evil', Labels: Object.fromEntries(times(129, (index) => [`l${index}`, ''])) }),
      400,
    ],
    ['a label’s key over 256 bytes', () => create({ Name: 'evil', Labels: { ['k'.repeat(257)]: '' } }), 400],
    ['a label’s value over 4 KiB', () => create({ Name: 'evil', Labels: { a: 'x'.repeat(4_097) } }), 400],
    ...(['Labels', 'Options'] as const).map((member): [string, () => Promise<Answer>, number] => [
      `${member} over 64 KiB in all`,
      () => create({ Name: 'evil', [member]: bulky() }),
      400,
    ]),
    ['IPAM.Options over 64 KiB in all', () => create({ Name: 'evil', IPAM: { Options: bulky() } }), 400],
    [
      'a container’s Labels over 64 KiB in all',
      () => daemon.request('POST', '/containers/create', { Labels: bulky() }),
      400,
    ],
    [
      'DriverOpts over 64 KiB in all',
      () =>
        daemon.request('POST', '/networks/bridge/connect', {
          Container: 'none',
          EndpointConfig: { DriverOpts: bulky() },
        }),
      400,
    ],
    ['a name of 100,000 letters', () => create({ Name: 'n'.repeat(100_000) }), 400],
    [
      '17 subnets',
      () =>
        create({ Name: 'evil', IPAM: { Config: times(17, (index) => ({ Subnet: `10.99.${index}.0/24` })) } }),
      400,
    ],
    ['an Origin', () => create({ Name: 'evil' }, { Origin: 'http://evil.example' }), 403],
    ['a form', () => create('Name=evil', { 'Content-Type': 'application/x-www-form-urlencoded' }), 400],
    ['something after the JSON', () => create('{"Name":"evil"}{"Name":"worse"}'), 400],
    ['a lone surrogate as a name', () => create('{"Name":"\\ud800"}'), 400],
    ['a number as a name', () => create('{"Name":1e999}'), 400],
    ['a list for an object', () => create('[]'), 400],
    ['a text for an object', () => create('"Name"'), 400],
    ['a huge number', () => create({ Name: 'evil', IPAM: { Config: [{ Subnet: 1e30 }] } }), 400],
  ])('%s is refused', async (_what, send, status) => {
    const answer = await send();
    expect([answer.status, Object.keys(answer.body)]).toEqual([status, ['message']]);
    // What is refused is named, not repeated at length.
    expect(answer.body.message.length).toBeLessThan(1_000);
    expect(await daemon.call('GET', '/networks')).toHaveLength(3);
  });
});

test.each([
  ['announced', 'Content-Length: 1048577\r\n\r\n'],
  ['in chunks', `Transfer-Encoding: chunked\r\n\r\n100001\r\n${' '.repeat(1_048_577)}\r\n`],
])('a body over 1 MiB, %s, is refused and the connection ended', async (_how, rest) => {
  const head = 'POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  const { ended } = await connectRaw(head + rest);
  expect(await ended).toMatch(/^HTTP\/1\.1 413 .*\{"message":/s);
});

describe('bytes that are no HTTP', () => {
  const noise = Buffer.from(times(4_096, (index) => (index * 167 + 13) % 256));

  test.each<[string, string | Uint8Array]>([
    ['noise', noise],
    ['the hello of TLS', Buffer.from('16030100c8010000c40303', 'hex')],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['NUL bytes', Buffer.alloc(65_536)],
    ['a method of our own', 'BREW /networks HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a version that is none', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
    [
      'two lengths',
      'POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    ],
    [
      'length and chunks',
      'POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a chunk of nonsense',
      'POST /networks/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ],
    ['a header with a line of its own', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\nc\r\n\r\n'],
    ['a line without an end', `GET /${'x'.repeat(200_000)}`],
  ])('%s is answered 4xx or hung up on', async (_what, bytes) => {
    const { ended } = await connectRaw(bytes);
    const answer = await ended;
    if (answer !== '') expect(answer).toMatch(/^HTTP\/1\.1 4\d\d .*\{"message":/s);
  });

  test('a request behind another on the same connection is a request of its own', async () => {
    const get = 'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n';
    const last = get.replace('Host: x', 'Host: x\r\nConnection: close');
    const { ended } = await connectRaw(get.repeat(50) + last);
    expect((await ended).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(51);
  });
});

describe('many at once', () => {
  test('1,000 clients are all answered', async () => {
    const answers = await Promise.all(times(1_000, () => daemon.request('GET', '/networks')));
    expect(statusesOf(answers)).toEqual({ 200: 1_000 });
  });

  test('of 16 that create one name one does', async () => {
    const answers = await Promise.all(times(16, () => create({ Name: 'wanted' })));
    expect(statusesOf(answers)).toEqual({ 201: 1, 409: 15 });
    await daemon.call('DELETE', '/networks/wanted');
  });

  test('more than 1,024 connections are not taken, and room is made when some go', async () => {
    await Promise.all(times(1_024, () => connectRaw()));
    const answer = (await openRaw(daemon.socket, 'GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n')).ended;
    expect(await answer).toBe('');
    for (const { socket } of open.splice(0, 10)) socket.destroy();
    await until('there is room', async () => (await daemon.request('GET', '/_ping')).status === 200);
  });

  test('300 that send their headers byte by byte do not keep others waiting', async () => {
    const slow = await Promise.all(times(300, () => connectRaw('GET /_ping HTTP/1.1\r\nHost: ')));
    const drip = setInterval(() => {
      for (const { socket } of slow) socket.write('x');
    }, 50);
    const answers = await Promise.all(times(20, () => daemon.request('GET', '/networks')));
    clearInterval(drip);
    expect(statusesOf(answers)).toEqual({ 200: 20 });
  });

  test('192 changes run or wait, the others are told to come again', async () => {
    // Whoever holds this lock holds up every change, so that all of them are there at the same moment.
    const database = new Sqlite(join(daemon.stateDir, 'vethd.db'));
    database.exec('BEGIN IMMEDIATE');
    const sent = times(250, (index) => daemon.request('POST', `/containers/create?name=many${index}`, {}));
    const refused: Answer[] = [];
    for (const one of sent) void one.then((answer) => answer.status === 503 && refused.push(answer));
    await until('the rest is refused', () => refused.length >= 58);
    database.exec('ROLLBACK');
    database.close();
    expect(statusesOf(await Promise.all(sent))).toEqual({ 201: 192, 503: 58 });
    for (const { headers, body } of refused) {
      expect(headers['retry-after']).toBe('1');
      expect(body.message).toBe('too many changes at once: 128 run and 64 wait, try again');
    }
    expect((await daemon.call('POST', '/containers/prune')).ContainersDeleted).toHaveLength(192);
  });
});

describe('readers of events', () => {
  const GET_EVENTS = 'GET /events HTTP/1.1\r\nHost: x\r\n\r\n';

  async function readers(): Promise<number> {
    return (await daemon.call('GET', '/info')).NEventsListener;
  }

  test('64 and no more', async () => {
    const first = await Promise.all(times(64, () => connectRaw(GET_EVENTS)));
    await until('all of them listen', async () => (await readers()) === 64);
    const refused = await daemon.request('GET', '/events');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    first[0]?.socket.destroy();
    await until('one has gone', async () => (await readers()) === 63);
    await connectRaw(GET_EVENTS);
    await until('another one listens', async () => (await readers()) === 64);
  });

  test('50 that never read are cut off; whoever changes something does not wait for them', async () => {
    const slow = await Promise.all(times(50, () => connectRaw(GET_EVENTS)));
    await until('all of them listen', async () => (await readers()) === 50);
    for (const { socket } of slow) socket.pause();
    // An event tells the labels: a few fill the buffers of the kernel, Node's, and the queue of 256 KiB.
    const Labels = Object.fromEntries(times(15, (index) => [`label${index}`, 'x'.repeat(4_000)]));
    let changes = 0;
    await until(
      'all of them are cut off',
      async () => {
        changes += 1;
        expect((await daemon.request('POST', '/containers/create?name=loud', { Labels })).status).toBe(201);
        expect((await daemon.request('DELETE', '/containers/loud')).status).toBe(204);
        return (await readers()) === 0;
      },
      30_000,
    );
    expect(changes).toBeGreaterThan(2);
  });
});
