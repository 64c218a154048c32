/**
 * JSON bodies as dockerd reads them: its words for broken text, a bounded depth, and no members that could
 * change an object's prototype.
 */
import { VethdError } from '../errors.ts';

/** Deeper bodies are refused; Docker's deepest is 7. */
export const MAX_DEPTH = 32;

function invalid(reason: string): VethdError {
  return new VethdError('invalidArgument', `invalid JSON: ${reason}`);
}

const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels`;

interface Cursor {
  readonly text: string;
  at: number;
}

// Go quotes the character that it did not expect (encoding/json, quoteChar).
function quote(character: string): string {
  if (character === "'") return "'\\''";
  return `'${JSON.stringify(character).slice(1, -1).replace('\\"', '"')}'`;
}

function unexpected(cursor: Cursor, context: string): VethdError {
  const code = cursor.text.codePointAt(cursor.at);
  if (code === undefined) return invalid('unexpected EOF');
  return invalid(`invalid character ${quote(String.fromCodePoint(code))} ${context}`);
}

function skipBlanks(cursor: Cursor): string | undefined {
  while (' \t\r\n'.includes(cursor.text[cursor.at] ?? 'x')) cursor.at++;
  return cursor.text[cursor.at];
}

function scanLiteral(cursor: Cursor, word: string): void {
  for (const letter of word) {
    if (cursor.text[cursor.at] !== letter) {
      throw unexpected(cursor, `in literal ${word} (expecting ${quote(letter)})`);
    }
    cursor.at++;
  }
}

function scanDigits(cursor: Cursor, context: string): void {
  if (!/\d/.test(cursor.text[cursor.at] ?? '')) throw unexpected(cursor, context);
  while (/\d/.test(cursor.text[cursor.at] ?? '')) cursor.at++;
}

function scanNumber(cursor: Cursor): void {
  if (cursor.text[cursor.at] === '-') cursor.at++;
  if (cursor.text[cursor.at] === '0') cursor.at++;
  else scanDigits(cursor, 'in numeric literal');
  if (cursor.text[cursor.at] === '.') {
    cursor.at++;
    scanDigits(cursor, 'after decimal point in numeric literal');
  }
  if (/[eE]/.test(cursor.text[cursor.at] ?? '')) {
    cursor.at++;
    if (/[+-]/.test(cursor.text[cursor.at] ?? '')) cursor.at++;
    scanDigits(cursor, 'in exponent of numeric literal');
  }
}

function scanEscape(cursor: Cursor): void {
  cursor.at++;
  const letter = cursor.text[cursor.at] ?? '';
  if (letter === '' || !'"\\/bfnrtu'.includes(letter)) throw unexpected(cursor, 'in string escape code');
  cursor.at++;
  for (let digit = 0; letter === 'u' && digit < 4; digit++, cursor.at++) {
    if (!/[0-9a-fA-F]/.test(cursor.text[cursor.at] ?? '')) {
      throw unexpected(cursor, 'in \\u hexadecimal character escape');
    }
  }
}

function scanString(cursor: Cursor): void {
  cursor.at++;
  while (cursor.text[cursor.at] !== '"') {
    const character = cursor.text[cursor.at];
    if (character === undefined || character < ' ') throw unexpected(cursor, 'in string literal');
    if (character === '\\') scanEscape(cursor);
    else cursor.at++;
  }
  cursor.at++;
}

function scanMember(cursor: Cursor, depth: number): void {
  if (skipBlanks(cursor) !== '"') throw unexpected(cursor, 'looking for beginning of object key string');
  scanString(cursor);
  if (skipBlanks(cursor) !== ':') throw unexpected(cursor, 'after object key');
  cursor.at++;
  scanValue(cursor, depth);
}

function scanMany(cursor: Cursor, close: string, context: string, scanOne: () => void): void {
  cursor.at++;
  if (skipBlanks(cursor) === close) {
    cursor.at++;
    return;
  }
  for (;;) {
    scanOne();
    const next = skipBlanks(cursor);
    if (next !== ',' && next !== close) throw unexpected(cursor, context);
    cursor.at++;
    if (next === close) return;
  }
}

function scanValue(cursor: Cursor, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(TOO_DEEP);
  const first = skipBlanks(cursor) ?? '';
  if (first === '{') {
    scanMany(cursor, '}', 'after object key:value pair', () => scanMember(cursor, depth + 1));
  } else if (first === '[') {
    scanMany(cursor, ']', 'after array element', () => scanValue(cursor, depth + 1));
  } else if (first === '"') scanString(cursor);
  else if (first === 't') scanLiteral(cursor, 'true');
  else if (first === 'f') scanLiteral(cursor, 'false');
  else if (first === 'n') scanLiteral(cursor, 'null');
  else if (/[-\d]/.test(first)) scanNumber(cursor);
  else throw unexpected(cursor, 'looking for beginning of value');
}

/** What is wrong with a text that is no JSON, in the words of Go's decoder. */
function faultOf(text: string): VethdError {
  const cursor = { text, at: 0 };
  try {
    scanValue(cursor, 0);
  } catch (error) {
    if (error instanceof VethdError) return error;
    throw error;
  }
  return new VethdError('invalidArgument', 'unexpected content after JSON');
}

/** Half of a surrogate pair: no UTF-8 can hold it, so a name with one would come back from the disk as another. */
const LONE_SURROGATE = /\p{Surrogate}/u;

function checkText(text: string): void {
  if (LONE_SURROGATE.test(text))
    throw invalid(`half of a surrogate pair in ${JSON.stringify(text.slice(0, 64))}`);
}

function checkMembers(value: unknown, depth: number): void {
  if (typeof value === 'string') checkText(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth >= MAX_DEPTH) throw invalid(TOO_DEEP);
  for (const [key, member] of Object.entries(value)) {
    checkText(key);
    const poisons = typeof member === 'object' && member !== null && Object.hasOwn(member, 'prototype');
    if (key === '__proto__' || (key === 'constructor' && poisons)) {
      throw invalid(`member ${JSON.stringify(key)} is not allowed`);
    }
    checkMembers(member, depth + 1);
  }
}

function tryParse(text: string): { readonly value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return { value };
  } catch {
    return undefined;
  }
}

/**
 * Reads a body. An empty one and `null` are `{}`, as in Docker. Throws invalidArgument in Docker's words for
 * broken text and for something after the value.
 */
export function parseBody(text: string): unknown {
  if (text.trim() === '') return {};
  const parsed = tryParse(text);
  if (parsed === undefined) throw faultOf(text);
  checkMembers(parsed.value, 0);
  return parsed.value ?? {};
}
