/**
 * Attaching to a container that has no process: the stream lasts as long as the container, says once what to expect,
 * and ends when it does. Thus `docker run` in the foreground keeps the namespace until Ctrl-C.
 */
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream';
import * as Type from 'typebox';
import { VethdError } from '../../errors.ts';
import type { Container } from '../../model/container.ts';
import type { ApiContext, App } from '../context.ts';
import { createMultiplexer } from '../exec/stream.ts';
import { isOn } from '../query.ts';
import { beginRawStream } from '../raw-stream.ts';
import { ERRORS, IdParameter } from '../schema.ts';
import { AttachQuery, ContainerResizeQuery } from './schema.ts';

const TAGS = ['containers'];

/** What Ctrl-C is on a terminal in raw mode, and the signal that it stands for. */
const CONTROL_C = 3;
const SIGINT = '2';

const STDOUT = 1;
const STDERR = 2;

function noticeOf({ name }: Container): string {
  return `vethd: ${name} is a network namespace without a process, so nothing else is shown here; Ctrl-C or "docker stop ${name}" ends it\r\n`;
}

function hasTerminal({ config }: Container): boolean {
  return config['Tty'] === true;
}

/** Says once what the stream is, on stderr where the client takes it. */
function sendNotice(sink: Writable, container: Container, streams: AttachedStreams): void {
  if (!streams.stdout && !streams.stderr) return;
  if (hasTerminal(container)) {
    sink.write(noticeOf(container));
    return;
  }
  const framed = createMultiplexer(streams.stderr ? STDERR : STDOUT);
  framed.pipe(sink, { end: false });
  framed.end(noticeOf(container));
}

interface AttachedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Aborted when the client goes away or the application closes. */
function goneSignal(sink: Writable, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  closing.addEventListener('abort', abort, { once: true });
  finished(sink, { readable: false }, () => {
    closing.removeEventListener('abort', abort);
    abort();
  });
  return gone.signal;
}

/** Input has nobody to go to. On a terminal there is one key that the CLI leaves to the other end: Ctrl-C. */
function takeInput(source: Readable, interrupt: (() => void) | undefined): void {
  source.on('data', (chunk: Buffer) => {
    if (interrupt !== undefined && chunk.includes(CONTROL_C)) interrupt();
  });
  source.on('error', () => source.destroy());
}

function attachRoute(app: App, context: ApiContext): void {
  const { engine, closing, write } = context;
  app.post(
    '/containers/:id/attach',
    {
      schema: {
        tags: TAGS,
        summary: 'Hold on until the container ends',
        description:
          'A container has no process, so the stream carries one line that says so. With `stream` it ends when the container does.',
        params: IdParameter,
        querystring: AttachQuery,
        response: {
          101: Type.Unsafe<undefined>({ type: 'null', description: 'The connection is the stream.' }),
          200: Type.Unsafe<undefined>({ type: 'null', description: 'The stream.' }),
          ...ERRORS,
        },
      },
    },
    async (request, reply) => {
      const { stdin, stdout, stderr, stream } = request.query;
      const { container } = await engine.inspectContainer(request.params.id);
      const tty = hasTerminal(container);
      const { sink, source } = beginRawStream(context, request, reply, tty);
      sink.on('error', () => sink.destroy());
      if (isOn(stream)) {
        const gone = goneSignal(sink, closing);
        const interrupt = () => {
          write(() => engine.killContainer(container.id, SIGINT, { dryRun: false })).catch((error: unknown) =>
            request.log.debug({ err: error }, 'nothing to interrupt'),
          );
        };
        if (source !== undefined) takeInput(source, tty && isOn(stdin) ? interrupt : undefined);
        sendNotice(sink, container, { stdin: isOn(stdin), stdout: isOn(stdout), stderr: isOn(stderr) });
        await engine.waitContainer(container.id, 'next-exit', gone).catch(() => 0);
      }
      sink.end();
      return reply;
    },
  );
}

function resizeRoute(app: App, { engine }: ApiContext): void {
  app.post(
    '/containers/:id/resize',
    {
      schema: {
        tags: TAGS,
        summary: 'Accepted and without effect: there is no terminal',
        params: IdParameter,
        querystring: ContainerResizeQuery,
        response: { 200: Type.Unsafe<undefined>({ type: 'null', description: 'No body.' }), ...ERRORS },
      },
    },
    async (request, reply) => {
      await engine.inspectContainer(request.params.id);
      return reply.code(200).send();
    },
  );
}

/** What Docker does to a container's processes and files, of which a network namespace has none. */
const ABSENT: readonly (readonly [method: 'get' | 'head' | 'post' | 'put', path: string, what: string])[] = [
  ['post', '/containers/:id/pause', 'pause'],
  ['post', '/containers/:id/unpause', 'unpause'],
  ['post', '/containers/:id/update', 'update'],
  ['get', '/containers/:id/changes', 'diff'],
  ['get', '/containers/:id/export', 'export'],
  ['get', '/containers/:id/archive', 'cp'],
  ['put', '/containers/:id/archive', 'cp'],
];

function absentRoutes(app: App, { engine }: ApiContext): void {
  for (const [method, path, what] of ABSENT) {
    app[method](
      path,
      { schema: { tags: TAGS, summary: 'Always 501', params: IdParameter, response: ERRORS } },
      async (request): Promise<never> => {
        const { container } = await engine.inspectContainer(request.params.id);
        throw new VethdError(
          'notImplemented',
          `${what}: ${container.name} is a network namespace; it has neither processes nor files`,
        );
      },
    );
  }
}

/** Registers attach, resize, and those that a network namespace cannot have. */
export function attachRoutes(app: App, context: ApiContext): void {
  attachRoute(app, context);
  resizeRoute(app, context);
  absentRoutes(app, context);
}
