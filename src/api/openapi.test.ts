/** The document is of use to somebody who reads only it: every body has an example, and the examples are true. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../test/helpers/api.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document of another's format
type Json = any;

let api: TestApp;
let document: Json;
beforeAll(async () => {
  api = buildTestApp();
  document = (await api.send('GET', '/openapi.json')).json();
});
afterAll(() => api.app.close());

function hasExample(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return 'example' in value || 'examples' in value || Object.values(value).some(hasExample);
}

/** Every JSON body of a request and of an answer that is no error. */
function bodies(): [string, Json][] {
  return Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).flatMap(([method, { requestBody, responses }]) => [
      ...(requestBody === undefined
        ? []
        : ([[`${method} ${path}`, requestBody.content]] as [string, Json][])),
      ...Object.entries<Json>(responses).flatMap(([status, { content }]): [string, Json][] =>
        status.startsWith('2') && content?.['application/json'] !== undefined
          ? [[`${method} ${path} ${status}`, content]]
          : [],
      ),
    ]),
  );
}

test('every body has an example', () => {
  const without = bodies().filter(([, content]) => !hasExample(content));
  expect(without.map(([where]) => where)).toEqual([]);
});

/** What is wrong with a value by its schema: types, members that lack, and those that are not listed. */
function faultsOf(schema: Json, value: Json, at: string): string[] {
  if (value === null) return schema.nullable === true || schema.type === 'null' ? [] : [`${at} is null`];
  const { type, properties = {}, required = [], items, additionalProperties } = schema;
  const kind = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  if (type !== undefined && type !== kind && !(type === 'number' && kind === 'integer')) {
    return [`${at} is no ${type}`];
  }
  if (kind === 'array') {
    return value.flatMap((one: Json, index: number) => faultsOf(items, one, `${at}[${index}]`));
  }
  if (kind !== 'object') return [];
  const missing = required
    .filter((name: string) => !(name in value))
    .map((name: string) => `${at}.${name} lacks`);
  const inside = Object.entries<Json>(value).flatMap(([name, member]) => {
    const own =
      properties[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    if (own !== undefined) return faultsOf(own, member, `${at}.${name}`);
    return additionalProperties === true || type === undefined ? [] : [`${at}.${name} is not listed`];
  });
  return [...missing, ...inside];
}

function* schemasWithExample(schema: Json, at: string): Generator<[string, Json]> {
  if (typeof schema !== 'object' || schema === null) return;
  if ('example' in schema && ('type' in schema || 'properties' in schema)) yield [at, schema];
  for (const [name, member] of Object.entries(schema)) {
    if (name !== 'example') yield* schemasWithExample(member, `${at}.${name}`);
  }
}

test('every example fits its schema', () => {
  const all = [...schemasWithExample(document.paths, 'paths')];
  expect(all.length).toBeGreaterThan(50);
  expect(all.flatMap(([at, schema]) => faultsOf(schema, schema.example, at))).toEqual([]);
});
