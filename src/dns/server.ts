/**
 * The resolver at 127.0.0.11 of every container: sockets that the kernel room opened inside the namespaces,
 * adopted by this thread. One process answers for all of them; who asks is known by the socket. It must never
 * end the daemon, whatever arrives, and never keep a namespace alive: an open socket pins it, so `stop` is to
 * be called when the namespace is about to go or its name has gone.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import type { Address } from '../model/address.ts';
import { answer } from './answer.ts';
import { createForwarder, type ForwardLimits } from './forward.ts';
import type { Transport } from './message.ts';
import { createTcpServer, type TcpLimits } from './tcp.ts';
import { type Zone, type ZoneSource, zoneOf } from './zone.ts';

/** Every bound of the resolver. */
export interface ResolverLimits extends ForwardLimits, TcpLimits {}

/**
 * 2 s a server: glibc gives us 5 s before it asks again, so that two servers fit. 1,024 questions on their
 * way as Docker; a quarter of them for one container, so that one cannot starve the others. A connection may hold
 * 128 KiB of questions and 256 KiB of answers: all of them together cannot end the daemon for want of memory.
 */
export const RESOLVER_LIMITS: ResolverLimits = Object.freeze({
  timeoutMs: 2_000,
  maxInFlight: 1_024,
  maxInFlightEach: 256,
  idleTimeoutMs: 10_000,
  maxClientsEach: 64,
  maxClients: 1_024,
  maxUnreadBytes: 1 << 18,
  questionsPerTurn: 32,
});

/** What a resolver needs. */
export interface ResolverOptions {
  readonly source: ZoneSource;
  /** The host's nameservers now; asked at each question that is passed on. */
  readonly upstreams: () => readonly Address[];
  /** Port of the upstreams; 53. */
  readonly upstreamPort?: number;
  readonly limits?: ResolverLimits;
  /** Told what became of each question. */
  readonly onQuery?: (outcome: 'reply' | 'forward' | 'ignore') => void;
  /** Told of what went wrong with a container's socket or a read of the source; the question got SERVFAIL. */
  readonly onError?: (containerId: string, error: unknown) => void;
}

/** Bound sockets of one namespace: 127.0.0.11:53 over UDP, and over TCP, listening. */
export interface DnsSockets {
  readonly udpFd: number;
  readonly tcpFd: number;
}

/** The resolver of all containers. */
export interface Resolver {
  /**
   * Answers on these sockets for the container from now on; they are the resolver's to close. Sockets that it
   * had for the container before are closed first. Rejects when a descriptor is no such socket (all closed).
   * Calls for one container must not overlap.
   */
  serve(containerId: string, sockets: DnsSockets): Promise<void>;
  /** Closes sockets that nobody is to be answered on after all. */
  discard(sockets: DnsSockets): void;
  /** Closes the container's sockets and connections; resolves when they are closed. Harmless when none. */
  stop(containerId: string): Promise<void>;
  /** Whether it answers for the container. False again after a socket failed. */
  isServing(containerId: string): boolean;
  /** The containers for which it answers. */
  listServed(): string[];
  /** Stops all. */
  close(): Promise<void>;
}

/** A container's open sockets. */
interface Served {
  readonly udp: UdpSocket;
  readonly tcp: Server;
  readonly clients: ReadonlySet<Socket>;
}

/** Knows nothing and passes nothing on: every good query gives SERVFAIL. */
const NO_ZONE: Zone = { forwards: false, resolve: () => undefined, reverse: () => undefined };

async function closeServed({ udp, tcp, clients }: Served): Promise<void> {
  const udpClosed = new Promise<void>((resolve) => udp.close(resolve));
  const tcpClosed = new Promise<void>((resolve) => tcp.close(() => resolve()));
  for (const client of clients) client.destroy();
  await Promise.all([udpClosed, tcpClosed]);
}

