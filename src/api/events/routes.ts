/** GET /events. */

import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import type { Filters } from '../../engine/contract.ts';
import { VethdError } from '../../errors.ts';
import type { StoredEvent } from '../../model/event.ts';
import type { ApiContext, App } from '../context.ts';
import { beginAnswer, signalOf } from '../long-answer.ts';
import { parseFilters } from '../query.ts';
import { ERRORS } from '../schema.ts';
import { EVENT_FILTERS, passes } from './filter.ts';
import { EventAnswer, EventsQuery, type EventsQueryJson } from './schema.ts';
import { createLineStream, type LineStream } from './stream.ts';
import { parseMoment, toEventLine } from './wire.ts';

const NANOSECONDS_PER_MS = 1_000_000n;
/** setTimeout takes no longer ones. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Wish {
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
  readonly filters: Filters;
}

function wishOf(query: EventsQueryJson): Wish {
  const since = parseMoment('since', query.since);
  const until = parseMoment('until', query.until);
  if (since !== undefined && until !== undefined && until < since) {
    throw new VethdError(
      'invalidArgument',
      `\`since\` time (${query.since}) cannot be after \`until\` time (${query.until})`,
    );
  }
  return { since, until, filters: parseFilters(query.filters, EVENT_FILTERS) };
}

/** What happened before now; nothing when neither moment was given. */
function* pastLines(events: readonly StoredEvent[], { since, until, filters }: Wish): Generator<string> {
  if (since === undefined && until === undefined) return;
  for (const event of events) {
    const { timeNano } = event;
    if (timeNano < (since ?? 0n) || (until !== undefined && timeNano > until)) continue;
    if (passes(event, filters)) yield toEventLine(event);
  }
}

function millisecondsUntil(moment: bigint): number {
  const left = moment / NANOSECONDS_PER_MS - BigInt(Date.now());
  return left < 0n ? 0 : Number(left);
}

/** Ends the stream at the moment, however far that is; gives the function that forgets it. */
function endAt(moment: bigint, stream: LineStream): () => void {
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = millisecondsUntil(moment);
    timer = setTimeout(left === 0 ? () => stream.end() : arm, Math.min(left, MAX_TIMER_MS));
  };
  arm();
  return () => clearTimeout(timer);
}

function follow(raw: ServerResponse, wish: Wish, { engine, config, load, closing }: ApiContext): void {
  const needsPast = wish.since !== undefined || wish.until !== undefined;
  // Without an await in between nothing is missed and nothing comes twice.
  const past = needsPast ? engine.listEvents(0) : [];
  const stream = createLineStream(raw, pastLines(past, wish), config.limits);
  const unsubscribe = engine.subscribe((event) => {
    if (passes(event, wish.filters)) stream.push(toEventLine(event));
  });
  const forget = wish.until === undefined ? () => undefined : endAt(wish.until, stream);
  signalOf(raw, closing).addEventListener('abort', () => stream.close(), { once: true });
  load.eventStreams++;
  finished(raw, () => {
    load.eventStreams--;
    unsubscribe();
    forget();
  });
}

/** Registers the route. */
export function eventRoutes(app: App, context: ApiContext): void {
  const { load, config } = context;
  app.get(
    '/events',
    {
      schema: {
        tags: ['system'],
        summary: 'What happens, as it happens',
        description: `Filters: ${[...EVENT_FILTERS].join(', ')}. A reader who does not read is cut off.`,
        querystring: EventsQuery,
        response: { 200: EventAnswer, ...ERRORS },
      },
    },
    async (request, reply) => {
      const wish = wishOf(request.query);
      if (load.eventStreams >= config.limits.eventStreams) {
        throw new VethdError('unavailable', `${load.eventStreams} event streams are open already`, {
          errno: 'EAGAIN',
        });
      }
      follow(beginAnswer(reply, 'application/json'), wish, context);
      return reply;
    },
  );
}
