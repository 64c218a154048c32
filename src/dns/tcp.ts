/** DNS over TCP for one container: connections, framing, limits. What to answer is the caller's. */
import { createServer, type Server, type Socket } from 'node:net';
import { createUnframer, frame } from './framing.ts';

/** Gives the answer's bytes; undefined for none. Never rejects. */
export type Respond = (packet: Uint8Array) => Promise<Uint8Array | undefined>;

/** Bounds of TCP. */
export interface TcpLimits {
  /** A connection on which nothing happens is closed. */
  readonly idleTimeoutMs: number;
  /** Connections of one container at a time, and of all; further ones are closed at once. */
  readonly maxClientsEach: number;
  readonly maxClients: number;
  /** Answers that a client does not read: above this it is cut off. */
  readonly maxUnreadBytes: number;
  /** Questions of one container that are answered before others have their turn. */
  readonly questionsPerTurn: number;
}

/** Begins the next of a client's questions that have come; false when there is none left to begin. */
type BeginNext = () => boolean;

/**
 * Begins the questions of all clients in turns of the event loop, a handful each, one client after the other: a chunk
 * holds thousands of them, and answered at one go they kept everybody else waiting (measured: an API that did not
 * answer for the 12 s that one member asked).
 */
function createTurns(questionsPerTurn: number): (beginNext: BeginNext) => void {
  const queue: BeginNext[] = [];

  function turn(): void {
    for (let left = questionsPerTurn; left > 0; left--) {
      const beginNext = queue.shift();
      if (beginNext === undefined) return;
      if (beginNext()) queue.push(beginNext);
    }
    if (queue.length > 0) setImmediate(turn);
  }

  return (beginNext) => {
    queue.push(beginNext);
    if (queue.length === 1) setImmediate(turn);
  };
}

function serveClient(
  socket: Socket,
  respond: Respond,
  limits: TcpLimits,
  takeTurns: (beginNext: BeginNext) => void,
): void {
  const unframe = createUnframer();
  /** Chunks whose questions are not all begun, and questions that are not answered. */
  let unfinished = 0;
  let ended = false;

  function endIfFinished(): void {
    if (ended && unfinished === 0) socket.end();
  }

  async function reply(message: Uint8Array): Promise<void> {
    unfinished++;
    const bytes = await respond(message);
    unfinished--;
    if (bytes !== undefined && socket.writable) socket.write(frame(bytes));
    if (socket.writableLength > limits.maxUnreadBytes) socket.destroy();
    else endIfFinished();
  }

  // Who does not read what he asked for need not ask for more.
  function readOn(): void {
    unfinished--;
    endIfFinished();
    if (socket.writableNeedDrain) socket.once('drain', () => socket.resume());
    else socket.resume();
  }

  socket.setTimeout(limits.idleTimeoutMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    socket.pause();
    unfinished++;
    const questions = unframe(chunk);
    takeTurns(() => {
      if (socket.destroyed) return false;
      const { done, value } = questions.next();
      if (done === true) readOn();
      else void reply(value);
      return done !== true;
    });
  });
  // A client may end its side after the question; it still waits for the answers.
  socket.on('end', () => {
    ended = true;
    endIfFinished();
  });
}

/** Connections of all containers together, as their servers count them. */
export interface ClientCount {
  open: number;
}

/** A server of DNS over TCP, not yet listening, and its open connections, which `count` holds with those of others. */
export function createTcpServer(
  respond: Respond,
  limits: TcpLimits,
  count: ClientCount,
): { readonly server: Server; readonly clients: ReadonlySet<Socket> } {
  const clients = new Set<Socket>();
  const takeTurns = createTurns(limits.questionsPerTurn);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (count.open >= limits.maxClients) {
      socket.destroy();
      return;
    }
    count.open++;
    clients.add(socket);
    socket.on('close', () => {
      count.open--;
      clients.delete(socket);
    });
    serveClient(socket, respond, limits, takeTurns);
  });
  server.maxConnections = limits.maxClientsEach;
  return { server, clients };
}
