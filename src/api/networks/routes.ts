/** /networks: list, inspect, create, connect, disconnect, delete, prune. */

import * as Type from 'typebox';
import { VethdError } from '../../errors.ts';
import type { ApiContext, App } from '../context.ts';
import { fromEndpointConfig } from '../endpoints/wire.ts';
import { modeOf, parseFilters, parseGoBool } from '../query.ts';
import { DryRunAnswer, ERRORS, IdParameter, Nothing, NothingOrDryRun } from '../schema.ts';
import { minorOf } from '../version.ts';
import { NetworkBytes } from './bytes.ts';
import {
  ChangeQuery,
  ConnectBody,
  DisconnectBody,
  InspectQuery,
  ListQuery,
  NetworkAnswer,
  NetworkCreate,
  NetworkCreated,
  PruneAnswer,
  PruneQuery,
} from './schema.ts';
import { fromNetworkCreate } from './wire.ts';

const TAGS = ['networks'];

/** Docker shows the use of addresses from 1.52 on; here the newest version that is served does. */
const STATUS_MINOR = 50;
const LIST_FILTERS = new Set(['name', 'id', 'driver', 'scope', 'label', 'type', 'dangling']);
const PRUNE_FILTERS = new Set(['label', 'label!', 'until']);

function readRoutes(app: App, { engine }: ApiContext): void {
  const bytes = new NetworkBytes();
  // Docker serves both spellings; the document shows one.
  for (const path of ['/networks', '/networks/'] as const) {
    const schema = {
      tags: TAGS,
      summary: 'Networks, in no promised order',
      description: `Filters: ${[...LIST_FILTERS].join(', ')}.`,
      hide: path === '/networks/',
      querystring: ListQuery,
      response: { 200: Type.Unsafe<Buffer>(Type.Array(NetworkAnswer)), ...ERRORS },
    };
    app.get(path, { schema }, async (request, reply) => {
      const minor = minorOf(request);
      const filters = parseFilters(request.query.filters, LIST_FILTERS);
      reply.type('application/json');
      return bytes.listed(engine.listNetworks(filters, minor < 28), minor);
    });
  }
  app.get(
    '/networks/:id',
    {
      schema: {
        tags: TAGS,
        summary: 'A network with its members',
        params: IdParameter,
        querystring: InspectQuery,
        response: { 200: Type.Unsafe<Buffer>(NetworkAnswer), ...ERRORS },
      },
    },
    async (request, reply) => {
      const { verbose, scope = '' } = request.query;
      parseGoBool('verbose', verbose);
      const { id } = request.params;
      if (scope !== '' && scope !== 'local') throw new VethdError('notFound', `network ${id} not found`);
      const view = engine.inspectNetwork(id);
      const minor = minorOf(request);
      reply.type('application/json');
      if (minor < STATUS_MINOR) return bytes.inspected(view, minor);
      return bytes.inspected(view, minor, engine.networkUsage(view.network));
    },
  );
}

function createRoute(app: App, { engine, write }: ApiContext): void {
  app.post(
    '/networks/create',
    {
      schema: {
        tags: TAGS,
        summary: 'Create a network',
        querystring: ChangeQuery,
        body: NetworkCreate,
        response: { 200: DryRunAnswer, 201: NetworkCreated, ...ERRORS },
      },
    },
    async (request, reply) => {
      const spec = fromNetworkCreate(request.body, minorOf(request));
      const mode = modeOf(request.query);
      const { result, commands } = await write(() => engine.createNetwork(spec, mode));
      if (mode.dryRun) return reply.code(200).send({ Commands: [...commands] });
      return reply.code(201).send({ Id: result.id, Warning: result.warning });
    },
  );
}

function memberRoutes(app: App, { engine, write }: ApiContext): void {
  const common = { tags: TAGS, params: IdParameter, querystring: ChangeQuery };
  const response = { 200: NothingOrDryRun, ...ERRORS };
  app.post(
    '/networks/:id/connect',
    {
      schema: {
        ...common,
        summary: 'Attach a container',
        body: ConnectBody,
        response,
      },
    },
    async (request, reply) => {
      const { Container: container = '', EndpointConfig: config } = request.body;
      const spec = fromEndpointConfig(config);
      const mode = modeOf(request.query);
      const { commands } = await write(() => engine.connect(request.params.id, container, spec, mode));
      return reply.send(mode.dryRun ? { Commands: [...commands] } : undefined);
    },
  );
  app.post(
    '/networks/:id/disconnect',
    {
      schema: {
        ...common,
        summary: 'Detach a container',
        body: DisconnectBody,
        response,
      },
    },
    async (request, reply) => {
      const { Container: container = '', Force: force = false } = request.body;
      const mode = modeOf(request.query);
      const { commands } = await write(() => engine.disconnect(request.params.id, container, force, mode));
      return reply.send(mode.dryRun ? { Commands: [...commands] } : undefined);
    },
  );
}

function removeRoutes(app: App, { engine, write }: ApiContext): void {
  app.delete(
    '/networks/:id',
    {
      schema: {
        tags: TAGS,
        summary: 'Remove a network',
        params: IdParameter,
        querystring: ChangeQuery,
        response: { 200: DryRunAnswer, 204: Nothing, ...ERRORS },
      },
    },
    async (request, reply) => {
      const mode = modeOf(request.query);
      const { commands } = await write(() => engine.removeNetwork(request.params.id, mode));
      return mode.dryRun
        ? reply.code(200).send({ Commands: [...commands] })
        : reply.code(204).send(undefined);
    },
  );
  app.post(
    '/networks/prune',
    {
      schema: {
        tags: TAGS,
        summary: 'Remove the networks that nobody uses',
        description: `Filters: ${[...PRUNE_FILTERS].join(', ')}.`,
        querystring: PruneQuery,
        response: { 200: PruneAnswer, ...ERRORS },
      },
    },
    async (request) => {
      const filters = parseFilters(request.query.filters, PRUNE_FILTERS);
      const mode = modeOf(request.query);
      const { result, commands } = await write(() => engine.pruneNetworks(filters, mode));
      if (mode.dryRun) return { Commands: [...commands] };
      return { NetworksDeleted: result.length === 0 ? null : [...result] };
    },
  );
}

/** Registers the routes. */
export function networkRoutes(app: App, context: ApiContext): void {
  readRoutes(app, context);
  createRoute(app, context);
  memberRoutes(app, context);
  removeRoutes(app, context);
}
