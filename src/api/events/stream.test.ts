import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createLineStream } from './stream.ts';

const LIMITS = { streamEvents: 10, streamBytes: 1000 };

/** A reader who takes a line only when told to. */
function slowReader() {
  const taken: string[] = [];
  const pending: (() => void)[] = [];
  const sink = new Writable({
    highWaterMark: 1,
    decodeStrings: false,
    write: (chunk, _encoding, done) => {
      taken.push(String(chunk));
      pending.push(done);
    },
  });
  return { sink, taken, takeOne: () => pending.shift()?.() };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('the past comes first, then the lines in order, whatever the pace', async () => {
  const { sink, taken, takeOne } = slowReader();
  const stream = createLineStream(sink, ['a', 'b'], LIMITS);
  stream.push('c');
  stream.push('d');
  stream.end();
  stream.push('late');
  for (let step = 0; step < 6; step++) {
    takeOne();
    await settle();
  }
  expect(taken).toEqual(['a', 'b', 'c', 'd']);
  expect(sink.writableFinished).toBe(true);
});

test('a long past does not count against the limits', () => {
  const { sink } = slowReader();
  createLineStream(
    sink,
    Array.from({ length: 5000 }, () => 'x'.repeat(100)),
    LIMITS,
  );
  expect(sink.destroyed).toBe(false);
});

test.each([
  ['too many lines', Array.from({ length: 12 }, () => 'x')],
  ['too many bytes', ['x', 'y'.repeat(600), 'z'.repeat(600)]],
])('a reader who leaves %s unread is cut off', (_name, lines) => {
  const { sink } = slowReader();
  const stream = createLineStream(sink, [], LIMITS);
  for (const line of lines) stream.push(line);
  expect(sink.destroyed).toBe(true);
  expect(() => stream.push('more')).not.toThrow();
});
