/** exec: running a program of the host in a container's network namespace, its streams over the connection. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { ExecStreams } from '../../engine/contract.ts';
import type { ApiContext, App } from '../context.ts';
import { standardHeaders } from '../conventions.ts';
import { beginAnswer } from '../long-answer.ts';
import { ERRORS, IdParameter, Nothing } from '../schema.ts';
import { isUpgrade, takeUpgraded } from '../upgrade.ts';
import { minorOf } from '../version.ts';
import { ExecAnswer, ExecCreateBody, ExecCreated, ExecId, ExecStartBody, ResizeQuery } from './schema.ts';
import { sendOutput, takeInput } from './stream.ts';
import { fromConsoleSize, fromExecCreate, fromResizeQuery, toExecAnswer } from './wire.ts';

const TAGS = ['containers'];

/** From 1.42 on the type tells whether the stream is framed. */
function streamType(request: FastifyRequest, tty: boolean): string {
  const framed = !tty && minorOf(request) >= 42;
  return framed ? 'application/vnd.docker.multiplexed-stream' : 'application/vnd.docker.raw-stream';
}

/** `101 UPGRADED`, then the connection is the program's. */
function answerUpgraded(
  { config, closing }: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  streams: ExecStreams,
  tty: boolean,
): void {
  reply.hijack();
  const socket = takeUpgraded(request.raw);
  const headers = {
    ...standardHeaders(config),
    'Content-Type': streamType(request, tty),
    Connection: 'Upgrade',
    Upgrade: 'tcp',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 101 UPGRADED\r\n${lines.join('')}\r\n`);
  const close = () => socket.destroy();
  closing.addEventListener('abort', close, { once: true });
  socket.on('close', () => closing.removeEventListener('abort', close));
  takeInput(streams, socket);
  void sendOutput(streams, tty, socket);
}

/** 200 and the stream, for clients that do not upgrade; they cannot send input. */
function answerStream(
  request: FastifyRequest,
  reply: FastifyReply,
  streams: ExecStreams,
  tty: boolean,
): void {
  const raw = beginAnswer(reply, streamType(request, tty));
  streams.stdin?.end();
  void sendOutput(streams, tty, raw);
}

function startRoute(app: App, context: ApiContext): void {
  const { engine, write } = context;
  app.post(
    '/exec/:id/start',
    {
      schema: {
        tags: TAGS,
        summary: 'Start a program',
        description:
          'With `Detach` 200 when it runs. Otherwise its output: after `101 UPGRADED` where the client asked to upgrade, else as the body.',
        params: ExecId,
        body: ExecStartBody,
        response: {
          101: Type.Unsafe<undefined>({ type: 'null', description: 'The connection is the program’s.' }),
          200: Type.Unsafe<undefined>({ type: 'null', description: 'The stream, or nothing with `Detach`.' }),
          ...ERRORS,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { Detach: detach = false, ConsoleSize: size } = request.body;
      const { tty } = engine.execs.inspect(id).spec;
      const streams = await write(() => engine.execs.start(id, !detach, fromConsoleSize(size)));
      if (detach) return reply.code(200).send();
      if (isUpgrade(request.raw)) answerUpgraded(context, request, reply, streams, tty);
      else answerStream(request, reply, streams, tty);
      return reply;
    },
  );
}

function lifeRoutes(app: App, { engine, write }: ApiContext): void {
  app.post(
    '/containers/:id/exec',
    {
      schema: {
        tags: TAGS,
        summary: 'Prepare a program',
        description:
          'It is a program of the host, root unless `User` is given: 403 unless the daemon runs with --allow-exec.',
        params: IdParameter,
        body: ExecCreateBody,
        response: { 201: ExecCreated, ...ERRORS },
      },
    },
    async (request, reply) => {
      const id = await write(() => engine.execs.create(request.params.id, fromExecCreate(request.body)));
      return reply.code(201).send({ Id: id });
    },
  );
  app.get(
    '/exec/:id/json',
    {
      schema: {
        tags: TAGS,
        summary: 'Inspect a program',
        params: ExecId,
        response: { 200: ExecAnswer, ...ERRORS },
      },
    },
    async (request) => toExecAnswer(engine.execs.inspect(request.params.id)),
  );
  app.post(
    '/exec/:id/resize',
    {
      schema: {
        tags: TAGS,
        summary: 'Resize the terminal of a program',
        params: ExecId,
        querystring: ResizeQuery,
        response: { 200: Nothing, ...ERRORS },
      },
    },
    async (request, reply) => {
      engine.execs.resize(request.params.id, fromResizeQuery(request.query));
      return reply.code(200).send();
    },
  );
}

/** Registers the routes. */
export function execRoutes(app: App, context: ApiContext): void {
  lifeRoutes(app, context);
  startRoute(app, context);
}
