/** /_ping, /version, /info. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiContext, App } from '../context.ts';
import { ERRORS, Nothing, PlainText } from '../schema.ts';
import { minorOf } from '../version.ts';
import { absentRoutes } from './absent.ts';
import { InfoAnswer, VersionAnswer } from './schema.ts';
import { toInfo, toVersion } from './wire.ts';

const TAGS = ['system'];

function pingHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('Cache-Control', 'no-cache, no-store, must-revalidate').header('Pragma', 'no-cache');
  if (minorOf(request) >= 42) reply.header('Swarm', 'inactive');
}

function pingRoutes(app: App): void {
  const summary = 'Whether the daemon answers';
  app.get(
    '/_ping',
    { schema: { tags: TAGS, summary, response: { 200: PlainText('It does.', 'OK'), ...ERRORS } } },
    async (request, reply) => {
      pingHeaders(request, reply);
      return reply.type('text/plain; charset=utf-8').send('OK');
    },
  );
  app.head(
    '/_ping',
    { schema: { tags: TAGS, summary, response: { 200: Nothing } } },
    async (request, reply) => {
      pingHeaders(request, reply);
      return reply.header('Content-Length', '0').type('text/plain; charset=utf-8').send(undefined);
    },
  );
}

function factRoutes(app: App, { engine, config, load }: ApiContext): void {
  app.get(
    '/version',
    { schema: { tags: TAGS, summary: 'Versions', response: { 200: VersionAnswer, ...ERRORS } } },
    async () => toVersion(config),
  );
  app.get(
    '/info',
    { schema: { tags: TAGS, summary: 'The daemon and its host', response: { 200: InfoAnswer, ...ERRORS } } },
    async (request) => toInfo(await engine.info(), config, load.eventStreams, minorOf(request)),
  );
}

/** Registers the routes. */
export function systemRoutes(app: App, context: ApiContext): void {
  pingRoutes(app);
  factRoutes(app, context);
  absentRoutes(app, context);
}
