/** Container routes whose answers last: wait and stats. */
import type { ServerResponse } from 'node:http';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../engine/contract.ts';
import { isRunning } from '../../engine/running.ts';
import { messageOf, VethdError } from '../../errors.ts';
import type { ApiContext, App } from '../context.ts';
import { beginAnswer, endWithConnection, signalOf } from '../long-answer.ts';
import { isOn } from '../query.ts';
import { ERRORS, IdParameter } from '../schema.ts';
import { StatsAnswer, type StatsJson, StatsQuery, WaitAnswer, WaitQuery } from './schema.ts';
import { toStats } from './wire.ts';

const TAGS = ['containers'];
const CONDITIONS = ['not-running', 'next-exit', 'removed'] as const;
const STATS_INTERVAL_MS = 1_000;
const NEVER = '0001-01-01T00:00:00Z';

type Condition = (typeof CONDITIONS)[number];

function conditionOf(text = ''): Condition {
  const condition = text === '' ? 'not-running' : CONDITIONS.find((word) => word === text);
  if (condition === undefined) {
    throw new VethdError('invalidArgument', `invalid condition: "${text}": want ${CONDITIONS.join(', ')}`);
  }
  return condition;
}

/** The answer's body: the exit code, or what went wrong after the headers were sent. */
async function waited(
  engine: Engine,
  id: string,
  condition: Condition,
  signal: AbortSignal,
): Promise<object> {
  try {
    return { Error: null, StatusCode: await engine.waitContainer(id, condition, signal) };
  } catch (error) {
    return { Error: { Message: messageOf(error) }, StatusCode: -1 };
  }
}

function waitRoute(app: App, { engine, closing }: ApiContext): void {
  app.post(
    '/containers/:id/wait',
    {
      schema: {
        tags: TAGS,
        summary: 'Wait for the end; the headers come at once',
        params: IdParameter,
        querystring: WaitQuery,
        response: { 200: WaitAnswer, ...ERRORS },
      },
    },
    async (request, reply) => {
      const condition = conditionOf(request.query.condition);
      const { container } = await engine.inspectContainer(request.params.id);
      const raw = beginAnswer(reply, 'application/json');
      const signal = signalOf(raw, closing);
      const answer = await waited(engine, container.id, condition, signal);
      raw.write(`${JSON.stringify(answer)}
`);
      if (closing.aborted) endWithConnection(raw);
      else raw.end();
      return reply;
    },
  );
}

async function measure(engine: Engine, id: string, preread: string): Promise<StatsJson> {
  const { container } = await engine.inspectContainer(id);
  const counters = isRunning(container) ? await engine.containerCounters(container.id) : new Map();
  const read = isRunning(container) ? new Date().toISOString() : NEVER;
  return toStats(container, counters, { read, preread }, availableParallelism());
}

/** One measurement a second until the client goes, the container ends, or the application closes. */
async function streamStats(
  engine: Engine,
  first: StatsJson,
  raw: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  let stats = first;
  while (!signal.aborted) {
    // A reader who is behind misses measurements; they are not queued.
    if (!raw.writableNeedDrain) raw.write(`${JSON.stringify(stats)}\n`);
    await sleep(STATS_INTERVAL_MS, undefined, { signal });
    stats = await measure(engine, first.id, stats.read);
  }
}

function statsRoute(app: App, { engine, closing }: ApiContext): void {
  app.get(
    '/containers/:id/stats',
    {
      schema: {
        tags: TAGS,
        summary: 'Counters of the interfaces',
        params: IdParameter,
        querystring: StatsQuery,
        response: { 200: StatsAnswer, ...ERRORS },
      },
    },
    async (request, reply) => {
      const first = await measure(engine, request.params.id, NEVER);
      if (!isOn(request.query.stream, true)) return first;
      const raw = beginAnswer(reply, 'application/json');
      const signal = signalOf(raw, closing);
      try {
        await streamStats(engine, first, raw, signal);
      } catch (error) {
        // The client went or the container did: either way the answer is over.
        if (!signal.aborted) request.log.debug({ err: error }, 'stats ended');
      }
      if (closing.aborted) endWithConnection(raw);
      else raw.end();
      return reply;
    },
  );
}

/** Registers wait and stats. */
export function lastingRoutes(app: App, context: ApiContext): void {
  waitRoute(app, context);
  statsRoute(app, context);
}
