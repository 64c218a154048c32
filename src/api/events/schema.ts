/** Schemas of /events. The answer is a stream: each line is one event. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { FiltersParameter, MapOf } from '../schema.ts';

const Moment = (what: string) =>
  Type.Optional(
    Type.String({
      description: `${what}: Unix seconds, optionally with a fraction.`,
      examples: ['1700000000.5'],
    }),
  );

/** Query of `GET /events`. */
export const EventsQuery = Type.Object({
  since: Moment('Also what happened from then on'),
  until: Moment('End then'),
  filters: FiltersParameter,
});

/** One line of the stream. */
export const EventAnswer = Type.Object(
  {
    status: Type.Optional(Type.String({ description: 'Container events: the action.' })),
    id: Type.Optional(Type.String({ description: 'Container events: the id.' })),
    from: Type.Optional(Type.String({ description: 'Container events: the image.' })),
    Type: Type.String({ examples: ['network'] }),
    Action: Type.String({ examples: ['connect'] }),
    Actor: Type.Object({ ID: Type.String(), Attributes: MapOf(Type.String()) }),
    scope: Type.String(),
    time: Type.Integer({ description: 'Unix seconds.' }),
    timeNano: Type.Integer({ description: 'Unix nanoseconds.' }),
  },
  { description: 'Events as JSON objects, each on a line, as they happen.' },
);

/** The query's type. */
export type EventsQueryJson = Static<typeof EventsQuery>;
