import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { messageOf } from '../errors.ts';
import { MAX_DEPTH, parseBody } from './json.ts';

function messageFor(text: string): string {
  try {
    parseBody(text);
  } catch (error) {
    return messageOf(error);
  }
  return 'no error';
}

describe('broken text, in the words of Go', () => {
  test.each([
    ['{broken}', "invalid JSON: invalid character 'b' looking for beginning of object key string"],
    ['{"a"}', "invalid JSON: invalid character '}' after object key"],
    ['{"a":1 "b"', `invalid JSON: invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid JSON: invalid character '2' after array element"],
    ['{"a":', 'invalid JSON: unexpected EOF'],
    ['{"a":"x', 'invalid JSON: unexpected EOF'],
    ['{"a":tru}', "invalid JSON: invalid character '}' in literal true (expecting 'e')"],
    ['{"a":-}', "invalid JSON: invalid character '}' in numeric literal"],
    ['{"a":1.}', "invalid JSON: invalid character '}' after decimal point in numeric literal"],
    ['{"a":1e}', "invalid JSON: invalid character '}' in exponent of numeric literal"],
    ['{"a":"\\x"}', "invalid JSON: invalid character 'x' in string escape code"],
    ['{"a":"\\u00g0"}', "invalid JSON: invalid character 'g' in \\u hexadecimal character escape"],
    ['{"a":"\n"}', "invalid JSON: invalid character '\\n' in string literal"],
    ["'x'", "invalid JSON: invalid character '\\'' looking for beginning of value"],
    ['{} x', 'unexpected content after JSON'],
    ['{}{}', 'unexpected content after JSON'],
    ['01', 'unexpected content after JSON'],
  ])('%s', (text, message) => {
    expect(messageFor(text)).toBe(message);
  });
});

test('nothing, blanks and null are an empty object', () => {
  for (const text of ['', ' \n', 'null']) expect(parseBody(text)).toEqual({});
});

test('depth is bounded, in good and in broken text', () => {
  const nest = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(messageFor(nest(MAX_DEPTH))).toBe('no error');
  for (const text of [nest(MAX_DEPTH + 1), '['.repeat(500_000), nest(500_000)]) {
    expect(messageFor(text)).toBe('invalid JSON: nested deeper than 32 levels');
  }
});

test('half of a surrogate pair is refused, a whole one is a character', () => {
  expect(messageFor('{"Name":"a\\ud800"}')).toBe('invalid JSON: half of a surrogate pair in "a\\ud800"');
  expect(messageFor('{"\\udc00":1}')).toBe('invalid JSON: half of a surrogate pair in "\\udc00"');
  expect(parseBody('{"Name":"\\ud83d\\ude00"}')).toEqual({ Name: '😀' });
});

test('members that would change a prototype are refused, a label of such a name is not', () => {
  expect(messageFor('{"__proto__":{}}')).toContain('"__proto__" is not allowed');
  expect(messageFor('{"a":{"constructor":{"prototype":{}}}}')).toContain('"constructor" is not allowed');
  expect(messageFor('{"constructor":"x"}')).toBe('no error');
});

test('property: what JSON.stringify writes is read, and no text escapes the error class', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        fc.jsonValue({ maxDepth: 4 }).filter((member) => !JSON.stringify(member).includes('__proto__')),
      ),
      (value) => {
        expect(parseBody(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
      },
    ),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:0-.eEtrufalsn\\ ') }), (text) => {
      expect(messageFor(text)).toMatch(/^no error$|^invalid JSON: |^unexpected content after JSON$/);
    }),
  );
});
