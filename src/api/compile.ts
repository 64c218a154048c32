/** How schemas become checks of requests: behind the start, or at a route's first request if that is earlier. */
import buildAjv from '@fastify/ajv-compiler';
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify';

/** What Ajv is told besides Fastify's own choices. */
export const AJV_OPTIONS = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  verbose: true,
} as const;

/** Time for requests between two schemas, of which the largest takes 10 ms: those that come first find few compiled. */
const PAUSE_MS = 100;

function openAjv() {
  return buildAjv()({}, { customOptions: { ...AJV_OPTIONS, validateSchema: false } });
}

type Check = ReturnType<ReturnType<typeof openAjv>>;
type Result = true | { readonly error: FastifySchemaValidationError[] };

/**
 * Compiles each schema when the first value comes for it, and those that none came for one by one, from `begin` on.
 * Before `ready` all of them took 110 ms, a fifth of the start. Two fifths of that was to hold the schemas themselves
 * against the schema of schemas, which compile.test.ts does instead.
 */
export class LazyCompiler {
  readonly #build = openAjv();
  readonly #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** To be given to Fastify. */
  readonly compiler: FastifySchemaCompiler<unknown> = ({ schema }) => {
    let check: Check | undefined;
    const compiled = (): Check => {
      check ??= this.#build({ schema });
      return check;
    };
    this.#waiting.push(compiled);
    return (value: unknown): Result => {
      const validate = compiled();
      return validate(value) === true ? true : { error: validate.errors ?? [] };
    };
  };

  /** Goes on behind everything else until nothing is left. */
  begin(): void {
    this.#timer = setTimeout(() => {
      const compile = this.#waiting.shift();
      if (compile === undefined) return;
      compile();
      this.begin();
    }, PAUSE_MS);
    this.#timer.unref();
  }

  /** Leaves what is left to the requests. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
