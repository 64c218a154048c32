/** A thread inside a namespace of the throwaway host that sends, answers and listens there. */
import { Worker } from 'node:worker_threads';
import type { Poured } from './net-streams.ts';

/** A question to a server of another agent. */
export interface Question {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly address: string;
  /** 0 for icmp. */
  readonly port: number;
  readonly timeoutMs: number;
}

/** What an agent can do. */
export interface AgentCalls {
  /** Answers on these ports, TCP and UDP, both families. */
  serve(ports: readonly number[]): Promise<void>;
  /** What the server saw as the client's address, `''` for icmp; undefined without an answer. */
  ask(question: Question): Promise<string | undefined>;
  /** Sends back on TCP what comes in. */
  serveEcho(port: number): Promise<void>;
  /** Talks to an echo server for that long; whether every byte came back. */
  exchange(talk: {
    readonly address: string;
    readonly port: number;
    readonly durationMs: number;
  }): Promise<boolean>;
  /** Opens the packet socket: `heardFrames` tells what passes from now on. */
  listen(): Promise<void>;
  sendFrame(ifindex: number, hex: string): Promise<void>;
  /** Frames, as hex, since the last call. */
  heardFrames(): Promise<readonly string[]>;
  /** Sends the bytes, given as hex, over TCP and ends its side; how many bytes came back until the other ended, too. */
  say(address: string, port: number, hex: string): Promise<number>;
  /** Takes whatever comes at the port over TCP. */
  sink(port: number): Promise<void>;
  /** Sends to a sink without end; resolves when the connection is there. One at a time. */
  pour(address: string, port: number): Promise<void>;
  /** IPv4 addresses by the resolver at 127.0.0.11, asked once; in their place the code of an error (`ENOTFOUND`). */
  resolve(name: string): Promise<readonly string[]>;
  /** Ends what `pour` began. */
  stopPouring(): Promise<Poured>;
}

/** A call as it is posted. */
export type AgentCall = {
  readonly [Name in keyof AgentCalls]: {
    readonly id: number;
    readonly name: Name;
    readonly args: Parameters<AgentCalls[Name]>;
  };
}[keyof AgentCalls];

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** One agent. Close it: it keeps its namespace alive. */
export class Agent implements AgentCalls {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 1;
  #failure: unknown;

  /** `netns`: a name under /run/netns; undefined for the host. */
  constructor(netns?: string) {
    const path = netns === undefined ? '/proc/self/ns/net' : `/run/netns/${netns}`;
    const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
    const url = JSON.stringify(new URL('./net-agent.ts', import.meta.url).href);
    // As in src/kernel/thread.ts: a worker of Node 20 does not load TypeScript by itself.
    this.#worker = new Worker(`import(${tsx}).then((tsx) => { tsx.register(); return import(${url}); });`, {
      eval: true,
      execArgv: [],
      workerData: { path },
    });
    this.#worker.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    this.#worker.on('error', (error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure = error;
    for (const [id, tell] of this.#waiting) tell({ id, error: String(error) });
  }

  #call<Result>(name: AgentCall['name'], args: readonly unknown[]): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (answer) => {
        if (answer.error === undefined) resolve(answer.result as Result);
        else reject(new Error(`${name}: ${answer.error}`));
      });
      this.#worker.postMessage({ id, name, args });
    });
  }

  serve(ports: readonly number[]): Promise<void> {
    return this.#call('serve', [ports]);
  }

  ask(question: Question): Promise<string | undefined> {
    return this.#call('ask', [question]);
  }

  serveEcho(port: number): Promise<void> {
    return this.#call('serveEcho', [port]);
  }

  exchange(talk: Parameters<AgentCalls['exchange']>[0]): Promise<boolean> {
    return this.#call('exchange', [talk]);
  }

  listen(): Promise<void> {
    return this.#call('listen', []);
  }

  sendFrame(ifindex: number, hex: string): Promise<void> {
    return this.#call('sendFrame', [ifindex, hex]);
  }

  heardFrames(): Promise<readonly string[]> {
    return this.#call('heardFrames', []);
  }

  say(address: string, port: number, hex: string): Promise<number> {
    return this.#call('say', [address, port, hex]);
  }

  sink(port: number): Promise<void> {
    return this.#call('sink', [port]);
  }

  pour(address: string, port: number): Promise<void> {
    return this.#call('pour', [address, port]);
  }

  resolve(name: string): Promise<readonly string[]> {
    return this.#call('resolve', [name]);
  }

  stopPouring(): Promise<Poured> {
    return this.#call('stopPouring', []);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
