/** The head of the OpenAPI document; its paths are gathered from the routes' schemas. */
import type { SwaggerOptions } from '@fastify/swagger';
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

/** Options of the plugin that writes the document. */
export function openapiOptions(config: ApiConfig): SwaggerOptions {
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
