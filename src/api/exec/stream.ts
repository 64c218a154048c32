/**
 * A program's streams over a client's connection. Without a terminal each piece of output is led by 8 bytes:
 * 1 for stdout or 2 for stderr, three zeros, its length big-endian (Docker's multiplexed stream).
 */
import { type Readable, Transform, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ExecStreams } from '../../engine/contract.ts';

/** Puts the header before each piece that passes. */
export function createMultiplexer(stream: 1 | 2): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      const header = Buffer.alloc(8);
      header[0] = stream;
      header.writeUInt32BE(chunk.length, 4);
      done(null, Buffer.concat([header, chunk]));
    },
  });
}

function outputsOf({ stdout, stderr }: ExecStreams, tty: boolean): Readable[] {
  const plain = [stdout, stderr].filter((output) => output !== undefined);
  if (tty) return plain;
  return [
    ...(stdout === undefined ? [] : [stdout.pipe(createMultiplexer(1))]),
    ...(stderr === undefined ? [] : [stderr.pipe(createMultiplexer(2))]),
  ];
}

/**
 * Sends the program's output to `sink` and ends it when the program has ended and all is sent. When the client
 * goes away first the output is read and dropped: the program goes on, as in Docker.
 */
export async function sendOutput(streams: ExecStreams, tty: boolean, sink: Writable): Promise<void> {
  const outputs = outputsOf(streams, tty);
  sink.on('error', () => sink.destroy());
  sink.on('close', () => {
    for (const output of outputs) output.unpipe(sink).resume();
  });
  for (const output of outputs) output.pipe(sink, { end: false });
  await Promise.all([streams.exited, ...outputs.map((output) => finished(output, { writable: false }))]);
  if (!sink.destroyed) sink.end();
}

/** Gives the program what the client sends; the client's end is the end of its input. */
export function takeInput(streams: ExecStreams, source: Readable): void {
  const { stdin } = streams;
  if (stdin === undefined) {
    source.resume();
    return;
  }
  source.pipe(stdin);
  source.on('close', () => stdin.end());
}
