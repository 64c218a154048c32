/** The parts that vethd is made of, without vethd (stack-server.ts), in a process of their own as the daemon is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DockerClient } from '../harness/docker-client.ts';
import { type BenchNetwork, type Contender, type Entry, type Member, namedTargets } from './contender.ts';

class Stack implements Contender {
  readonly name = 'stack';
  readonly inspect = undefined;
  readonly list = undefined;
  readonly addTarget = namedTargets.addTarget;
  readonly removeTarget = namedTargets.removeTarget;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #client: DockerClient;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'vethd-stack-'));
    const socketPath = join(this.#folder, 'stack.sock');
    const program = join(import.meta.dirname, 'stack-server.ts');
    this.#process = spawn(process.execPath, ['--import', 'tsx', program, socketPath, this.#folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#client = new DockerClient(socketPath);
  }

  /** Rejects when the program ends before it answers. */
  async ready(): Promise<void> {
    const { stdout } = this.#process;
    if (stdout === null) throw new Error('the program has no stdout');
    const ended = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`the program of the stack ended with ${String(code)}`);
    });
    await Promise.race([once(stdout, 'data'), ended]);
  }

  async createNetwork(network: BenchNetwork): Promise<void> {
    await this.#client.call('POST', '/create', { network });
  }

  async connect(network: BenchNetwork, member: Member): Promise<void> {
    await this.#client.call('POST', '/connect', { network, member });
  }

  async disconnect(network: BenchNetwork, member: Member): Promise<void> {
    await this.#client.call('POST', '/disconnect', { network, member });
  }

  async removeNetwork(network: BenchNetwork): Promise<void> {
    await this.#client.call('POST', '/remove', { network });
  }

  async settle(): Promise<void> {
    await this.#client.call('GET', '/settle');
  }

  async close(): Promise<void> {
    this.#client.close();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit');
      this.#process.kill();
      await exited;
    }
    rmSync(this.#folder, { recursive: true });
  }
}

/** The stack. */
export const stack: Entry = {
  name: 'stack',
  missing: () => undefined,
  open: async () => {
    const contender = new Stack();
    try {
      await contender.ready();
    } catch (error) {
      await contender.close();
      throw error;
    }
    return contender;
  },
};
