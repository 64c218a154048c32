/**
 * The daemon as its clients see it: HTTP over a Unix socket. One call, one answer or one stream; Docker's
 * `{"message": …}` becomes an `ApiError`. Nothing here knows a route; those are in calls.ts.
 */
import { type IncomingMessage, request } from 'node:http';
import { errorText, parseJson } from './wire.ts';

/** Where the daemon listens unless told otherwise. */
export const DEFAULT_SOCKET = '/run/vethd/vethd.sock';

/** A daemon to talk to. Holds no connection. */
export interface Client {
  readonly socketPath: string;
}

/** A request, as plain data. `Answer` is the type of the JSON that comes back. */
export interface Call<Answer> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Without a query; parts that come from users are percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Never set: it carries the type. */
  readonly answer?: Answer;
}

/** The daemon's refusal: its words, and the HTTP status. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** Nobody answers at the socket. The message says what a person can do about it. */
export class UnreachableError extends Error {
  constructor(socketPath: string, cause: NodeJS.ErrnoException) {
    super(unreachableText(socketPath, cause), { cause });
    this.name = 'UnreachableError';
  }
}

function unreachableText(socketPath: string, cause: NodeJS.ErrnoException): string {
  const where = `unix://${socketPath}`;
  if (cause.code === 'EACCES') {
    return `permission denied while connecting to vethd at ${where}: run as root or join the group vethd`;
  }
  if (cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED') {
    return `Cannot connect to vethd at ${where}. Is the daemon running? Start it with bin/vethd, or name its socket with --socket or VETHD_SOCKET.`;
  }
  return `Lost the connection to vethd at ${where}: ${cause.message}`;
}

function pathOf(call: Call<unknown>): string {
  const query = new URLSearchParams(call.query).toString();
  return query === '' ? call.path : `${call.path}?${query}`;
}

function connect(client: Client, call: Call<unknown>, signal?: AbortSignal): Promise<IncomingMessage> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const sent = request({
      socketPath: client.socketPath,
      method: call.method,
      path: pathOf(call),
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      ...(signal === undefined ? {} : { signal }),
    });
    sent.once('response', resolve);
    sent.once('error', (error) => reject(new UnreachableError(client.socketPath, error)));
    sent.end(body);
  });
}

async function textOf(client: Client, response: IncomingMessage): Promise<string> {
  try {
    let text = '';
    response.setEncoding('utf8');
    for await (const chunk of response) text += chunk;
    return text;
  } catch (error) {
    throw new UnreachableError(client.socketPath, error instanceof Error ? error : new Error(String(error)));
  }
}

async function open(client: Client, call: Call<unknown>, signal?: AbortSignal): Promise<IncomingMessage> {
  const response = await connect(client, call, signal);
  const status = response.statusCode ?? 0;
  if (status < 400) return response;
  throw new ApiError(status, errorText(await textOf(client, response)));
}

/**
 * Sends a call and gives its answer; undefined where the answer has no body. Throws ApiError when the daemon
 * refuses, UnreachableError when there is none or it goes away.
 */
export async function send<Answer>(client: Client, call: Call<Answer>): Promise<Answer | undefined> {
  const text = await textOf(client, await open(client, call));
  return text === '' ? undefined : parseJson<Answer>(text);
}

/** As `send`, for calls whose answer always has a body; throws ApiError when it has none. */
export async function ask<Answer>(client: Client, call: Call<Answer>): Promise<Answer> {
  const answer = await send(client, call);
  if (answer === undefined) throw new ApiError(500, `an empty answer to ${call.method} ${call.path}`);
  return answer;
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
  if (rest !== '') yield rest;
}

/**
 * Sends a call whose answer is one JSON object a line, and gives them as they come, until the daemon closes
 * the stream. `signal` ends it early: the generator then throws an UnreachableError whose cause is the abort.
 */
export async function* stream<Answer>(
  client: Client,
  call: Call<Answer>,
  signal?: AbortSignal,
): AsyncGenerator<Answer> {
  const response = await open(client, call, signal);
  try {
    for await (const line of linesOf(response)) yield parseJson<Answer>(line);
  } finally {
    response.destroy();
  }
}
