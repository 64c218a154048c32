/** What Docker has and vethd has not: volumes, plugins, build caches, disk use, a swarm. */
import * as Type from 'typebox';
import { VethdError } from '../../errors.ts';
import { toSummary } from '../containers/wire.ts';
import type { ApiContext, App } from '../context.ts';
import { ERRORS } from '../schema.ts';
import { minorOf } from '../version.ts';
import { BuildPruneAnswer, DiskUsageAnswer, EmptyList, VolumePruneAnswer, VolumesAnswer } from './schema.ts';

const TAGS = ['system'];

function listRoutes(app: App): void {
  const empty = { tags: TAGS, summary: 'Always empty' };
  app.get('/plugins', { schema: { ...empty, response: { 200: EmptyList, ...ERRORS } } }, async () => []);
  app.get('/volumes', { schema: { ...empty, response: { 200: VolumesAnswer, ...ERRORS } } }, async () => ({
    Volumes: [],
    Warnings: null,
  }));
}

/** `docker system prune` asks for them besides containers, networks and images. */
function pruneRoutes(app: App): void {
  const nothing = { tags: TAGS, summary: 'Removes nothing' };
  app.post(
    '/volumes/prune',
    { schema: { ...nothing, response: { 200: VolumePruneAnswer, ...ERRORS } } },
    async () => ({ VolumesDeleted: [], SpaceReclaimed: 0 }),
  );
  app.post(
    '/build/prune',
    { schema: { ...nothing, response: { 200: BuildPruneAnswer, ...ERRORS } } },
    async () => ({ CachesDeleted: null, SpaceReclaimed: 0 }),
  );
}

function diskUsageRoute(app: App, { engine }: ApiContext): void {
  app.get(
    '/system/df',
    { schema: { tags: TAGS, summary: 'Containers; no disk', response: { 200: DiskUsageAnswer, ...ERRORS } } },
    async (request) => {
      const views = await engine.listContainers(true);
      const containers = views.map((view) => toSummary(view, minorOf(request), Date.now()));
      return { LayersSize: 0, Images: [], Containers: containers, Volumes: [], BuildCache: [] };
    },
  );
}

/** `docker inspect X` asks for each kind of object in turn and goes on only after a 404. */
function missingRoutes(app: App): void {
  const Name = Type.Object({ name: Type.String() });
  const kinds: readonly [string, string, (name: string) => string][] = [
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

const NO_SWARM =
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
export function absentRoutes(app: App, context: ApiContext): void {
  listRoutes(app);
  pruneRoutes(app);
  diskUsageRoute(app, context);
  missingRoutes(app);
  swarmRoutes(app);
}
