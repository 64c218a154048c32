import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createUnframer, frame } from './framing.ts';

test('literal bytes', () => {
  expect([...frame(Uint8Array.of(7, 8, 9))]).toEqual([0, 3, 7, 8, 9]);
});

test('messages come out whole however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 400 }),
      (messages, step) => {
        const stream = Buffer.concat(messages.map(frame));
        const unframe = createUnframer();
        const got: Uint8Array[] = [];
        for (let at = 0; at < stream.length; at += step) got.push(...unframe(stream.subarray(at, at + step)));
        expect(got.map((message) => [...message])).toEqual(messages.map((message) => [...message]));
      },
    ),
  );
});

test('a message is given when it is asked for, and kept when it is not', () => {
  const unframe = createUnframer();
  const stream = Buffer.concat([frame(Uint8Array.of(1)), frame(Uint8Array.of(2)), frame(Uint8Array.of(3))]);
  const [first] = unframe(stream.subarray(0, 8));
  expect([...(first ?? [])]).toEqual([1]);
  expect([...unframe(stream.subarray(8))].map((message) => [...message])).toEqual([[2], [3]]);
});
