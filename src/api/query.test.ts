import { describe, expect, test } from 'vitest';
import { messageOf } from '../errors.ts';
import { isOn, parseFilters, parseGoBool, parseQuery } from './query.ts';

function errorOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return messageOf(error);
  }
  return 'no error';
}

test('a query: the first value counts, + is a blank, nothing fails', () => {
  expect(parseQuery('a=1&a=2&b=x+y&c&%zz=1')).toEqual({ a: '1', b: 'x y', c: '', '%zz': '1' });
  expect(parseQuery('__proto__=1')['toString']).toBeUndefined();
});

test('switches', () => {
  for (const text of ['1', 'true', 'True', 'yes', 'x']) expect(isOn(text)).toBe(true);
  for (const text of ['', '0', 'no', 'False', 'none', undefined]) expect(isOn(text)).toBe(false);
  expect(isOn(undefined, true)).toBe(true);
  expect(isOn('0', true)).toBe(false);
});

test("Go's booleans", () => {
  for (const text of ['1', 't', 'T', 'TRUE', 'true', 'True']) expect(parseGoBool('verbose', text)).toBe(true);
  for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False', '', undefined]) {
    expect(parseGoBool('verbose', text)).toBe(false);
  }
  for (const text of ['xx', 'yes', 'toString']) {
    expect(errorOf(() => parseGoBool('verbose', text))).toBe(
      `invalid value for verbose: ${text}: strconv.ParseBool: parsing "${text}": invalid syntax`,
    );
  }
});

describe('filters', () => {
  const allowed = new Set(['name', 'label']);

  test.each([
    ['absent', undefined, []],
    ['empty', '', []],
    ['null', 'null', []],
    ['lists', '{"name":["a","b"]}', [['name', ['a', 'b']]]],
    ['maps, as the CLI sends them', '{"name":{"a":true,"b":false}}', [['name', ['a', 'b']]]],
    ['null for no values', '{"name":null}', [['name', []]]],
  ])('%s', (_name, text, entries) => {
    expect([...parseFilters(text, allowed)]).toEqual(entries);
  });

  test.each([
    ['{', 'invalid filter'],
    ['[]', 'invalid filter'],
    ['"x"', 'invalid filter'],
    ['{"name":"a"}', 'invalid filter'],
    ['{"name":[1]}', 'invalid filter'],
    ['{"name":{"a":1}}', 'invalid filter'],
    ['{"nosuch":["a"]}', "invalid filter 'nosuch'"],
  ])('%s', (text, message) => {
    expect(errorOf(() => parseFilters(text, allowed))).toBe(message);
  });
});
