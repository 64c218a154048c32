import { expect, test } from 'vitest';
import { derivedId, newId } from './context.ts';

test('ids are 64 hexadecimal digits and never the same, from one draw to the next either', () => {
  const ids = Array.from({ length: 200 }, newId);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set(ids).size).toBe(200);
});

test('the same words give the same id, other words or other bounds between them another', () => {
  expect(derivedId('ab', 'c')).toMatch(/^[0-9a-f]{64}$/);
  expect(derivedId('ab', 'c')).toBe(derivedId('ab', 'c'));
  expect(derivedId('a', 'bc')).not.toBe(derivedId('ab', 'c'));
});
