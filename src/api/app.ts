/** Builds the application: limits, conventions, routes. It listens nowhere; `inject` can test it. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Engine } from '../engine/contract.ts';
import { LazyCompiler } from './compile.ts';
import { containerRoutes } from './containers/routes.ts';
import { type ApiConfig, type ApiContext, type App, noLoad } from './context.ts';
import { installConventions, standardHeaders } from './conventions.ts';
import { answerParserError, sendError } from './errors.ts';
import { eventRoutes } from './events/routes.ts';
import { execRoutes } from './exec/routes.ts';
import { createGate } from './gate.ts';
import { imageRoutes } from './images/routes.ts';
import { networkRoutes } from './networks/routes.ts';
import { parseQuery } from './query.ts';
import { serialize } from './serialize.ts';
import { systemRoutes } from './system/routes.ts';
import { installUpgrades } from './upgrade.ts';
import { schemaError } from './validation.ts';
import { withoutVersion } from './version.ts';
import { vethdRoutes } from './vethd/routes.ts';

/** What the application is built from. */
export interface AppOptions {
  readonly engine: Engine;
  readonly config: ApiConfig;
  /** Without one nothing is logged. */
  readonly logger?: FastifyBaseLogger;
  /** Gives the OpenAPI document of the routes that the config asks for: `gatherDocument`, loaded when it is needed. */
  readonly gatherDocument?: (config: ApiConfig) => Promise<object>;
  /** What is to see the routes as they are registered. */
  readonly beforeRoutes?: (app: FastifyInstance) => void;
}

function rawHeaders(config: ApiConfig): string {
  return Object.entries(standardHeaders(config))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

function createServer({ config, logger }: AppOptions): App {
  const { limits } = config;
  const app = Fastify({
    ...(logger === undefined ? { logger: false } : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    // One for all: what a request logs names its path, and the number that a logger of its own would add says nothing.
    childLoggerFactory: (parent) => parent,
    // Set afterwards, Fastify would load its own first.
    schemaController: { compilersFactory: { buildSerializer: () => () => serialize } },
    exposeHeadRoutes: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    },
    routerOptions: { querystringParser: parseQuery, maxParamLength: limits.urlBytes },
    rewriteUrl: (request) => withoutVersion(request.url ?? '/'),
    schemaErrorFormatter: schemaError,
    clientErrorHandler: (error, socket) => answerParserError(error, socket, rawHeaders(config)),
    frameworkErrors: (error, request, reply) => {
      sendError(error, request, reply.headers(standardHeaders(config)));
    },
  }).withTypeProvider<TypeBoxTypeProvider>();
  const checks = new LazyCompiler();
  app.setValidatorCompiler(checks.compiler);
  app.addHook('onReady', async () => checks.begin());
  app.addHook('onClose', async () => checks.stop());
  app.server.maxConnections = limits.connections;
  return app;
}

function createContext(app: App, { engine, config, gatherDocument }: AppOptions): ApiContext {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  const { writesRunning, writesQueued } = config.limits;
  const load = config.load ?? noLoad();
  return {
    engine,
    config,
    gatherDocument: gatherDocument && (() => gatherDocument(config)),
    write: createGate(writesRunning, writesQueued, load),
    load,
    closing: closing.signal,
  };
}

function registerRoutes(app: App, context: ApiContext): void {
  systemRoutes(app, context);
  networkRoutes(app, context);
  containerRoutes(app, context);
  execRoutes(app, context);
  imageRoutes(app, context);
  eventRoutes(app, context);
  vethdRoutes(app, context);
}

/**
 * The application with every route. Call `ready`, then let `server` listen; `close` ends long answers first and
 * resolves when the last connection is gone.
 */
export function buildApp(options: AppOptions): FastifyInstance {
  const app = createServer(options);
  const context = createContext(app, options);
  app.setErrorHandler(sendError);
  installConventions(app, options.config);
  installUpgrades(app, options.config.limits);
  options.beforeRoutes?.(app);
  // After plugins that see them.
  app.register((routes, _options, done) => {
    registerRoutes(routes.withTypeProvider<TypeBoxTypeProvider>(), context);
    done();
  });
  return app;
}
