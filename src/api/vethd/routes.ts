/** What Docker's API has not: trace, topology, passes, published ports of a running member, metrics, documents. */
import * as Type from 'typebox';
import { VethdError } from '../../errors.ts';
import type { ApiContext, App } from '../context.ts';
import { toPortMap, toPortSpecs } from '../endpoints/ports.ts';
import { modeOf } from '../query.ts';
import { ERRORS, IdParameter, PlainText } from '../schema.ts';
import { toPage } from './page.ts';
import {
  ChangeQuery,
  DoctorAnswer,
  EndpointPatch,
  EndpointPatched,
  PassAnswer,
  TopologyAnswer,
  TraceAnswer,
  TraceQuery,
} from './schema.ts';
import { judgeLoad, toDoctor, toTopologyNetwork, toTrace } from './wire.ts';

const TAGS = ['vethd'];

function viewRoutes(app: App, { engine }: ApiContext): void {
  app.get(
    '/vethd/trace',
    {
      schema: {
        tags: TAGS,
        summary: 'Which veth belongs to whose interface',
        querystring: TraceQuery,
        response: { 200: Type.Array(TraceAnswer), ...ERRORS },
      },
    },
    async (request) => {
      const { of: term = '' } = request.query;
      if (term === '') {
        throw new VethdError(
          'invalidArgument',
          'of is missing: want a container, an interface or container/ifname',
        );
      }
      return (await engine.trace(term)).map(toTrace);
    },
  );
  app.get(
    '/vethd/topology',
    {
      schema: {
        tags: TAGS,
        summary: 'Networks with their members',
        response: { 200: TopologyAnswer, ...ERRORS },
      },
    },
    async () => ({
      Networks: engine
        .listNetworks(new Map(), true)
        .map((view) => toTopologyNetwork(view, engine.networkUsage(view.network))),
    }),
  );
}

function passRoutes(app: App, { engine, write }: ApiContext): void {
  app.get(
    '/vethd/plan',
    {
      schema: {
        tags: TAGS,
        summary: 'What a full pass would mend',
        response: { 200: PassAnswer, ...ERRORS },
      },
    },
    async () => ({ Commands: [...(await engine.reconcile({ dryRun: true }))] }),
  );
  app.post(
    '/vethd/reconcile',
    {
      schema: {
        tags: TAGS,
        summary: 'Run a full pass',
        querystring: ChangeQuery,
        response: { 200: PassAnswer, ...ERRORS },
      },
    },
    async (request) => {
      const mode = modeOf(request.query);
      return { Commands: [...(await write(() => engine.reconcile(mode)))] };
    },
  );
}

function doctorRoute(app: App, { engine, config, load }: ApiContext): void {
  app.get(
    '/vethd/doctor',
    {
      schema: {
        tags: TAGS,
        summary: 'How the daemon and its host are',
        description: 'Kernel, forwarding, other firewalls, passes, drift, queues, disk: each looked at now.',
        response: { 200: DoctorAnswer, ...ERRORS },
      },
    },
    async () => toDoctor([...(await engine.doctor()), judgeLoad(load, config)]),
  );
}

function endpointRoute(app: App, { engine, write }: ApiContext): void {
  app.patch(
    '/vethd/endpoints/:id',
    {
      schema: {
        tags: TAGS,
        summary: 'Replace the published ports of a running member; its connections go on',
        params: IdParameter,
        querystring: ChangeQuery,
        body: EndpointPatch,
        response: { 200: EndpointPatched, ...ERRORS },
      },
    },
    async (request) => {
      const { PortBindings: bindings } = request.body;
      if (bindings === undefined) {
        throw new VethdError(
          'invalidArgument',
          'PortBindings is missing: want {"80/tcp":[{"HostPort":"8080"}]}',
        );
      }
      const ports = toPortSpecs(bindings);
      const mode = modeOf(request.query);
      const { result, commands } = await write(() => engine.setPorts(request.params.id, ports, mode));
      return mode.dryRun ? { Commands: [...commands] } : { Id: result.id, Ports: toPortMap([result]) };
    },
  );
}

function metricsRoute(app: App, metrics: () => Promise<string>): void {
  app.get(
    '/metrics',
    {
      schema: {
        tags: TAGS,
        summary: 'Figures in Prometheus’ format',
        response: { 200: PlainText('Prometheus’ text format.', 'vethd_endpoints 2'), ...ERRORS },
      },
    },
    async (_request, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
  );
}

function documentRoutes(app: App, gather: () => Promise<object>): void {
  let gathered: Promise<object> | undefined;
  const document = (): Promise<object> => {
    gathered ??= gather();
    return gathered;
  };
  app.get('/openapi.json', { schema: { hide: true } }, document);
  app.get('/docs', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(toPage(await document())),
  );
}

/** Registers the routes. */
export function vethdRoutes(app: App, context: ApiContext): void {
  viewRoutes(app, context);
  passRoutes(app, context);
  doctorRoute(app, context);
  endpointRoute(app, context);
  if (context.config.metrics !== undefined) metricsRoute(app, context.config.metrics);
  if (context.gatherDocument !== undefined) documentRoutes(app, context.gatherDocument);
}
