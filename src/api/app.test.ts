/** What only a real connection shows: faults below HTTP, slow readers, the log of writes, a quick end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CONFIG } from '../../test/helpers/api.ts';
import { EVENTS, MemoryEngine } from '../../test/helpers/memory-engine.ts';
import { buildApp } from './app.ts';
import { type ApiConfig, DEFAULT_LIMITS } from './context.ts';

let folder: string;
let path: string;
const closers: (() => Promise<void>)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vethd-api-'));
  path = join(folder, 'socket');
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
  rmSync(folder, { recursive: true });
});

async function serve(config: Partial<ApiConfig> = {}) {
  const engine = new MemoryEngine();
  const lines: string[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const app = buildApp({ engine, config: { ...CONFIG, ...config }, logger: pino(sink) });
  await app.ready();
  await new Promise<void>((resolve) => app.server.listen(path, resolve));
  closers.push(() => app.close());
  return { app, engine, lines };
}

/** Sends bytes and gives what comes back until the connection ends. */
function exchange(bytes: string): Promise<string> {
  const socket = connect(path);
  socket.write(bytes);
  return text(socket);
}

function bodyOf(answer: string): unknown {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
}

describe('what is no HTTP request', () => {
  test.each([
    ['garbage', 'GARBAGE\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    [
      'long headers',
      `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`,
      'HTTP/1.1 431 Request Header Fields Too Large',
    ],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'HTTP/1.1 400 Bad Request',
    ],
  ])('%s', async (_name, bytes, status) => {
    await serve();
    const answer = await exchange(bytes);
    expect(answer.split('\r\n')).toEqual(
      expect.arrayContaining([status, 'Api-Version: 1.50', 'Content-Type: application/json']),
    );
    expect(Object.keys(bodyOf(answer) ?? {})).toEqual(['message']);
  });

  test('headers that never end are answered when their time is over', async () => {
    await serve({ limits: { ...DEFAULT_LIMITS, headersTimeoutMs: 50 } });
    const answer = await exchange('GET /info HTTP/1.1\r\nHost: x\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(Object.keys(bodyOf(answer) ?? {})).toEqual(['message']);
  });
});

test.each([
  [
    'a body that never ends',
    'POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  ],
  ['headers byte by byte', 'GET /info HTTP/1.1\r\nHost: x'],
])('%s, however steadily it comes, ends with its time', async (_name, bytes) => {
  await serve({ limits: { ...DEFAULT_LIMITS, headersTimeoutMs: 100, requestTimeoutMs: 100 } });
  const socket = connect(path);
  socket.on('error', () => socket.destroy());
  socket.write(bytes);
  const drip = setInterval(() => socket.write('x'), 20);
  const answer = await text(socket);
  clearInterval(drip);
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
});

test('each write is logged with who sent it; reads are not', async () => {
  const { lines } = await serve({ peerOf: () => ({ pid: 42, uid: 1000 }) });
  await exchange('GET /networks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await exchange('DELETE /v1.44/networks/lab HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await expect.poll(() => lines.length).toBe(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    peer: { pid: 42, uid: 1000 },
    method: 'DELETE',
    path: '/v1.44/networks/lab',
    status: 204,
  });
});

function openStream(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, path: '/events' }, (response) => {
      response.pause();
      resolve(response.socket);
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('a reader of events who does not read is cut off, and whoever makes them never waits', async () => {
  const { engine } = await serve();
  const socket = await openStream();
  socket.pause();
  expect(engine.listeners.size).toBe(1);
  const [event] = EVENTS;
  if (event === undefined) throw new Error('no event');
  const big = { ...event, attributes: { name: 'x'.repeat(1000) } };
  // The buffers of the kernel and of Node take some; far more than those and the queue together is sent.
  for (let count = 0; count < 5_000; count++) engine.emit(big);
  await expect.poll(() => engine.listeners.size).toBe(0);
  socket.destroy();
});

test('the end of the application does not wait for open streams', async () => {
  const { app, engine } = await serve();
  const sockets = await Promise.all([openStream(), openStream()]);
  await app.close();
  expect(engine.listeners.size).toBe(0);
  for (const socket of sockets) socket.destroy();
});
