/** The streams of exec and attach: the connection itself after an upgrade, else the body of the answer. */
import type { Readable, Writable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiContext } from './context.ts';
import { standardHeaders } from './conventions.ts';
import { beginAnswer } from './long-answer.ts';
import { isUpgrade, takeUpgraded } from './upgrade.ts';
import { minorOf } from './version.ts';

/** Both directions of an answer that has begun. */
export interface RawStream {
  /** What is written here reaches the client; its end is the answer's. */
  readonly sink: Writable;
  /** What the client sends; undefined where it did not upgrade and so cannot. */
  readonly source: Readable | undefined;
}

/** From 1.42 on the type tells whether the stream is framed. */
function streamType(request: FastifyRequest, tty: boolean): string {
  const framed = !tty && minorOf(request) >= 42;
  return framed ? 'application/vnd.docker.multiplexed-stream' : 'application/vnd.docker.raw-stream';
}

/** `101 UPGRADED`, then the connection is the caller's. */
function beginUpgraded(
  { config, closing }: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  tty: boolean,
): RawStream {
  reply.hijack();
  const socket = takeUpgraded(request.raw);
  const headers = {
    ...standardHeaders(config),
    'Content-Type': streamType(request, tty),
    Connection: 'Upgrade',
    Upgrade: 'tcp',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 101 UPGRADED\r\n${lines.join('')}\r\n`);
  const close = () => socket.destroy();
  closing.addEventListener('abort', close, { once: true });
  socket.on('close', () => closing.removeEventListener('abort', close));
  return { sink: socket, source: socket };
}

/** Sends the head of the answer and gives its streams. `tty`: whether they are plain bytes, not frames. */
export function beginRawStream(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  tty: boolean,
): RawStream {
  if (isUpgrade(request.raw)) return beginUpgraded(context, request, reply, tty);
  return { sink: beginAnswer(reply, streamType(request, tty)), source: undefined };
}
