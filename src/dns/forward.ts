/** Questions about names that are not ours, passed on to the host's resolvers, a bounded number at a time. */
import type { Address } from '../model/address.ts';
import { encodeAnswer, fitReply, type Query, RCODE, rcodeOf, type Transport } from './message.ts';
import { type Asked, askUpstream } from './upstream.ts';

/** Bounds of forwarding. */
export interface ForwardLimits {
  /** How long each server may take. */
  readonly timeoutMs: number;
  /** Questions on their way, in all and of one container; beyond them the answer is SERVFAIL. */
  readonly maxInFlight: number;
  readonly maxInFlightEach: number;
}

/** Passes questions on. */
export interface Forwarder {
  /** The bytes to send back: an upstream's reply, or SERVFAIL when there is none. Never rejects. */
  forward(containerId: string, asked: Asked, transport: Transport): Promise<Uint8Array>;
}

function servfail(query: Query, transport: Transport): Uint8Array {
  return encodeAnswer(query, RCODE.SERVFAIL, [], transport);
}

/** SERVFAIL and REFUSED may be that server's trouble alone: the next one is asked (as Docker and glibc). */
function isFinal(reply: Uint8Array): boolean {
  const rcode = rcodeOf(reply);
  return rcode !== RCODE.SERVFAIL && rcode !== RCODE.REFUSED;
}

/** A forwarder to `upstreams`, which is asked for the list at each question, because it changes. */
export function createForwarder(
  upstreams: () => readonly Address[],
  port: number,
  limits: ForwardLimits,
): Forwarder {
  const inFlight = new Map<string, number>();
  let total = 0;

  function enter(containerId: string): boolean {
    const own = inFlight.get(containerId) ?? 0;
    if (total >= limits.maxInFlight || own >= limits.maxInFlightEach) return false;
    total++;
    inFlight.set(containerId, own + 1);
    return true;
  }

  function leave(containerId: string): void {
    const own = inFlight.get(containerId) ?? 0;
    total--;
    if (own > 1) inFlight.set(containerId, own - 1);
    else inFlight.delete(containerId);
  }

  async function askInTurn(asked: Asked, transport: Transport): Promise<Uint8Array> {
    for (const address of upstreams()) {
      const reply = await askUpstream({ address, port, timeoutMs: limits.timeoutMs }, asked, transport);
      if (reply !== undefined && isFinal(reply)) return fitReply(reply, asked.query, transport);
    }
    return servfail(asked.query, transport);
  }

  return {
    forward: async (containerId, asked, transport) => {
      if (!enter(containerId)) return servfail(asked.query, transport);
      try {
        return await askInTurn(asked, transport);
      } catch {
        return servfail(asked.query, transport);
      } finally {
        leave(containerId);
      }
    },
  };
}
