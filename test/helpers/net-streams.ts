/** TCP transfers of which both ends count and hash every byte; run by the thread of `net-agent.ts`. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What went through: as the sender counted it, and as the receiver did. */
export interface Poured {
  readonly sent: string;
  readonly received: string;
}

/** 16 MB/s at most: enough to be under way at any moment, little enough for a busy machine. */
const CHUNK_BYTES = 32 * 1024;
const PAUSE_MS = 2;

class Tally {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  get text(): string {
    return `${this.#bytes} bytes ${this.#hash.digest('hex')}`;
  }
}

/** Takes whatever comes at the port and answers, at its end, how much and what it was. */
export function sink(port: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const tally = new Tally();
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => tally.add(chunk));
    socket.on('end', () => socket.end(tally.text));
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '::', resolve);
  });
}

let running: { stop: boolean; readonly done: Promise<Poured> } | undefined;

async function pourInto(socket: Socket, state: { stop: boolean }): Promise<Poured> {
  const tally = new Tally();
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString();
  });
  while (!state.stop) {
    const chunk = randomBytes(CHUNK_BYTES);
    tally.add(chunk);
    if (!socket.write(chunk)) await once(socket, 'drain');
    await sleep(PAUSE_MS);
  }
  const ended = once(socket, 'end');
  socket.end();
  await ended;
  socket.destroy();
  return { sent: tally.text, received };
}

/** Connects and sends without end; resolves when it has begun. One at a time. */
export async function pour(address: string, port: number): Promise<void> {
  const socket = new Socket();
  socket.connect(port, address);
  await once(socket, 'connect');
  const state = { stop: false };
  const done = pourInto(socket, state);
  // Told by stopPouring; without this a failure meanwhile would end the thread.
  done.catch(() => undefined);
  running = Object.assign(state, { done });
}

/** Ends the transfer and tells how it went. */
export function stopPouring(): Promise<Poured> {
  if (running === undefined) throw new Error('nothing is being sent');
  running.stop = true;
  return running.done;
}

/** Sends the bytes and ends its side; how many came back until the other side ended, or reset the connection. */
export async function say(address: string, port: number, hex: string): Promise<number> {
  const socket = new Socket();
  let heard = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    heard += chunk.length;
  });
  const closed = once(socket, 'close');
  socket.connect(port, address);
  socket.end(Buffer.from(hex, 'hex'));
  await closed;
  return heard;
}
