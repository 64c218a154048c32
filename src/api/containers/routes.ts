/** /containers: list, inspect, create, the changes of state, prune, and what a bare namespace has to say. */
import { constants } from 'node:os';
import * as Type from 'typebox';
import type { Mode, Outcome } from '../../engine/contract.ts';
import { isRunning } from '../../engine/running.ts';
import { VethdError } from '../../errors.ts';
import type { ApiContext, App } from '../context.ts';
import { isOn, modeOf, parseFilters } from '../query.ts';
import { DryRunAnswer, ERRORS, IdParameter, Nothing } from '../schema.ts';
import { minorOf } from '../version.ts';
import { attachRoutes } from './attach.ts';
import { fromContainerCreate } from './create.ts';
import { filterContainers, filterPrunable, LIST_FILTERS, PRUNE_FILTERS } from './filter.ts';
import { lastingRoutes } from './last.ts';
import {
  ChangeQuery,
  ContainerAnswer,
  ContainerCreate,
  ContainerCreated,
  ContainerSummary,
  CreateQuery,
  KillQuery,
  ListQuery,
  LogsQuery,
  NO_LOGS,
  PruneAnswer,
  PruneQuery,
  RemoveQuery,
  RenameQuery,
  TopAnswer,
} from './schema.ts';
import { toContainer, toSummary } from './wire.ts';

const TAGS = ['containers'];

