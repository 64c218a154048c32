/** Statements of events. The newest 4,096 stay, and a few more; a sequence number is never used again. */
import type { StoredEvent } from '../model/event.ts';
import type { StoreReader, StoreWriter } from './contract.ts';
import type { Connection } from './database.ts';
import { parseStrings } from './json.ts';

/** About 1 MiB of rows; Docker keeps 256 in memory. */
const KEPT_EVENTS = 4096;

/** Older ones are removed together: a statement less for the rest. */
const FORGET_EVERY = 64;

interface EventRow {
  readonly sequence: number;
  /** As text: nanoseconds since 1970 do not fit a number. */
  readonly time_nano: string;
  readonly type: StoredEvent['type'];
  readonly action: string;
  readonly actor_id: string;
  readonly attributes: string;
}

/** The events' part of the store. */
export interface Events {
  readonly reads: Pick<StoreReader, 'listEvents'>;
  readonly writes: Pick<StoreWriter, 'appendEvent' | 'removeEvent'>;
}

function toEvent(row: EventRow): StoredEvent {
  return {
    sequence: row.sequence,
    timeNano: BigInt(row.time_nano),
    type: row.type,
    action: row.action,
    actorId: row.actor_id,
    attributes: parseStrings(row.attributes),
  };
}

/** Prepares the statements of the events. */
export function prepareEvents(database: Connection): Events {
  const after = database.prepare<[number], EventRow>(
    `SELECT sequence, CAST(time_nano AS TEXT) AS time_nano, type, action, actor_id, attributes
     FROM events WHERE sequence > ? ORDER BY sequence`,
  );
  const insert = database.prepare<[bigint, string, string, string, string]>(
    'INSERT INTO events (time_nano, type, action, actor_id, attributes) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = database.prepare<[number]>('DELETE FROM events WHERE sequence = ?');
  const forget = database.prepare<[number]>('DELETE FROM events WHERE sequence <= ?');
  return {
    reads: { listEvents: (afterSequence) => after.all(afterSequence).map(toEvent) },
    writes: {
      appendEvent(event) {
        const { timeNano, type, action, actorId, attributes } = event;
        const { lastInsertRowid } = insert.run(timeNano, type, action, actorId, JSON.stringify(attributes));
        const sequence = Number(lastInsertRowid);
        if (sequence % FORGET_EVERY === 0) forget.run(sequence - KEPT_EVENTS);
        return { ...event, sequence };
      },
      removeEvent(sequence) {
        remove.run(sequence);
      },
    },
  };
}
