/**
 * The thread behind `agent.ts`: lives in one network namespace, answers there on TCP and UDP, and asks from there.
 * A server answers with the address that it sees as the client's.
 */
import { spawn } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { closeSync, openSync } from 'node:fs';
import { createServer, isIPv6, Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import type { AgentCall, AgentCalls } from './agent.ts';
import { pour, say, sink, stopPouring } from './net-streams.ts';

const libc = koffi.load('libc.so.6');
const setns: (fd: number, type: number) => number = libc.func('int setns(int fd, int type)');
const openRaw: (domain: number, type: number, protocol: number) => number = libc.func(
  'int socket(int domain, int type, int protocol)',
);
const sendto: (fd: number, bytes: Buffer, size: number, flags: number, to: Buffer, toSize: number) => number =
  libc.func('long sendto(int fd, void *bytes, size_t size, int flags, void *to, uint toSize)');
const recv: (fd: number, bytes: Buffer, size: number, flags: number) => number = libc.func(
  'long recv(int fd, void *bytes, size_t size, int flags)',
);

const CLONE_NEWNET = 0x40000000;
const AF_PACKET = 17;
const SOCK_RAW = 3;
/** linux/if_ether.h: ETH_P_ALL, in network order. */
const ALL_PROTOCOLS = 0x0300;
const MSG_DONTWAIT = 0x40;
const RETRY_MS = 100;

function enter(path: string): void {
  const fd = openSync(path, 'r');
  try {
    if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`setns ${path}: errno ${koffi.errno()}`);
  } finally {
    closeSync(fd);
  }
}

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}

function serveTcp(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(plain(socket.remoteAddress));
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '::', resolve);
  });
}

function serveUdp(port: number): Promise<void> {
  const socket = createSocket('udp6');
  socket.on('message', (_, from) => socket.send(plain(from.address), from.port, from.address));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.bind(port, '::', resolve);
  });
}

async function serve(ports: readonly number[]): Promise<void> {
  await Promise.all(ports.flatMap((port) => [serveTcp(port), serveUdp(port)]));
}

function serveEcho(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '::', resolve);
  });
}

const PIECE = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 251));

/** Sends pieces for that long, one after the echo of the other; whether every byte came back as it went. */
function exchange(address: string, port: number, durationMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new Socket();
    const end = performance.now() + durationMs;
    let heard = Buffer.alloc(0);
    const done = (isWhole: boolean): void => {
      socket.destroy();
      resolve(isWhole);
    };
    socket.setTimeout(10_000, () => done(false));
    socket.on('error', () => done(false));
    socket.on('data', (data) => {
      heard = Buffer.concat([heard, data]);
      if (heard.length < PIECE.length) return;
      if (!heard.equals(PIECE) || performance.now() > end) return done(heard.equals(PIECE));
      heard = Buffer.alloc(0);
      socket.write(PIECE);
    });
    socket.connect(port, address, () => socket.write(PIECE));
  });
}

function askTcp(address: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = new Socket();
    let heard = '';
    const done = (answer: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => done(undefined), timeoutMs);
    socket.on('data', (data) => {
      heard += data.toString();
    });
    socket.on('end', () => done(heard));
    socket.on('error', () => done(undefined));
    socket.connect(port, address);
  });
}

function askUdp(address: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket: UdpSocket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const send = (): void => socket.send('?', port, address);
    const repeat = setInterval(send, RETRY_MS);
    const done = (answer: string | undefined): void => {
      clearTimeout(timer);
      clearInterval(repeat);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done(undefined), timeoutMs);
    // A refusal (ICMP) is no answer, but the port may open until the next try.
    socket.on('error', () => undefined);
    socket.once('message', (data) => done(data.toString()));
    send();
  });
}

function askIcmp(address: string, timeoutMs: number): Promise<string | undefined> {
  const args = ['-n', '-q', '-i', '0.2', '-c', '1', '-w', `${Math.ceil(timeoutMs / 1000)}`, address];
  return new Promise((resolve) => {
    const child = spawn('ping', args, { stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? '' : undefined);
    });
  });
}

// Made when it is first asked: its sockets belong in the namespace that the thread has entered.
let resolver: Resolver | undefined;

async function resolve(name: string): Promise<string[]> {
  resolver ??= new Resolver({ timeout: 10_000, tries: 1 });
  resolver.setServers(['127.0.0.11']);
  try {
    return await resolver.resolve4(name);
  } catch (error) {
    return [error instanceof Error && 'code' in error ? String(error.code) : String(error)];
  }
}

let packets: number | undefined;

function packetSocket(): number {
  packets ??= openRaw(AF_PACKET, SOCK_RAW, ALL_PROTOCOLS);
  return packets;
}

/** linux/if_packet.h: struct sockaddr_ll. */
function linkAddress(ifindex: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeInt32LE(ifindex, 4);
  return address;
}

function sendFrame(ifindex: number, hex: string): void {
  const frame = Buffer.from(hex, 'hex');
  const to = linkAddress(ifindex);
  const sent = sendto(packetSocket(), frame, frame.length, 0, to, to.length);
  if (sent !== frame.length) throw new Error(`sendto: errno ${koffi.errno()}`);
}

/** All frames that came or went since the last call, or since `listen`. */
function heardFrames(): string[] {
  const frames: string[] = [];
  const bytes = Buffer.alloc(65536);
  for (;;) {
    const length = recv(packetSocket(), bytes, bytes.length, MSG_DONTWAIT);
    if (length < 0) return frames;
    frames.push(bytes.toString('hex', 0, length));
  }
}

const calls: AgentCalls = {
  serve,
  ask: ({ protocol, address, port, timeoutMs }) => {
    if (protocol === 'icmp') return askIcmp(address, timeoutMs);
    return protocol === 'tcp' ? askTcp(address, port, timeoutMs) : askUdp(address, port, timeoutMs);
  },
  serveEcho,
  exchange: ({ address, port, durationMs }) => exchange(address, port, durationMs),
  listen: async () => {
    packetSocket();
  },
  sendFrame: async (ifindex, hex) => sendFrame(ifindex, hex),
  heardFrames: async () => heardFrames(),
  say,
  sink,
  resolve,
  pour,
  stopPouring,
};

async function answer(call: AgentCall): Promise<unknown> {
  switch (call.name) {
    case 'serve':
      return calls.serve(...call.args);
    case 'ask':
      return calls.ask(...call.args);
    case 'serveEcho':
      return calls.serveEcho(...call.args);
    case 'exchange':
      return calls.exchange(...call.args);
    case 'listen':
      return calls.listen();
    case 'sendFrame':
      return calls.sendFrame(...call.args);
    case 'heardFrames':
      return calls.heardFrames();
    case 'say':
      return calls.say(...call.args);
    case 'sink':
      return calls.sink(...call.args);
    case 'resolve':
      return calls.resolve(...call.args);
    case 'pour':
      return calls.pour(...call.args);
    case 'stopPouring':
      return calls.stopPouring();
  }
}

enter(workerData.path);
parentPort?.on('message', (call: AgentCall) => {
  answer(call).then(
    (result) => parentPort?.postMessage({ id: call.id, result }),
    (error: unknown) => parentPort?.postMessage({ id: call.id, error: String(error) }),
  );
});