/** A resolver that serves nobody yet. */
export function createResolver(options: ResolverOptions): Resolver {
  const limits = options.limits ?? RESOLVER_LIMITS;
  const onError = options.onError ?? (() => undefined);
  const forwarder = createForwarder(options.upstreams, options.upstreamPort ?? 53, limits);
  const served = new Map<string, Served>();
  const tcpClients = { open: 0 };
  let rotation = 0;

  function verdictOn(containerId: string, packet: Uint8Array, transport: Transport) {
    rotation = (rotation + 1) % 0x10000;
    try {
      return answer(packet, zoneOf(options.source, containerId), transport, rotation);
    } catch (error) {
      onError(containerId, error);
      return answer(packet, NO_ZONE, transport, rotation);
    }
  }

  async function respond(
    containerId: string,
    packet: Uint8Array,
    transport: Transport,
  ): Promise<Uint8Array | undefined> {
    const verdict = verdictOn(containerId, packet, transport);
    options.onQuery?.(verdict.kind);
    if (verdict.kind === 'ignore') return undefined;
    if (verdict.kind === 'reply') return verdict.bytes;
    return await forwarder.forward(containerId, { packet, query: verdict.query }, transport);
  }

  async function respondUdp(
    containerId: string,
    udp: UdpSocket,
    packet: Buffer,
    from: RemoteInfo,
  ): Promise<void> {
    const bytes = await respond(containerId, packet, 'udp');
    // The socket may be closed meanwhile; a client that went away is no failure.
    if (bytes !== undefined && served.get(containerId)?.udp === udp)
      udp.send(bytes, from.port, from.address, () => {});
  }

  async function stop(containerId: string): Promise<void> {
    const sockets = served.get(containerId);
    if (sockets === undefined) return;
    served.delete(containerId);
    await closeServed(sockets);
  }

  function failed(containerId: string, sockets: Served, error: unknown): void {
    onError(containerId, error);
    if (served.get(containerId) === sockets) void stop(containerId);
  }

  function open(containerId: string): Served {
    const udp = createSocket('udp4');
    const respondTcp = (packet: Uint8Array) => respond(containerId, packet, 'tcp');
    const { server, clients } = createTcpServer(respondTcp, limits, tcpClients);
    udp.on('message', (packet, from) => {
      // Whoever can make packets can send from port 0, to which no answer can go: Node throws.
      if (from.port !== 0) void respondUdp(containerId, udp, packet, from);
    });
    return { udp, tcp: server, clients };
  }

  return {
    serve: async (containerId, { udpFd, tcpFd }) => {
      await stop(containerId);
      const sockets = open(containerId);
      // Before the first packet can come: an answer goes out only from a socket that is in the map.
      served.set(containerId, sockets);
      try {
        await adopt(sockets, udpFd, tcpFd);
      } catch (error) {
        served.delete(containerId);
        throw error;
      }
      sockets.udp.on('error', (error) => failed(containerId, sockets, error));
      sockets.tcp.on('error', (error) => failed(containerId, sockets, error));
    },
    discard: ({ udpFd, tcpFd }) => {
      closeQuietly(udpFd);
      closeQuietly(tcpFd);
    },
    stop,
    isServing: (containerId) => served.has(containerId),
    listServed: () => [...served.keys()],
    close: async () => {
      await Promise.all([...served.keys()].map(stop));
    },
  };
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was no descriptor to begin with.
  }
}

/** Makes the descriptors the sockets'; closes both and throws what Node said when one is no such socket. */
async function adopt({ udp, tcp }: Served, udpFd: number, tcpFd: number): Promise<void> {
  try {
    const bound = once(udp, 'listening');
    udp.bind({ fd: udpFd, exclusive: true });
    await bound;
  } catch (error) {
    closeQuietly(udpFd);
    closeQuietly(tcpFd);
    throw error;
  }
  try {
    const listening = once(tcp, 'listening');
    tcp.listen({ fd: tcpFd, exclusive: true });
    await listening;
  } catch (error) {
    udp.close();
    closeQuietly(tcpFd);
    throw error;
  }
}
