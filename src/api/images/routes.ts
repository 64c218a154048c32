/** /images: none are there; what clients ask on their way to a container is answered so that they go on. */
import type { FastifyRequest } from 'fastify';
import * as Type from 'typebox';
import { VethdError } from '../../errors.ts';
import { namedImageOf } from '../containers/wire.ts';
import type { ApiContext, App } from '../context.ts';
import { pageNotFound } from '../errors.ts';
import { ERRORS } from '../schema.ts';
import { goArch } from '../system/host.ts';
import { findImage, fullName, PulledImages } from './names.ts';
import {
  ImageAnswer,
  type ImageJson,
  ImageList,
  NO_PULL,
  PruneAnswer,
  PullAnswer,
  PullQuery,
  toImage,
} from './schema.ts';

const TAGS = ['images'];

function emptyRoutes(app: App): void {
  app.get(
    '/images/json',
    { schema: { tags: TAGS, summary: 'Always empty', response: { 200: ImageList, ...ERRORS } } },
    async () => [],
  );
  app.post(
    '/images/prune',
    { schema: { tags: TAGS, summary: 'Removes nothing', response: { 200: PruneAnswer, ...ERRORS } } },
    async () => ({ ImagesDeleted: null, SpaceReclaimed: 0 }),
  );
}

function pullRoute(app: App, pulled: PulledImages): void {
  app.route({
    method: 'POST',
    url: '/images/create',
    schema: {
      tags: TAGS,
      summary: 'Pull nothing',
      description: 'Containers are created with any image name; this one is known from now on.',
      querystring: PullQuery,
      response: { 200: PullAnswer, ...ERRORS },
    },
    // Docker ends each part of its stream with a line's end; so does our only one.
    serializerCompiler: () => (answer) => `${JSON.stringify(answer)}\n`,
    handler: async (request) => {
      const { fromImage = '', tag = '' } = request.query;
      if (fromImage === '') {
        throw new VethdError('notImplemented', 'images are not imported: vethd runs no process');
      }
      const mark = tag.includes(':') ? '@' : ':';
      pulled.add(tag === '' ? fromImage : `${fromImage}${mark}${tag}`);
      return { status: NO_PULL };
    },
  });
}

function noSuchImage(name: string): VethdError {
  return new VethdError('notFound', `No such image: ${fullName(name)}`);
}

function inspectRoutes(app: App, { engine }: ApiContext, pulled: PulledImages): void {
  async function inspect(term: string): Promise<ImageJson> {
    const inUse = (await engine.listContainers(true)).flatMap(
      ({ container }) => namedImageOf(container) ?? [],
    );
    const name = findImage(term, [...pulled.names, ...inUse]);
    if (name === undefined) throw noSuchImage(term);
    return toImage(name, goArch());
  }

  const response = { 200: ImageAnswer, ...ERRORS };
  app.get(
    '/images/:name/json',
    {
      schema: {
        tags: TAGS,
        summary: 'What is known of a name',
        params: Type.Object({ name: Type.String({ examples: ['nginx'] }) }),
        response,
      },
    },
    (request) => inspect(request.params.name),
  );
  // Names hold slashes.
  const schema = { hide: true, params: Type.Object({ '*': Type.String() }), response };
  const restOf = (request: FastifyRequest<{ Params: { '*': string } }>): string => request.params['*'];
  app.get('/images/*', { schema }, (request) => {
    const name = /^(.+)\/json$/.exec(restOf(request))?.[1];
    if (name === undefined) throw pageNotFound();
    return inspect(name);
  });
  app.delete('/images/*', { schema }, async (request) => {
    throw noSuchImage(restOf(request));
  });
}

/** Registers the routes. */
export function imageRoutes(app: App, context: ApiContext): void {
  const pulled = new PulledImages();
  emptyRoutes(app);
  pullRoute(app, pulled);
  inspectRoutes(app, context, pulled);
}
