/**
 * The seam to the kernel. Behind it one thread speaks rtnetlink and enters namespaces; this side, in the
 * daemon's thread, only posts calls and receives answers. It never changes namespace.
 */
import type { Worker } from 'node:worker_threads';
import { VethdError } from '../errors.ts';
import { overlaps } from '../model/address.ts';
import type { Capability, Kernel, KernelChange } from './contract.ts';
import { hostOnLinkRoutes } from './host-routes.ts';
import { Namespaces } from './netns.ts';
import { startProgram } from './program.ts';
import { startThread } from './thread.ts';
import {
  type Answer,
  type Call,
  type CallName,
  callOf,
  fromWire,
  type Posted,
  type ResultOf,
  resultOf,
  type ThreadCalls,
  type ThreadOptions,
} from './wire.ts';

/** Folders whose namespaces may be named by path: iproute2's, Docker's, and those of processes. */
const ALLOWED_PATHS: readonly string[] = ['/run/netns', '/var/run/netns', '/run/docker/netns', '/proc'];

/** Where namespaces are found, and whom to tell of the end. */
export interface KernelOptions {
  /** The folder of named namespaces; /run/netns. */
  readonly netnsDir?: string;
  /** Folders from which namespaces may be named by path; `/proc` stands for /proc/PID/ns/net. */
  readonly allowedPaths?: readonly string[];
  /**
   * The kernel thread has ended unasked: no call will succeed any more, and the process should end. Without
   * it the error is thrown where nobody catches it.
   */
  readonly onFatal?: (error: Error) => void;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

function throwUncaught(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

/** The other thread, as one function: `call`. */
class Thread {
  readonly #worker: Worker;
  readonly #onFatal: (error: Error) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #calls: Call[] = [];
  #end: 'none' | 'asked' | 'ended' = 'none';
  #start: ((ready: Posted) => void) | undefined;
  #listener: (change: KernelChange) => void = () => undefined;

  constructor(options: ThreadOptions, onFatal: (error: Error) => void) {
    this.#onFatal = onFatal;
    this.#worker = startThread('worker', options);
    this.#worker.on('message', (message: Posted) => this.#receive(message));
    this.#worker.on('error', (error) => this.#die(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', (code) => this.#die(new Error(`the kernel thread ended with code ${code}`)));
  }

  /** The thread's first message. */
  started(): Promise<Posted> {
    return new Promise((resolve) => {
      this.#start = resolve;
    });
  }

  call<Name extends CallName>(name: Name, ...args: Parameters<ThreadCalls[Name]>): Promise<ResultOf<Name>> {
    if (this.#end !== 'none') return Promise.reject(ended());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (result) => resolve(resultOf<Name>(result)), reject });
      if (this.#calls.push(callOf(id, name, args)) === 1) queueMicrotask(() => this.#post());
    });
  }

  /** What is called in one turn goes in one message: to wake the other thread costs more than to say more. */
  #post(): void {
    const calls = this.#calls;
    this.#calls = [];
    this.#worker.postMessage(calls);
  }

  listen(listener: (change: KernelChange) => void): void {
    this.#listener = listener;
  }

  /** Resolves when the thread is gone. Harmless when it is gone already. */
  async close(): Promise<void> {
    if (this.#end !== 'none') return;
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    const closed = this.call('close');
    this.#end = 'asked';
    await closed;
    await exited;
  }

  #receive(message: Posted): void {
    switch (message.type) {
      case 'ready':
      case 'failed':
        this.#end = message.type === 'failed' ? 'asked' : this.#end;
        this.#start?.(message);
        break;
      case 'answers':
        for (const answer of message.answers) this.#settle(answer);
        break;
      case 'changes':
        for (const change of message.changes) this.#listener(change);
    }
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('error' in answer) pending?.reject(fromWire(answer.error));
    else pending?.resolve(answer.result);
  }

  #die(error: Error): void {
    if (this.#end === 'ended') return;
    const asked = this.#end === 'asked';
    this.#end = 'ended';
    for (const { reject } of this.#pending.values()) reject(ended());
    this.#pending.clear();
    if (!asked) this.#onFatal(error);
  }
}

function ended(): VethdError {
  return new VethdError('unavailable', 'the kernel thread has ended');
}

function startError(error: VethdError): VethdError {
  if (error.errno !== 'EPERM' && error.errno !== 'EACCES') return error;
  const message = `no right to change the network (${error.message}): want root, or CAP_NET_ADMIN and CAP_SYS_ADMIN`;
  return new VethdError('unavailable', message, { cause: error, errno: error.errno });
}

/**
 * Starts the kernel thread in the namespace of the calling process, which from then on is "the host's". Throws
 * unavailable where the kernel refuses the first socket, for want of CAP_NET_ADMIN for instance.
 */
export async function openKernel(options: KernelOptions = {}): Promise<Kernel> {
  const { netnsDir = '/run/netns', allowedPaths = ALLOWED_PATHS, onFatal = throwUncaught } = options;
  const namespaces = new Namespaces({ netnsDir, allowedPaths });
  const thread = new Thread({ netnsDir, allowedPaths }, onFatal);
  const ready = await thread.started();
  if (ready.type === 'failed') throw startError(fromWire(ready.error));
  if (ready.type !== 'ready') throw new Error(`the kernel thread began with ${ready.type}`);
  return {
    bootId: ready.bootId,
    hostIdentity: ready.hostIdentity,
    probeNetns: (ref) => thread.call('probeNetns', ref),
    lookAtNetns: (ref) => namespaces.probe(ref),
    visitNetns: (ref) => thread.call('visitNetns', ref),
    listNetnsNames: () => thread.call('listNetnsNames'),
    bindNetns: (ref, identity, name) => thread.call('bindNetns', ref, identity, name),
    nsidOf: (ref) => thread.call('nsidOf', ref),
    findProcess: (nsid) => thread.call('findProcess', nsid),
    listOnLinkPrefixes: async (families) => [
      ...(families.includes('ipv4') ? hostOnLinkRoutes().map(({ destination }) => destination) : []),
      ...(families.includes('ipv6') ? await thread.call('listOnLinkPrefixes') : []),
    ],
    findOnLinkRoutes: async (prefixes) => [
      ...hostOnLinkRoutes().filter(({ destination }) => prefixes.some((one) => overlaps(one, destination))),
      ...(prefixes.some(({ address }) => address.family === 'ipv6')
        ? await thread.call('findOnLinkRoutes', prefixes)
        : []),
    ],
    observe: (request) => thread.call('observe', request),
    apply: (request) => thread.call('apply', request),
    reap: () => thread.call('reap'),
    watch: (listener) => {
      thread.listen(listener);
      return thread.call('watch');
    },
    watchProcess: (pid) => thread.call('watchProcess', pid),
    openDnsSockets: (ref, identity) => thread.call('openDnsSockets', ref, identity),
    startProgram: async (ref, identity, spec) =>
      startProgram(await thread.call('openNetns', ref, identity), spec),
    close: async () => {
      await thread.close();
      namespaces.close();
    },
  };
}

/** Tries in a scratch namespace what the kernel can do; changes nothing outside it. */
export function probeCapabilities(): Promise<readonly Capability[]> {
  return new Promise((resolve, reject) => {
    const worker = startThread('capabilities', undefined);
    worker.once('message', (capabilities: readonly Capability[]) => resolve(capabilities));
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the probing thread ended without an answer')));
  });
}
