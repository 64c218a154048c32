/**
 * The OpenAPI document: a head, and paths gathered from the routes' schemas by an application of its own, which answers
 * nothing. The daemon loads this file when somebody asks for the document: what gathers it takes memory, and time of a start.
 */
import swagger, { type SwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { Engine } from '../engine/contract.ts';
import { buildApp } from './app.ts';
import type { ApiConfig } from './context.ts';
import { MAX_API_VERSION, MIN_API_VERSION } from './version.ts';

const DESCRIPTION = `Docker's network API for any Linux network namespace, on a Unix socket.

Every path exists bare and below \`/v1.NN\`, from ${MIN_API_VERSION} to ${MAX_API_VERSION}; a bare path means ${MAX_API_VERSION}. Errors are
\`{"message": "…"}\`. Member names of bodies match without regard to case, null means "not given", unknown members
are ignored. Changing routes take \`dry-run=true\` and then answer with the command lines that would do the same.`;

/** OpenAPI 3.0 knows one `example`; the plugin does not see the `examples` below additionalProperties. */
function withOneExample(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('examples' in value)) return value;
  const { examples, ...rest } = value;
  return Array.isArray(examples) ? { ...rest, example: examples[0] } : value;
}

function openapiOptions(config: ApiConfig): SwaggerOptions {
  return {
    // Without shared parts, which the YAML would write as anchors.
    transformObject: (document) =>
      JSON.parse(
        JSON.stringify('openapiObject' in document ? document.openapiObject : document.swaggerObject),
        withOneExample,
      ),
    openapi: {
      openapi: '3.0.3',
      info: { title: 'vethd', version: config.version, description: DESCRIPTION, license: { name: 'MIT' } },
      servers: [{ url: '/' }, { url: `/v${MAX_API_VERSION}` }],
      tags: [
        { name: 'system', description: 'The daemon itself' },
        { name: 'networks', description: 'Networks and their members' },
        { name: 'containers', description: 'Network namespaces, as Docker calls them' },
        { name: 'images', description: 'Names of images: there are none' },
        { name: 'vethd', description: "What Docker's API has not" },
      ],
    },
  };
}

/** An engine for an application that answers nothing: every use of it is a fault of the caller. */
function noEngine(): Engine {
  return new Proxy<Engine>(Object.create(null), {
    get: (_target, verb) => {
      throw new Error(`the document asked the engine for ${String(verb)}`);
    },
  });
}

/** Builds the application that the config asks for, and gives what `take` makes of its document. */
async function describe<Document>(
  config: ApiConfig,
  take: (app: FastifyInstance) => Document,
): Promise<Document> {
  const app = buildApp({
    engine: noEngine(),
    config,
    beforeRoutes: (described) => described.register(swagger, openapiOptions(config)),
  });
  await app.ready();
  const document = take(app);
  await app.close();
  return document;
}

/** The document of the routes that the config asks for. */
export function gatherDocument(config: ApiConfig): Promise<object> {
  return describe(config, (app) => app.swagger());
}

/** The same as YAML. */
export function gatherYaml(config: ApiConfig): Promise<string> {
  return describe(config, (app) => app.swagger({ yaml: true }));
}
