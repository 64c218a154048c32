/**
 * How answers become text. JSON.stringify for all of them (networks keep what it gave, see networks/bytes.ts):
 * Fastify's own serializer, compiled from the schema, drops silently what a schema forgot, and validates the members of
 * maps one by one (a network of 1,000 members 13.5 ms against 9.5). What is in an answer is the wire files' business;
 * the schemas describe it.
 */
import { randomBytes } from 'node:crypto';

/** Docker counts in 64 bits and stops at the top. */
const MAX_COUNT = 2n ** 64n - 1n;

/** No client can know it, so that no text of theirs is taken for a number. */
const MARK = randomBytes(16).toString('hex');
const MARKED = new RegExp(`"${MARK}(\\d+)"`, 'g');

/** An integer of an answer that may be larger than a number of JavaScript tells exactly. */
export type Count = number | { toJSON(): string };

/** The count for an answer, at most 2^64 - 1. */
export function toCount(count: bigint): Count {
  if (count <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(count);
  return { toJSON: () => `${MARK}${count > MAX_COUNT ? MAX_COUNT : count}` };
}

/** The JSON text of an answer. */
export function serialize(answer: unknown): string {
  const text = JSON.stringify(answer);
  return text.includes(MARK) ? text.replaceAll(MARKED, '$1') : text;
}
