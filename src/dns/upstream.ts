/**
 * One question put to one upstream server, from the namespace of the daemon: over UDP with an id and a port
 * of its own, both random, or over TCP. Gives undefined for every failure; never throws, never hangs.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type Address, formatAddress } from '../model/address.ts';
import { createUnframer, frame } from './framing.ts';
import { isReplyTo, type Query, type Transport, withId } from './message.ts';

/** A server and how long it may take. */
export interface Upstream {
  readonly address: Address;
  readonly port: number;
  readonly timeoutMs: number;
}

/** A query as it came and as it was read. */
export interface Asked {
  readonly packet: Uint8Array;
  readonly query: Query;
}

type Settle = (reply: Uint8Array | undefined) => void;

/** A socket per question: the kernel draws the port, and takes datagrams of that server alone. */
function askUdp(upstream: Upstream, asked: Asked, id: number, settle: Settle): () => void {
  const socket = createSocket(upstream.address.family === 'ipv4' ? 'udp4' : 'udp6');
  let closed = false;
  socket.on('error', () => settle(undefined));
  socket.on('message', (reply) => {
    if (isReplyTo(reply, asked.query, id)) settle(reply);
  });
  socket.on('connect', () => {
    if (!closed) socket.send(withId(asked.packet, id));
  });
  socket.connect(upstream.port, formatAddress(upstream.address));
  return () => {
    closed = true;
    socket.close();
  };
}

function askTcp(upstream: Upstream, asked: Asked, id: number, settle: Settle): () => void {
  const socket = connect(upstream.port, formatAddress(upstream.address));
  const unframe = createUnframer();
  socket.on('error', () => settle(undefined));
  socket.on('close', () => settle(undefined));
  socket.on('data', (chunk) => {
    const reply = [...unframe(chunk)].find((message) => isReplyTo(message, asked.query, id));
    if (reply !== undefined) settle(reply);
  });
  socket.write(frame(withId(asked.packet, id)));
  return () => socket.destroy();
}

/** Asks; gives the reply under the client's id, or undefined when none came in time. */
export function askUpstream(
  upstream: Upstream,
  asked: Asked,
  transport: Transport,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const id = randomInt(0x10000);
    let release: (() => void) | undefined;
    let settled = false;
    const settle: Settle = (reply) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      release?.();
      resolve(reply === undefined ? undefined : withId(reply, asked.query.id));
    };
    const timer = setTimeout(() => settle(undefined), upstream.timeoutMs);
    try {
      release = (transport === 'udp' ? askUdp : askTcp)(upstream, asked, id, settle);
    } catch {
      // No descriptors left: the next server will not fare better, but the client gets its SERVFAIL.
      settle(undefined);
    }
  });
}
