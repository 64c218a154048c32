/** exec: running a program of the host in a container's network namespace, its streams over the connection. */
import * as Type from 'typebox';
import type { ApiContext, App } from '../context.ts';
import { beginRawStream } from '../raw-stream.ts';
import { ERRORS, IdParameter, Nothing } from '../schema.ts';
import { ExecAnswer, ExecCreateBody, ExecCreated, ExecId, ExecStartBody, ResizeQuery } from './schema.ts';
import { sendOutput, takeInput } from './stream.ts';
import { fromConsoleSize, fromExecCreate, fromResizeQuery, toExecAnswer } from './wire.ts';

const TAGS = ['containers'];

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
      const { sink, source } = beginRawStream(context, request, reply, tty);
      if (source === undefined) streams.stdin?.end();
      else takeInput(streams, source);
      void sendOutput(streams, tty, sink);
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
