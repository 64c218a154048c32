/**
 * What every route is given. The API room turns Docker's JSON into the engine's words and back; it decides
 * nothing, keeps no state but counters, and touches neither the store nor the kernel.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Engine } from '../engine/contract.ts';

/** The application, with bodies and queries typed by their schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Who is at the other end of the socket (SO_PEERCRED). */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
}

/** What a client may ask for at most; the figures of the defaults are the threat model's. */
export interface ApiLimits {
  readonly bodyBytes: number;
  readonly headerBytes: number;
  readonly urlBytes: number;
  readonly connections: number;
  /** Writes that the engine has at the same time; the next ones wait. */
  readonly writesRunning: number;
  /** Writes that wait; the next one is answered 503 with Retry-After. */
  readonly writesQueued: number;
  readonly eventStreams: number;
  /** Events that one slow reader may leave unread before its stream is closed. */
  readonly streamEvents: number;
  readonly streamBytes: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** The limits when nobody sets others. 128 running writes: what one pass takes together without growing slow. */
export const DEFAULT_LIMITS: ApiLimits = Object.freeze({
  bodyBytes: 1024 * 1024,
  headerBytes: 16 * 1024,
  urlBytes: 8 * 1024,
  connections: 1024,
  writesRunning: 128,
  writesQueued: 64,
  eventStreams: 64,
  streamEvents: 1000,
  streamBytes: 256 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
});

/** What the application has in hand now; it keeps the figures up to date, others read them. */
export interface ApiLoad {
  /** Changing requests that are being carried out. */
  writesRunning: number;
  /** Changing requests that wait for their turn. */
  writesWaiting: number;
  /** Open event streams. */
  eventStreams: number;
}

/** An application's load before its first request. */
export function noLoad(): ApiLoad {
  return { writesRunning: 0, writesWaiting: 0, eventStreams: 0 };
}

/** A request that has its answer. */
export interface Answered {
  readonly method: string;
  /** The route's pattern, such as `/networks/:id`; `none` for a path that has no route. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
}

/** How the API presents itself and what it allows. */
export interface ApiConfig {
  /** vethd's own version, such as `0.1.0`. */
  readonly version: string;
  /** The commit it was built from; `''` when unknown. */
  readonly gitCommit: string;
  /** RFC 3339; `''` when unknown. */
  readonly buildTime: string;
  /** The state folder, shown as `DockerRootDir`. */
  readonly stateDir: string;
  /** Whether a client may run programs of the host inside a namespace. */
  readonly allowExec: boolean;
  /** Answers GET and HEAD only. */
  readonly readOnly: boolean;
  readonly limits: ApiLimits;
  /** The text of `GET /metrics` in Prometheus' format; without it the route is absent. */
  readonly metrics?: () => Promise<string>;
  /** Told of every answer. */
  readonly onAnswer?: (answered: Answered) => void;
  /** Where the load is kept, for whoever wants to show it; without it in an object of the application's own. */
  readonly load?: ApiLoad;
  /** Who is at the other end; logged with each write. Undefined when the connection is gone. */
  readonly peerOf?: (socket: Socket) => Peer | undefined;
  /** Users who may ask anything, by uid; root always may. Without it: whoever can open the socket. */
  readonly allowedUids?: ReadonlySet<number>;
}

/** What a route needs to answer. */
export interface ApiContext {
  readonly engine: Engine;
  readonly config: ApiConfig;
  /** The OpenAPI document; without it its routes are absent. */
  readonly gatherDocument: (() => Promise<object>) | undefined;
  /**
   * Runs a changing verb when it is its turn. Throws VethdError `unavailable` with errno EAGAIN when too many
   * wait already.
   */
  readonly write: <Result>(verb: () => Promise<Result>) => Promise<Result>;
  readonly load: ApiLoad;
  /** Aborted when the application closes: long answers end then. */
  readonly closing: AbortSignal;
}
