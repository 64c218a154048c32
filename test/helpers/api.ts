/** The application over the memory engine, and requests to it. */
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { buildApp } from '../../src/api/app.ts';
import { type ApiConfig, DEFAULT_LIMITS } from '../../src/api/context.ts';
import { gatherDocument } from '../../src/api/openapi.ts';
import { MemoryEngine } from './memory-engine.ts';

/** Configuration of a test. */
export const CONFIG: ApiConfig = {
  version: '0.1.0',
  gitCommit: 'abc',
  buildTime: '2026-08-01T00:00:00Z',
  stateDir: '/var/lib/vethd',
  allowExec: false,
  readOnly: false,
  limits: DEFAULT_LIMITS,
};

/** An application under test. */
export interface TestApp {
  readonly app: FastifyInstance;
  readonly engine: MemoryEngine;
  /** Sends `body` as JSON (a string as it is). */
  send(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: unknown,
    headers?: InjectOptions['headers'],
  ): Promise<LightMyRequestResponse>;
}

/** Builds one. */
export function buildTestApp(config: Partial<ApiConfig> = {}): TestApp {
  const engine = new MemoryEngine();
  const app = buildApp({ engine, config: { ...CONFIG, ...config }, gatherDocument });
  return {
    app,
    engine,
    send: (method, url, body, headers) =>
      app.inject({
        method,
        url,
        ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      }),
  };
}
