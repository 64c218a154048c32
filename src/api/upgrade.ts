/**
 * Requests with `Connection: Upgrade`. Node gives them to whoever listens for them instead of the application,
 * without their body. Here each becomes an ordinary request again, body and all, so that every route, check and
 * error is the same as for others; a route that wants the connection takes it with `takeUpgraded`.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ApiLimits } from './context.ts';

interface Upgraded {
  readonly socket: Socket;
  readonly response: ServerResponse;
  /** What came after the body. */
  readonly rest: Buffer;
}

const upgraded = new WeakMap<IncomingMessage, Upgraded>();

/** The length that the request announces; -1 for one that is none or is sent in chunks. */
function bodyLength(request: IncomingMessage): number {
  if (request.headers['transfer-encoding'] !== undefined) return -1;
  const text = request.headers['content-length'] ?? '0';
  return /^\d{1,10}$/.test(text) ? Number(text) : -1;
}

/** Reads until `length` bytes are there; undefined when the client ends or takes too long before. */
function readBytes(
  socket: Socket,
  head: Buffer,
  length: number,
  timeoutMs: number,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let bytes = head;
    const settle = (result: Buffer | undefined) => {
      clearTimeout(timer);
      socket.off('data', take).off('end', stop).off('close', stop).pause();
      resolve(result);
    };
    const stop = () => settle(undefined);
    const take = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length >= length) settle(bytes);
    };
    const timer = setTimeout(stop, timeoutMs);
    socket.on('data', take).on('end', stop).on('close', stop);
    take(Buffer.alloc(0));
  });
}

/** The same request with its body in it. */
function withBody(request: IncomingMessage, socket: Socket, body: Buffer): IncomingMessage {
  const copy = new IncomingMessage(socket);
  copy.method = request.method ?? 'GET';
  copy.url = request.url ?? '/';
  copy.httpVersion = request.httpVersion;
  copy.httpVersionMajor = request.httpVersionMajor;
  copy.httpVersionMinor = request.httpVersionMinor;
  copy.headers = request.headers;
  copy.rawHeaders = request.rawHeaders;
  copy.complete = true;
  copy.push(body);
  copy.push(null);
  return copy;
}

async function dispatch(
  app: FastifyInstance,
  limits: ApiLimits,
  from: IncomingMessage,
  socket: Socket,
  head: Buffer,
) {
  socket.on('error', () => socket.destroy());
  const announced = bodyLength(from);
  // A length that cannot be is left to the application's own checks: it refuses the announced one by itself.
  const length = announced < 0 || announced > limits.bodyBytes ? 0 : announced;
  const bytes = await readBytes(socket, head, length, limits.requestTimeoutMs);
  if (bytes === undefined) {
    socket.destroy();
    return;
  }
  const request = withBody(from, socket, bytes.subarray(0, length));
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on('finish', () => socket.end());
  upgraded.set(request, { socket, response, rest: bytes.subarray(length) });
  app.server.emit('request', request, response);
}

/** Makes the application answer requests to upgrade. */
export function installUpgrades(app: FastifyInstance, limits: ApiLimits): void {
  app.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // node:http types it as Duplex for servers over other transports; ours are sockets.
    const { socket } = request;
    if (socket !== stream) throw new Error('an upgrade on a stream that is not the request’s socket');
    void dispatch(app, limits, request, socket, head);
  });
}

/** Whether the client asked for the connection. */
export function isUpgrade(request: IncomingMessage): boolean {
  return upgraded.has(request);
}

/**
 * The connection of a request to upgrade, from now on the caller's; what the client sent after the body is the
 * first thing to be read from it. Throws a plain Error for another request: ask `isUpgrade` first.
 */
export function takeUpgraded(request: IncomingMessage): Socket {
  const found = upgraded.get(request);
  if (found === undefined) throw new Error('no request to upgrade');
  upgraded.delete(request);
  const { socket, response, rest } = found;
  response.detachSocket(socket);
  if (rest.length > 0) socket.unshift(rest);
  return socket;
}
