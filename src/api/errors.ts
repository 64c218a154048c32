/**
 * Every error of the API goes through here: a `VethdError`'s kind becomes an HTTP status, and the body is always
 * `{"message": "…"}`, for Fastify's own errors and for faults of the HTTP parser too.
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorKind, messageOf, VethdError } from '../errors.ts';

const STATUS: Record<ErrorKind, number> = {
  invalidArgument: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  internal: 500,
  notImplemented: 501,
  unavailable: 503,
};

/** RFC 4918: the disk is full. */
const INSUFFICIENT_STORAGE = 507;

/** The error of a route that does not exist, or not for this method. */
export function pageNotFound(): VethdError {
  return new VethdError('notFound', 'page not found');
}

function frameworkStatus(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

/** The HTTP status of anything thrown; 500 for what is neither ours nor the framework's. */
export function statusOf(error: unknown): number {
  if (!(error instanceof VethdError)) return frameworkStatus(error);
  return error.errno === 'ENOSPC' ? INSUFFICIENT_STORAGE : STATUS[error.kind];
}

/** What a client is told. A fault of our own is told in the log only: its text may hold paths. */
export function clientMessage(error: unknown): string {
  if (error instanceof VethdError) return error.message;
  if (frameworkStatus(error) === 500) return 'internal error: the log of the daemon says more';
  return messageOf(error);
}

/** Answers with an error; logs the ones that are our fault. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = statusOf(error);
  if (status === 500) request.log.error({ err: error }, 'request failed');
  if (error instanceof VethdError && error.errno === 'EAGAIN') reply.header('Retry-After', '1');
  return reply
    .code(status)
    .type('application/json')
    .send({ message: clientMessage(error) });
}

const PARSER_STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers what is no HTTP request, on the raw socket, and closes it. */
export function answerParserError(error: Error & { code?: string }, socket: Socket, headers: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = PARSER_STATUS[error.code ?? ''] ?? 400;
  const body = JSON.stringify({ message: `invalid HTTP request: ${error.message}` });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}`;
  const length = Buffer.byteLength(body);
  socket.end(
    `${head}Content-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
  );
}
