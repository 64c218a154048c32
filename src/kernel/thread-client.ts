/** The daemon's side of the kernel thread: posts calls, hands out the answers. */
import { setTimeout } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { VethdError } from '../errors.ts';
import type { KernelChange } from './contract.ts';
import { trimHeap } from './libc.ts';
import { COLLECTIONS, collectGarbage, QuietTime, SWEEP_MS } from './memory.ts';
import type { StartedThread } from './thread.ts';
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
export class ThreadClient {
  /** What it was started with. */
  readonly options: ThreadOptions;
  /** Told when the thread ends unasked; until somebody is there to be told, the error is thrown where nobody catches it. */
  onFatal: (error: Error) => void = throwUncaught;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #calls: Call[] = [];
  #end: 'none' | 'asked' | 'ended' = 'none';
  readonly #started: Promise<Posted>;
  #start: (ready: Posted) => void = () => undefined;
  // Where the thread ends meanwhile, others are told.
  readonly #quiet = new QuietTime(() => void this.#giveBackMemory().catch(() => undefined));
  #listener: (change: KernelChange) => void = () => undefined;

  constructor({ worker, options, takeEarly }: StartedThread) {
    this.options = options;
    this.#worker = worker;
    this.#started = new Promise((resolve) => {
      this.#start = resolve;
    });
    for (const message of takeEarly()) this.#receive(message);
    this.#worker.on('message', (message: Posted) => this.#receive(message));
    this.#worker.on('error', (error) => this.#die(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', (code) => this.#die(new Error(`the kernel thread ended with code ${code}`)));
  }

  /** The thread's first message. */
  started(): Promise<Posted> {
    return this.#started;
  }

  call<Name extends CallName>(name: Name, ...args: Parameters<ThreadCalls[Name]>): Promise<ResultOf<Name>> {
    if (this.#end !== 'none') return Promise.reject(ended());
    this.#quiet.note();
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (result) => resolve(resultOf<Name>(result)), reject });
      const isFirst = this.#calls.push(callOf(id, name, args)) === 1;
      // What is looked at is often looked at for a transaction, which goes on in this turn.
      if (name === 'observe') this.#post();
      else if (isFirst) queueMicrotask(() => this.#post());
    });
  }

  /** A call without an answer, posted at once: the turn may last. Harmless when the thread has ended. */
  prepare(...args: Parameters<ThreadCalls['prepare']>): void {
    if (this.#end !== 'none') return;
    this.#calls.push(callOf(++this.#lastId, 'prepare', args));
    this.#post();
  }

  /** What is called in one turn goes in one message: to wake the other thread costs more than to say more. */
  #post(): void {
    if (this.#calls.length === 0) return;
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
    this.#quiet.stop();
    const closed = this.call('close');
    this.#end = 'asked';
    await closed;
    await exited;
  }

  /** Of both threads: their heaps, and what malloc holds for both. */
  async #giveBackMemory(): Promise<void> {
    for (let times = 0; times < COLLECTIONS && this.#end === 'none'; times++) {
      await this.call('collectGarbage');
      collectGarbage();
    }
    await setTimeout(SWEEP_MS, undefined, { ref: false });
    trimHeap();
  }

  #receive(message: Posted): void {
    switch (message.type) {
      case 'ready':
      case 'failed':
        this.#end = message.type === 'failed' ? 'asked' : this.#end;
        this.#start(message);
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
    if (!asked) this.onFatal(error);
  }
}

function ended(): VethdError {
  return new VethdError('unavailable', 'the kernel thread has ended');
}
