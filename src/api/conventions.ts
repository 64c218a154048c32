/**
 * What holds for every request before its route sees it: headers, versions, who may write, and the body's form.
 */
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { VethdError } from '../errors.ts';
import type { Answered, ApiConfig, App, Peer } from './context.ts';
import { pageNotFound } from './errors.ts';
import { parseBody } from './json.ts';
import { fitMembers } from './members.ts';
import { checkVersion, isTooOld, MAX_API_VERSION, pathVersion } from './version.ts';

/** The headers of every answer, in Docker's words. */
export function standardHeaders(config: ApiConfig): Readonly<Record<string, string>> {
  return {
    'Api-Version': MAX_API_VERSION,
    'Docker-Experimental': 'false',
    Ostype: 'linux',
    Server: `vethd/${config.version} (linux)`,
  };
}

const READS = new Set(['GET', 'HEAD']);

/** Whether the request can change something. */
export function isWrite(request: FastifyRequest): boolean {
  return !READS.has(request.method);
}

/** The peer of each connection, asked once: when an answer is over the connection may be too. */
function rememberPeers(config: ApiConfig): (socket: Socket) => Peer | undefined {
  const peers = new WeakMap<Socket, Peer | undefined>();
  return (socket) => {
    if (!peers.has(socket)) peers.set(socket, config.peerOf?.(socket));
    return peers.get(socket);
  };
}

/** A peer that cannot be told is nobody who was allowed. */
function checkPeer(peer: Peer | undefined, { allowedUids }: ApiConfig): void {
  if (allowedUids === undefined || peer?.uid === 0) return;
  if (peer === undefined || !allowedUids.has(peer.uid)) {
    throw new VethdError(
      'forbidden',
      `user ${peer?.uid ?? 'unknown'} may not use this socket: vethd was started with --allow-uids`,
    );
  }
}

function checkAllowed(request: FastifyRequest, config: ApiConfig): void {
  if (request.originalUrl.length > config.limits.urlBytes) {
    throw new VethdError('invalidArgument', `the URL is longer than ${config.limits.urlBytes} bytes`);
  }
  // Only browsers send it; no page that a user happens to visit may drive a daemon that is root.
  if (request.headers.origin !== undefined) {
    throw new VethdError(
      'forbidden',
      'requests with an Origin header are refused: browsers have no business here',
    );
  }
  if (config.readOnly && isWrite(request)) {
    throw new VethdError(
      'forbidden',
      `this socket is read-only: ${request.method} is refused, GET and HEAD are not`,
    );
  }
}

function readsJson(request: FastifyRequest): boolean {
  return request.routeOptions.schema?.body !== undefined;
}

// moby: daemon/server/httputils/httputils.go, CheckForJSON (behaviour kept): no header is fine without a body.
function checkContentType(request: FastifyRequest): void {
  const { 'content-type': type, 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (type === undefined) {
    if (encoding === undefined && (length === undefined || length === '0')) return;
    throw new VethdError('invalidArgument', 'malformed Content-Type header (): mime: no media type');
  }
  if (type.split(';')[0]?.trim().toLowerCase() !== 'application/json') {
    throw new VethdError(
      'invalidArgument',
      `unsupported Content-Type header (${type}): must be 'application/json'`,
    );
  }
}

function checkForm(request: FastifyRequest): void {
  if (!isWrite(request)) return;
  if (readsJson(request)) checkContentType(request);
  // Fastify would choose a parser by it and refuse forms that it does not know; there is one parser only. Not deleted: an
  // object that loses a member is slow from then on.
  request.raw.headers['content-type'] = undefined;
}

/** Checks the path's version; below the oldest one the error is plain text, as those clients expect. */
function checkPathVersion(request: FastifyRequest, reply: FastifyReply): void {
  const version = pathVersion(request.originalUrl);
  if (version === undefined) return;
  try {
    checkVersion(version);
  } catch (error) {
    if (!isTooOld(version) || !(error instanceof VethdError)) throw error;
    reply.code(400).type('text/plain; charset=utf-8').send(`${error.message}\n`);
  }
}

function fitBody(request: FastifyRequest): void {
  const schema = request.routeOptions.schema?.body;
  if (typeof schema === 'object' && schema !== null) request.body = fitMembers(schema, request.body ?? {});
}

function installBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    { parseAs: 'string' },
    async (request: FastifyRequest, body: string | Buffer) =>
      readsJson(request) ? parseBody(body.toString()) : undefined,
  );
  app.addHook('preValidation', async (request) => fitBody(request));
}

function installWriteLog(app: App, peerOf: (socket: Socket) => Peer | undefined): void {
  app.addHook('onResponse', async (request, reply) => {
    if (!isWrite(request)) return;
    const peer = peerOf(request.raw.socket);
    const path = request.originalUrl.slice(0, 256);
    request.log.info({ peer, method: request.method, path, status: reply.statusCode }, 'write');
  });
}

function installAnswerListener(app: App, onAnswer: (answered: Answered) => void): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    onAnswer({ method: request.method, route, status: reply.statusCode, durationMs: reply.elapsedTime });
  });
}

/** Installs the hooks on the application; its routes are registered afterwards. */
export function installConventions(app: App, config: ApiConfig): void {
  const headers = standardHeaders(config);
  const peerOf = rememberPeers(config);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    checkPeer(peerOf(request.raw.socket), config);
    if (request.is404) throw pageNotFound();
    checkAllowed(request, config);
    checkPathVersion(request, reply);
    if (!reply.sent) checkForm(request);
    return reply.sent ? reply : undefined;
  });
  app.addHook('onSend', async (_request, reply) => {
    // Docker names no charset; Fastify adds one to whatever is JSON.
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8') {
      reply.header('content-type', 'application/json');
    }
  });
  installBodies(app);
  installWriteLog(app, peerOf);
  if (config.onAnswer !== undefined) installAnswerListener(app, config.onAnswer);
}
