/** Requests of several Operations that leave together, and whose each verdict is. */
import type { Refusal } from './codec/ack.ts';
import type { NetlinkMessage, NetlinkRequest } from './codec/message.ts';
import type { Target } from './targets.ts';

/** Told of what answers a request but for its acknowledgement. */
export type OnMessage = (message: NetlinkMessage) => void;

interface Entry {
  readonly owner: number;
  readonly request: NetlinkRequest;
  readonly onMessage: OnMessage | undefined;
}

/** Requests to one namespace. */
export class Batch {
  readonly target: Target;
  readonly #entries: Entry[] = [];

  constructor(target: Target) {
    this.target = target;
  }

  /** Adds a request of the Operation with that place. */
  add(owner: number, request: NetlinkRequest, onMessage?: OnMessage): void {
    this.#entries.push({ owner, request, onMessage });
  }

  /** Sends everything; tells `onRefusal` of each request that was refused, with its Operation's place. */
  send(onRefusal: (owner: number, refusal: Refusal) => void): void {
    if (this.#entries.length === 0) return;
    const verdicts = this.target.socket.transact(
      this.#entries.map(({ request }) => request),
      (index, message) => this.#entries[index]?.onMessage?.(message),
    );
    for (const [index, refusal] of verdicts.entries()) {
      const entry = this.#entries[index];
      if (refusal !== undefined && entry !== undefined) onRefusal(entry.owner, refusal);
    }
  }
}
