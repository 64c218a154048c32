/** Answers that last: their headers go out at once, because clients wait for them. */

import type { ServerResponse } from 'node:http';
import { finished, type Writable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/**
 * Takes the answer out of Fastify's hands, sends status 200 and the headers, and gives the raw response, to be
 * ended by the caller.
 */
export function beginAnswer(reply: FastifyReply, contentType: string): ServerResponse {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  reply.hijack();
  reply.raw.setHeader('Content-Type', contentType);
  reply.raw.writeHead(200);
  reply.raw.flushHeaders();
  return reply.raw;
}

/** A signal that is aborted when the answer is over, the client goes away, or the application closes. */
export function signalOf(raw: ServerResponse, closing: AbortSignal): AbortSignal {
  const over = new AbortController();
  const abort = (): void => over.abort();
  finished(raw, () => {
    closing.removeEventListener('abort', abort);
    abort();
  });
  closing.addEventListener('abort', abort, { once: true });
  return over.signal;
}

/** Ends an answer and with it the connection, which else would hold up the application's end. */
export function endWithConnection(sink: Writable): void {
  sink.once('finish', () => sink.destroy());
  sink.end();
}
