/** /_ping, /version, /info, and the answers for what Docker has and vethd has not. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { VethdError } from '../../errors.ts';
import type { ApiContext, App } from '../context.ts';
import { ERRORS, Nothing, PlainText } from '../schema.ts';
import { minorOf } from '../version.ts';
import { EmptyList, InfoAnswer, VersionAnswer, VolumesAnswer } from './schema.ts';
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

function emptyRoutes(app: App): void {
  const empty = { tags: TAGS, summary: 'Always empty', response: { 200: EmptyList, ...ERRORS } };
  app.get('/images/json', { schema: empty }, async () => []);
  app.get('/plugins', { schema: empty }, async () => []);
  app.get(
    '/volumes',
    { schema: { tags: TAGS, summary: 'Always empty', response: { 200: VolumesAnswer, ...ERRORS } } },
    async () => ({ Volumes: [], Warnings: null }),
  );
}

/** `docker inspect X` asks for each kind of object in turn and goes on only after a 404. */
function missingRoutes(app: App): void {
  const Name = Type.Object({ name: Type.String() });
  const kinds: readonly [string, string, (name: string) => string][] = [
    [
      '/images/:name/json',
      'image',
      (name) => `No such image: ${name.includes(':') ? name : `${name}:latest`}`,
    ],
    ['/volumes/:name', 'volume', (name) => `get ${name}: no such volume`],
    ['/plugins/:name/json', 'plugin', (name) => `plugin "${name}" not found`],
  ];
  for (const [path, kind, message] of kinds) {
    const schema = { tags: TAGS, summary: `No such ${kind}`, params: Name, response: ERRORS };
    app.get(path, { schema }, async (request) => {
      throw new VethdError('notFound', message(request.params.name));
    });
  }
}

const SWARM_PATHS = ['swarm', 'nodes', 'services', 'tasks', 'secrets', 'configs'];

/** The words for everything that only a swarm has. */
export const NO_SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

function swarmRoutes(app: App): void {
  for (const path of SWARM_PATHS) {
    for (const url of [`/${path}`, `/${path}/*`]) {
      app.route({
        method: ['GET', 'POST', 'DELETE'],
        url,
        schema: { hide: true, response: ERRORS },
        handler: async () => {
          throw new VethdError('unavailable', NO_SWARM);
        },
      });
    }
  }
}

/** Registers the routes. */
export function systemRoutes(app: App, context: ApiContext): void {
  pingRoutes(app);
  factRoutes(app, context);
  emptyRoutes(app);
  missingRoutes(app);
  swarmRoutes(app);
}
