/** Events in Docker's JSON, and the moments that clients ask from and to. */
import { VethdError } from '../../errors.ts';
import type { StoredEvent } from '../../model/event.ts';

const SECOND = 1_000_000_000n;

/** One line of the stream, newline included. */
export function toEventLine(event: StoredEvent): string {
  const { type, action, actorId, attributes, timeNano } = event;
  // Old CLIs crash without the three; Docker leaves them out from 1.52 on, which is not served.
  const legacy = type === 'container' ? { status: action, id: actorId, from: attributes['image'] ?? '' } : {};
  const head = JSON.stringify({
    ...legacy,
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: attributes },
    scope: 'local',
  });
  // A number of JavaScript cannot hold the nanoseconds.
  return `${head.slice(0, -1)},"time":${timeNano / SECOND},"timeNano":${timeNano}}\n`;
}

/**
 * Nanoseconds since 1970 of `since` or `until` (Unix seconds, optionally with a fraction); undefined when not
 * given. Throws invalidArgument naming the parameter.
 */
export function parseMoment(name: 'since' | 'until', text: string | undefined): bigint | undefined {
  if (text === undefined || text === '') return undefined;
  const match = /^(-?\d{1,18})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (match === null) {
    throw new VethdError(
      'invalidArgument',
      `invalid value for '${name}': ${text}: want Unix seconds like 1700000000.5`,
    );
  }
  return BigInt(match[1] ?? '') * SECOND + BigInt((match[2] ?? '').padEnd(9, '0'));
}
