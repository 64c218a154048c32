/** DNS over TCP for one container: connections, framing, limits. What to answer is the caller's. */
import { createServer, type Server, type Socket } from 'node:net';
import { createUnframer, frame } from './framing.ts';

/** Gives the answer's bytes; undefined for none. Never rejects. */
export type Respond = (packet: Uint8Array) => Promise<Uint8Array | undefined>;

/** Bounds of TCP. */
export interface TcpLimits {
  /** A connection on which nothing happens is closed. */
  readonly idleTimeoutMs: number;
  /** Connections of one container at a time; further ones are closed at once. */
  readonly maxClients: number;
  /** Answers that a client does not read: above this it is cut off. */
  readonly maxUnreadBytes: number;
}

function serveClient(socket: Socket, respond: Respond, limits: TcpLimits): void {
  const unframe = createUnframer();
  let pending = 0;
  let ended = false;

  async function reply(message: Uint8Array): Promise<void> {
    pending++;
    const bytes = await respond(message);
    pending--;
    if (bytes !== undefined && socket.writable) socket.write(frame(bytes));
    if (socket.writableLength > limits.maxUnreadBytes) socket.destroy();
    else if (ended && pending === 0) socket.end();
  }

  socket.setTimeout(limits.idleTimeoutMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    for (const message of unframe(chunk)) void reply(message);
  });
  // A client may end its side after the question; it still waits for the answers.
  socket.on('end', () => {
    ended = true;
    if (pending === 0) socket.end();
  });
}

/** A server of DNS over TCP, not yet listening, and its open connections. */
export function createTcpServer(
  respond: Respond,
  limits: TcpLimits,
): { readonly server: Server; readonly clients: ReadonlySet<Socket> } {
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    serveClient(socket, respond, limits);
  });
  server.maxConnections = limits.maxClients;
  return { server, clients };
}
