import buildAjv from '@fastify/ajv-compiler';
import type { RouteOptions } from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import { buildTestApp } from '../../test/helpers/api.ts';
import { AJV_OPTIONS, LazyCompiler } from './compile.ts';

const PARTS = ['body', 'querystring', 'params', 'headers'] as const;

afterEach(() => {
  vi.useRealTimers();
});

test('every schema of every route is one, and compiles', async () => {
  const { app } = buildTestApp();
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  await app.ready();
  const schemas = routes.flatMap(({ schema = {} }) => PARTS.flatMap((part) => schema[part] ?? []));
  expect(schemas.length).toBeGreaterThan(50);
  const compile = buildAjv()({}, { customOptions: { ...AJV_OPTIONS, validateSchema: true } });
  for (const schema of schemas) expect(compile({ schema })).toBeTypeOf('function');
  expect(() => compile({ schema: { type: 'text' } })).toThrow('schema is invalid');
  await app.close();
});

const BROKEN = { type: 'nothing' };
const route = { method: 'GET', url: '/', httpPart: 'body' };

test('is compiled at the first value, once', () => {
  const check = new LazyCompiler().compiler({ ...route, schema: { type: 'string' } });
  expect(check('text')).toBe(true);
  expect(check(1)).toMatchObject({ error: [{ keyword: 'type', data: 1 }] });
  expect(check('text')).toBe(true);
  const broken = new LazyCompiler().compiler({ ...route, schema: BROKEN });
  expect(() => broken('text')).toThrow();
});

test('and behind the start, until it is stopped', () => {
  vi.useFakeTimers();
  const lazy = new LazyCompiler();
  lazy.compiler({ ...route, schema: { type: 'string' } });
  lazy.compiler({ ...route, schema: BROKEN });
  lazy.begin();
  vi.advanceTimersByTime(100);
  lazy.stop();
  vi.advanceTimersByTime(1_000);
  lazy.begin();
  expect(() => vi.advanceTimersByTime(100)).toThrow();
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(0);
});
