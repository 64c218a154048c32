/** The built daemon, on its own socket and state folder in the current throwaway host. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { attempt, type Ended, type RunOptions, run } from './commands.ts';
import { linksOfVethd } from './host.ts';
import { type Answer, type RequestOptions, request } from './http.ts';
import { until } from './until.ts';

const repository = resolve(import.meta.dirname, '../..');

/** What a test may ask of a daemon. */
export interface DaemonOptions {
  /** Flags besides `--socket` and `--state-dir`. */
  readonly args?: readonly string[];
  /** Environment besides the test's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** In a throwaway host of its own, inside the test's; `pid` and signals are that host's then. */
  readonly ownHost?: boolean;
}

function nowInSeconds(): string {
  return (Date.now() / 1000).toFixed(3);
}

/** A daemon that a test started. Only this object's own process is ever signalled. */
export class Daemon {
  readonly folder = mkdtempSync(join(tmpdir(), 'vethd-'));
  readonly socket = join(this.folder, 'vethd.sock');
  readonly stateDir = join(this.folder, 'state');
  readonly #options: DaemonOptions;
  #process: ChildProcess | undefined;
  #logs = '';

  constructor(options: DaemonOptions = {}) {
    this.#options = options;
  }

  /** The daemon's process id; 0 while it does not run. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Whether it was started and has not ended, by itself or by a signal. */
  get isAlive(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** Everything that all the daemon's runs wrote, stdout and stderr. */
  get logs(): string {
    return this.#logs;
  }

  /** Starts the daemon and waits until it answers `GET /_ping`. Rejects with its logs when it ends before. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const child = this.begin(env);
    await until(
      'the daemon answers',
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) return 'ended';
        return (await request(this.socket, 'GET', '/_ping')).status === 200 && 'ready';
      },
      50_000,
    ).then(
      (state) => {
        if (state === 'ended') throw new Error(`the daemon ended at once:\n${this.#logs}`);
      },
      (error: unknown) => {
        throw new Error(`the daemon does not answer:\n${this.#logs}`, { cause: error });
      },
    );
  }

  /** Starts the daemon, with more environment if given, and waits for nothing. */
  begin(env: Readonly<Record<string, string>> = {}): ChildProcess {
    const args = ['--socket', this.socket, '--state-dir', this.stateDir, ...(this.#options.args ?? [])];
    const program = [join(repository, 'bin/vethd'), ...args];
    const [file = '', ...rest] =
      this.#options.ownHost === true ? [join(repository, 'scripts/throwaway'), ...program] : program;
    const child = spawn(file, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#options.env, ...env },
      // A process group of its own, so that it can be killed with its children.
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#logs += text;
      });
    }
    this.#process = child;
    return child;
  }

  /**
   * Resolves when the kernel thread has done what it does right behind its answers: it answers one call after another,
   * and this one asks it which namespaces there are.
   */
  async behindAnswers(): Promise<void> {
    await this.request('GET', '/containers/0000/json');
  }

  /** Sends a signal and waits for the process's end; gives its exit code, `null` when the signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process;
    if (child === undefined) return null;
    this.#process = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  /** SIGTERM: an orderly end. */
  stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  /** SIGKILL: a crash. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGKILL to the daemon and whatever it has started. */
  async killGroup(): Promise<void> {
    const child = this.#process;
    const group = child?.pid;
    if (child === undefined || group === undefined || child.exitCode !== null || child.signalCode !== null)
      return;
    this.#process = undefined;
    const ended = once(child, 'exit');
    process.kill(-group, 'SIGKILL');
    await ended;
  }

  /** Ends the daemon, removes its folder and what it left in the host, so that another one can start here. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
    if (this.#options.ownHost !== true) await forgetVethd();
  }

  /** One request to the daemon's socket. */
  request(method: string, path: string, body?: unknown, options: RequestOptions = {}): Promise<Answer> {
    return request(this.socket, method, path, { ...options, ...(body === undefined ? {} : { body }) });
  }

  /** A request that must succeed: gives its body, throws with the answer otherwise. */
  // biome-ignore lint/suspicious/noExplicitAny: as Answer.body
  async call(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.request(method, path, body);
    if (answer.status < 400) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  /** Runs the docker CLI against this daemon; stdout, or an error with what it wrote. */
  docker(...args: readonly string[]): Promise<string> {
    return run('docker', args, this.#dockerOptions());
  }

  /** As `docker`, but gives the exit code and stderr too. */
  tryDocker(...args: readonly string[]): Promise<Ended> {
    return attempt('docker', args, this.#dockerOptions());
  }

  /** Starts the docker CLI, for commands that last; the caller waits for its end. */
  startDocker(...args: readonly string[]): ChildProcess {
    return spawn('docker', args, { env: { ...process.env, ...this.dockerEnv } });
  }

  /** What leads Docker's clients to this daemon. */
  get dockerEnv(): Readonly<Record<string, string>> {
    return { DOCKER_HOST: `unix://${this.socket}`, DOCKER_CONFIG: this.folder };
  }

  #dockerOptions(): RunOptions {
    return { env: this.dockerEnv };
  }

  /** Past events that pass the filters, oldest first: those until now unless told otherwise. */
  // biome-ignore lint/suspicious/noExplicitAny: as Answer.body
  async events(filters: object, since = '0', until = nowInSeconds()): Promise<readonly any[]> {
    const query = `since=${since}&until=${until}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
    return (await this.request('GET', `/events?${query}`, undefined, { lines: true })).body;
  }

  /** Runs vethctl against this daemon; stdout, or an error with what it wrote. */
  vethctl(...args: readonly string[]): Promise<string> {
    return run(join(repository, 'bin/vethctl'), args, this.#vethctlOptions());
  }

  /** As `vethctl`, but gives the exit code and stderr too. */
  tryVethctl(...args: readonly string[]): Promise<Ended> {
    return attempt(join(repository, 'bin/vethctl'), args, this.#vethctlOptions());
  }

  #vethctlOptions(): RunOptions {
    return { env: { VETHD_SOCKET: this.socket } };
  }
}

/** Removes what a daemon made in this throwaway host: a new one refuses to start beside links of an older state. */
async function forgetVethd(): Promise<void> {
  for (const link of await linksOfVethd()) await attempt('ip', ['link', 'del', link]);
  for (const family of ['inet', 'bridge']) await attempt('nft', ['delete', 'table', family, 'vethd']);
}
