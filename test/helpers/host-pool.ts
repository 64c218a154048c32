/**
 * How vitest runs the files of test/kernel and test/e2e: each in a process of its own, in a throwaway host of its own.
 * One vitest for all of them reads and compiles each module once.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { PoolOptions, PoolWorker, WorkerRequest } from 'vitest/node';

/** A file that takes longer hangs: the slowest takes about a minute, the long form of a test some hours at most. */
const DEADLINE_MS = process.env['VETHD_SOAK'] === '1' ? 6 * 3_600_000 : 300_000;

const throwaway = join(import.meta.dirname, '../../scripts/throwaway');

/** What vitest's own pool `forks` does, in another place. */
class HostWorker implements PoolWorker {
  readonly name = 'throwaway-hosts';
  readonly cacheFs = true;
  readonly #command: readonly string[];
  readonly #env: PoolOptions['env'];
  readonly #outputs: readonly [stdout: Writable, stderr: Writable];
  #process: ChildProcess | undefined;
  #files: readonly string[] = [];

  constructor({ distPath, execArgv, env, project }: PoolOptions) {
    const worker = [process.execPath, ...execArgv, join(distPath, 'workers/forks.js')];
    // Where vitest is killed, so is the host.
    this.#command = ['--pdeathsig', 'KILL', throwaway, ...worker];
    this.#env = env;
    const { outputStream, errorStream } = project.vitest.logger;
    this.#outputs = [outputStream, errorStream];
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) return;
    // Messages pass through the scripts by an inherited descriptor (NODE_CHANNEL_FD).
    this.#process = spawn('setpriv', this.#command, {
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    const [stdout, stderr] = this.#outputs;
    this.#process.stdout?.pipe(stdout, { end: false });
    this.#process.stderr?.pipe(stderr, { end: false });
    this.#guard(this.#process);
  }

  /** Ends what hangs. vitest says that a worker ended unexpectedly, but not which. */
  #guard(child: ChildProcess): void {
    const timer = setTimeout(() => {
      this.#outputs[1].write(`no end after ${DEADLINE_MS / 1000} s: ${this.#files.join(', ')}\n`);
      child.kill('SIGKILL');
    }, DEADLINE_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      if (this.#process === child) this.#outputs[1].write(`ended at once: ${this.#files.join(', ')}\n`);
    });
  }

  /** The host dies with its first process, and everything in it. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  on(event: string, callback: (argument: unknown) => void): void {
    this.#running.on(event, callback);
  }

  off(event: string, callback: (argument: unknown) => void): void {
    this.#process?.off(event, callback);
  }

  send(message: WorkerRequest): void {
    if (message.type === 'run') this.#files = message.context.files.map(({ filepath }) => filepath);
    this.#running.send(message);
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  get #running(): ChildProcess {
    if (this.#process === undefined) throw new Error('the throwaway host is not there');
    return this.#process;
  }
}

/** For `pool` in vitest.config.ts. */
export const throwawayHosts = {
  name: 'throwaway-hosts',
  createPoolWorker: (options: PoolOptions): PoolWorker => new HostWorker(options),
};