function limitOf(text = ''): number {
  if (text === '') return 0;
  if (!/^[+-]?\d{1,9}$/.test(text)) {
    throw new VethdError('invalidArgument', `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Math.max(0, Number(text));
}

function listRoute(app: App, { engine }: ApiContext): void {
  app.get(
    '/containers/json',
    {
      schema: {
        tags: TAGS,
        summary: 'Containers, newest first',
        description: `Filters: ${[...LIST_FILTERS].join(', ')}.`,
        querystring: ListQuery,
        response: { 200: Type.Array(ContainerSummary), ...ERRORS },
      },
    },
    async (request) => {
      const filters = parseFilters(request.query.filters, LIST_FILTERS);
      const limit = limitOf(request.query.limit);
      const all = isOn(request.query.all) || limit > 0 || filters.has('status');
      const views = await filterContainers(engine, await engine.listContainers(all), filters);
      const minor = minorOf(request);
      const now = Date.now();
      return views.slice(0, limit > 0 ? limit : undefined).map((view) => toSummary(view, minor, now));
    },
  );
}

function inspectRoute(app: App, { engine }: ApiContext): void {
  app.get(
    '/containers/:id/json',
    {
      schema: {
        tags: TAGS,
        summary: 'A container with its networks',
        params: IdParameter,
        response: { 200: ContainerAnswer, ...ERRORS },
      },
    },
    async (request) => {
      const view = await engine.inspectContainer(request.params.id);
      return toContainer(view, engine.execs.listRunning(view.container.id), minorOf(request));
    },
  );
}

function createRoute(app: App, { engine, write }: ApiContext): void {
  app.post(
    '/containers/create',
    {
      schema: {
        tags: TAGS,
        summary: 'Create a container: a network namespace, made at start',
        querystring: CreateQuery,
        body: ContainerCreate,
        response: { 200: DryRunAnswer, 201: ContainerCreated, ...ERRORS },
      },
    },
    async (request, reply) => {
      const mode = modeOf(request.query);
      const { name = '' } = request.query;
      const { spec, warnings } = fromContainerCreate(engine, request.body, name, minorOf(request));
      const { result, commands } = await write(() => engine.createContainer(spec, mode));
      if (mode.dryRun) return reply.code(200).send({ Commands: [...commands] });
      return reply.code(201).send({ Id: result.id, Warnings: [...result.warnings, ...warnings] });
    },
  );
}

// signal(7); the C library keeps the first two real-time signals for itself.
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/** The number that a word such as `9`, `KILL` or `RTMIN+3` means; 0 for none. */
function signalOf(word: string): number {
  const named = Object.entries(constants.signals).find(([name]) => name === `SIG${word}`)?.[1];
  if (named !== undefined) return named;
  const [, edge, distance = '0'] = /^(RTMIN|RTMAX)(?:[+-](\d{1,2}))?$/.exec(word) ?? [];
  if (edge === 'RTMIN') return SIGRTMIN + Number(distance);
  if (edge === 'RTMAX') return SIGRTMAX - Number(distance);
  return /^\d{1,2}$/.test(word) ? Number(word) : 0;
}

/** Docker's number of a signal, which events carry. */
function signalNumber(text = ''): string {
  const number = signalOf(text === '' ? 'KILL' : text.toUpperCase().replace(/^SIG/, ''));
  if (number >= 1 && number <= SIGRTMAX) return String(number);
  throw new VethdError('invalidArgument', `invalid signal: ${text}`);
}

interface Change {
  readonly summary: string;
  readonly verb: (
    term: string,
    query: Readonly<Record<string, string | undefined>>,
    mode: Mode,
  ) => Promise<Outcome<unknown>>;
}

/** The changes without a body: 204, or 304 where the verb says that nothing was to be done. */
function stateRoutes(app: App, { engine, write }: ApiContext): void {
  const changes: Readonly<Record<string, Change & { readonly query: typeof ChangeQuery }>> = {
    start: {
      summary: 'Make the namespace and attach it',
      query: ChangeQuery,
      verb: (term, _query, mode) => engine.startContainer(term, mode),
    },
    stop: {
      summary: 'Detach it and remove the namespace where vethd made it',
      query: ChangeQuery,
      verb: (term, _query, mode) => engine.stopContainer(term, mode),
    },
    restart: {
      summary: 'Stop and start',
      query: ChangeQuery,
      verb: (term, _query, mode) => engine.restartContainer(term, mode),
    },
    kill: {
      summary: 'Send a signal: one that would end a process ends the container',
      query: KillQuery,
      verb: (term, { signal }, mode) => engine.killContainer(term, signalNumber(signal), mode),
    },
    rename: {
      summary: 'Give it another name',
      query: RenameQuery,
      verb: (term, { name = '' }, mode) => engine.renameContainer(term, name, mode),
    },
  };
  for (const [word, { summary, verb, query }] of Object.entries(changes)) {
    const schema = {
      tags: TAGS,
      summary,
      params: IdParameter,
      querystring: query,
      response: { 200: DryRunAnswer, 204: Nothing, 304: Nothing, ...ERRORS },
    };
    app.post(`/containers/:id/${word}`, { schema }, async (request, reply) => {
      const mode = modeOf(request.query);
      const { result, commands } = await write(() => verb(request.params.id, request.query, mode));
      if (mode.dryRun) return reply.code(200).send({ Commands: [...commands] });
      return reply.code(result === false ? 304 : 204).send(undefined);
    });
  }
}

function removeRoute(app: App, { engine, write }: ApiContext): void {
  app.delete(
    '/containers/:id',
    {
      schema: {
        tags: TAGS,
        summary: 'Forget a container with its endpoints; a namespace that somebody else made stays',
        params: IdParameter,
        querystring: RemoveQuery,
        response: { 200: DryRunAnswer, 204: Nothing, ...ERRORS },
      },
    },
    async (request, reply) => {
      const mode = modeOf(request.query);
      const force = isOn(request.query.force);
      const { commands } = await write(() => engine.removeContainer(request.params.id, force, mode));
      return mode.dryRun
        ? reply.code(200).send({ Commands: [...commands] })
        : reply.code(204).send(undefined);
    },
  );
}

function pruneRoute(app: App, { engine, write }: ApiContext): void {
  app.post(
    '/containers/prune',
    {
      schema: {
        tags: TAGS,
        summary: 'Remove the containers that do not run',
        description: `Filters: ${[...PRUNE_FILTERS].join(', ')}.`,
        querystring: PruneQuery,
        response: { 200: PruneAnswer, ...ERRORS },
      },
    },
    async (request) => {
      const filters = parseFilters(request.query.filters, PRUNE_FILTERS);
      const mode = modeOf(request.query);
      const views = filterPrunable(await engine.listContainers(true), filters, Date.now());
      const ids = views.map(({ container }) => container.id);
      // One change to the gate, however many there are; the engine joins them in one transaction and one pass.
      const outcomes = await write(() =>
        Promise.all(ids.map((id) => engine.removeContainer(id, false, mode))),
      );
      if (mode.dryRun) return { Commands: outcomes.flatMap(({ commands }) => commands) };
      return { ContainersDeleted: ids.length === 0 ? null : ids, SpaceReclaimed: 0 };
    },
  );
}

/** What needs a process, of which a bare namespace has none: empty answers. */
function processRoutes(app: App, { engine }: ApiContext): void {
  const common = { tags: TAGS, params: IdParameter };
  app.get(
    '/containers/:id/logs',
    {
      schema: {
        ...common,
        summary: 'Always empty',
        querystring: LogsQuery,
        response: { 200: NO_LOGS, ...ERRORS },
      },
    },
    async (request, reply) => {
      if (!isOn(request.query.stdout) && !isOn(request.query.stderr)) {
        throw new VethdError('invalidArgument', 'Bad parameters: you must choose at least one stream');
      }
      await engine.inspectContainer(request.params.id);
      const kind = minorOf(request) >= 42 ? 'multiplexed' : 'raw';
      return reply.type(`application/vnd.docker.${kind}-stream`).send('');
    },
  );
  app.get(
    '/containers/:id/top',
    { schema: { ...common, summary: 'No processes', response: { 200: TopAnswer, ...ERRORS } } },
    async (request) => {
      const { container } = await engine.inspectContainer(request.params.id);
      if (!isRunning(container)) {
        throw new VethdError('conflict', `container ${container.id} is not running`);
      }
      return { Titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'], Processes: [] };
    },
  );
}

/** Registers the routes. */
export function containerRoutes(app: App, context: ApiContext): void {
  listRoute(app, context);
  inspectRoute(app, context);
  createRoute(app, context);
  stateRoutes(app, context);
  removeRoute(app, context);
  pruneRoute(app, context);
  processRoutes(app, context);
  lastingRoutes(app, context);
  attachRoutes(app, context);
}
