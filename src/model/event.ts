/** The record of something that happened, kept so that `GET /events?since=` works across restarts. */

/** An event as `GET /events` tells it. */
export interface StoredEvent {
  /** Counts up; set by the store. */
  readonly sequence: number;
  /** Nanoseconds since 1970. */
  readonly timeNano: bigint;
  readonly type: 'network' | 'container' | 'vethd' | 'daemon';
  readonly action: string;
  readonly actorId: string;
  readonly attributes: Readonly<Record<string, string>>;
}
