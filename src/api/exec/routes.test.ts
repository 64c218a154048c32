import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import type { Engine, Execs } from '../../engine/contract.ts';
import { VethdError } from '../../errors.ts';
import type { ExecSpec, TerminalSize } from '../../model/exec.ts';
import { DEFAULT_LIMITS, noLoad } from '../context.ts';
import { installConventions } from '../conventions.ts';
import { sendError } from '../errors.ts';
import { parseQuery } from '../query.ts';
import { installUpgrades } from '../upgrade.ts';
import { withoutVersion } from '../version.ts';
import { execRoutes } from './routes.ts';

const ID = 'e'.repeat(64);

const config = {
  version: '0',
  gitCommit: '',
  buildTime: '',
  stateDir: '',
  allowExec: true,
  readOnly: false,
  limits: { ...DEFAULT_LIMITS, bodyBytes: 4096 },
};

/** One program whose streams the test holds. */
class Program implements Execs {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  spec: ExecSpec | undefined;
  size: TerminalSize | undefined;
  attached: boolean | undefined;
  readonly #tty: boolean;

  constructor(tty = false) {
    this.#tty = tty;
  }
  async create(_term: string, spec: ExecSpec): Promise<string> {
    this.spec = spec;
    return ID;
  }
  async start(_id: string, attached: boolean, size: TerminalSize | undefined) {
    this.attached = attached;
    this.size = size;
    return { stdin: this.stdin, stdout: this.stdout, stderr: this.stderr, exited: Promise.resolve(0) };
  }
  inspect(id: string) {
    if (id !== ID) throw new VethdError('notFound', `No such exec instance: ${id}`);
    const spec = this.spec ?? {
      command: ['ip', 'a'],
      attachStdin: true,
      attachStdout: true,
      attachStderr: true,
      tty: this.#tty,
      env: [],
      workingDir: '',
      user: '',
      privileged: false,
      detachKeys: '',
    };
    return { id, containerId: 'c', spec, running: false, exitCode: 7, pid: 42 };
  }
  resize(_id: string, size: TerminalSize): void {
    this.size = size;
  }
  listRunning(): string[] {
    return [];
  }
  hangUp(): void {}
  end(): void {
    this.stdout.end();
    this.stderr.end();
  }
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function serve(program: Program) {
  const app = Fastify({
    rewriteUrl: (request) => withoutVersion(request.url ?? '/'),
    routerOptions: { querystringParser: parseQuery },
    bodyLimit: config.limits.bodyBytes,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.setErrorHandler(sendError);
  installConventions(app, config);
  installUpgrades(app, config.limits);
  const closing = new AbortController();
  // The routes of this folder call nothing else of the engine.
  const engine = { execs: program } as Partial<Engine> as Engine;
  execRoutes(app, {
    engine,
    config,
    write: (verb) => verb(),
    load: noLoad(),
    closing: closing.signal,
    gatherDocument: undefined,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  closers.push(() => app.close());
  const address = app.server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const open = (): Socket => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    closers.push(async () => socket.destroy());
    return socket;
  };
  return { app, open, closing };
}

function upgrade(path: string, body: string, more = ''): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n`;
  return `${head}${more}Content-Length: ${body.length}\r\n\r\n${body}`;
}

const START = `/v1.48/exec/${ID}/start`;

describe('start with upgrade', () => {
  test('101, framed output of both streams, input until the client ends', async () => {
    const program = new Program();
    const { open } = await serve(program);
    const socket = open();
    socket.write(`${upgrade(START, '{"Detach":false,"Tty":false}')}typed`);
    socket.end(' more');
    expect(await text(program.stdin)).toBe('typed more');
    program.stdout.write('out');
    program.stderr.write('error!');
    program.end();
    const answer = await text(socket);
    const [head, body] = [
      answer.slice(0, answer.indexOf('\r\n\r\n')),
      answer.slice(answer.indexOf('\r\n\r\n') + 4),
    ];
    expect(head.split('\r\n')[0]).toBe('HTTP/1.1 101 UPGRADED');
    expect(head).toContain('Content-Type: application/vnd.docker.multiplexed-stream');
    expect(head).toContain('Connection: Upgrade\r\nUpgrade: tcp');
    expect(body).toBe('\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x06error!');
    expect(program.attached).toBe(true);
  });

  test('a body in pieces is read whole, its size taken', async () => {
    const program = new Program(true);
    const { open } = await serve(program);
    const socket = open();
    const bytes = upgrade(START, '{"Tty":true,"ConsoleSize":[30,100]}');
    socket.setNoDelay(true);
    for (const letter of bytes) socket.write(letter);
    program.stdout.write('raw');
    program.end();
    const answer = await text(socket);
    expect(answer).toContain('Content-Type: application/vnd.docker.raw-stream');
    expect(answer.endsWith('\r\n\r\nraw')).toBe(true);
    expect(program.size).toEqual({ rows: 30, columns: 100 });
  });

  test('below 1.42 the type is always the raw one', async () => {
    const program = new Program();
    const { open } = await serve(program);
    const socket = open();
    socket.write(upgrade(`/v1.41/exec/${ID}/start`, '{}'));
    program.end();
    expect(await text(socket)).toContain('Content-Type: application/vnd.docker.raw-stream');
  });

  test('Detach: 200 and no more', async () => {
    const program = new Program();
    const { open } = await serve(program);
    const socket = open();
    socket.write(upgrade(START, '{"Detach":true}'));
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*content-length: 0\r\n/);
    expect(program.attached).toBe(false);
  });

  test.each([
    ['an unknown exec', upgrade('/exec/none/start', '{}'), 404, 'No such exec instance: none'],
    ['a broken body', upgrade(START, '{"Detach"'), 400, 'invalid JSON: unexpected EOF'],
    ['a page that is none', upgrade('/no/such', '{}'), 404, 'page not found'],
    ['a browser', upgrade(START, '{}', 'Origin: http://x\r\n'), 403, 'Origin'],
    ['a body too long', upgrade(START, ' '.repeat(5000)), 413, 'too large'],
  ])('%s gets its error as anywhere else', async (_case, bytes, status, message) => {
    const { open } = await serve(new Program());
    const socket = open();
    socket.write(bytes);
    const answer = await text(socket);
    expect(answer.startsWith(`HTTP/1.1 ${status} `)).toBe(true);
    expect(answer).toContain(message);
    expect(answer).toMatch(/\{"message":/);
  });

  test('a client that goes away does not stop the program', async () => {
    const program = new Program();
    const { open } = await serve(program);
    const socket = open();
    socket.write(upgrade(START, '{}'));
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await text(program.stdin);
    // More than any buffer between holds: only a reader lets it pass.
    for (let round = 0; round < 64; round++) {
      await new Promise((resolve) => program.stdout.write(Buffer.alloc(65_536), resolve));
    }
    program.end();
  });

  test('closing ends the connection', async () => {
    const program = new Program();
    const { open, closing } = await serve(program);
    const socket = open();
    socket.write(upgrade(START, '{}'));
    await new Promise((resolve) => socket.once('data', resolve));
    closing.abort();
    await new Promise((resolve) => socket.once('end', resolve).once('error', resolve).resume());
    program.end();
  });
});

test('start without upgrade: 200 and the stream', async () => {
  const program = new Program();
  const { app } = await serve(program);
  program.stdout.write('out');
  program.end();
  const answer = await app.inject({ method: 'POST', url: `/exec/${ID}/start`, payload: {} });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('application/vnd.docker.multiplexed-stream');
  expect(answer.payload).toBe('\x01\0\0\0\0\0\0\x03out');
});

test('create, inspect, resize', async () => {
  const program = new Program();
  const { app } = await serve(program);
  const payload = {
    Cmd: ['ip', 'a'],
    Tty: true,
    Env: null,
    User: 'nobody',
    AttachStdin: false,
    ConsoleSize: [1, 2],
  };
  const created = await app.inject({ method: 'POST', url: '/v1.48/containers/web1/exec', payload });
  expect([created.statusCode, created.json()]).toEqual([201, { Id: ID }]);
  expect(program.spec).toMatchObject({
    command: ['ip', 'a'],
    tty: true,
    env: [],
    user: 'nobody',
    attachStdin: false,
  });
  const inspected = await app.inject({ url: `/exec/${ID}/json` });
  expect(inspected.json()).toEqual({
    ID,
    Running: false,
    ExitCode: 7,
    ProcessConfig: { tty: true, entrypoint: 'ip', arguments: ['a'], privileged: false, user: 'nobody' },
    OpenStdin: false,
    OpenStderr: false,
    OpenStdout: false,
    CanRemove: true,
    ContainerID: 'c',
    DetachKeys: '',
    Pid: 42,
  });
  const resized = await app.inject({ method: 'POST', url: `/exec/${ID}/resize?h=50&w=132` });
  expect([resized.statusCode, program.size]).toEqual([200, { rows: 50, columns: 132 }]);
});

test.each(['', '?h=0&w=80', '?h=24&w=65536', '?h=a&w=b'])('resize%s is refused', async (query) => {
  const { app } = await serve(new Program());
  const answer = await app.inject({ method: 'POST', url: `/exec/${ID}/resize${query}` });
  expect(answer.statusCode).toBe(400);
  expect(answer.json().message).toMatch(/^invalid (height|width)/);
});
