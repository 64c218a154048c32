/**
 * Shells that wait beside the test and start its programs. To make a process out of one as large as vitest's costs
 * 32 ms of the processor, since its page tables are copied; out of a shell, 5.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** What a shell is to run. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Besides the test's own. */
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  /** Then it is killed, with whatever it has started in its process group. */
  readonly timeoutMs: number;
}

/** How it ended; `exitCode` is undefined when it was killed for its time. */
export interface Result {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A file without a name, which others open by this process's descriptor: nobody has to remove it. */
class NamelessFile {
  readonly #fd: number;

  constructor() {
    const path = join(tmpdir(), `vethd-${randomUUID()}`);
    this.#fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
  }

  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  write(text: string): void {
    writeSync(this.#fd, text);
  }

  /** What another one wrote to it, less one line's end. Closes it. */
  take(): string {
    const text = readFileSync(this.#fd, 'utf8');
    this.close();
    return text.replace(/\r?\n$/, '');
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** One shell, for one program at a time. */
class Shell {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  #text = '';
  #answered: (exitCode: number | undefined) => void = () => undefined;

  constructor() {
    // A process group of its own, so that a program can be killed with its children.
    this.#process = spawn('sh', [], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    this.#process.on('exit', () => this.#answered(undefined));
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      if (!text.endsWith('\n')) return;
      this.#answered(Number(this.#text));
      this.#text = '';
    });
  }

  get isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  async run({ file, args, env, input, timeoutMs }: Command): Promise<Result> {
    const [stdin, stdout, stderr] = [new NamelessFile(), new NamelessFile(), new NamelessFile()];
    stdin.write(input);
    const settings = Object.entries(env).map(([name, value]) => `${name}=${quote(value)}`);
    const words = [...settings, ...[file, ...args].map(quote)].join(' ');
    this.#hold(true);
    const timer = setTimeout(() => this.#kill(), timeoutMs);
    const exitCode = await new Promise<number | undefined>((resolve) => {
      this.#answered = resolve;
      this.#process.stdin.write(`${words} <${stdin.path} >${stdout.path} 2>${stderr.path}; echo $?\n`);
    });
    clearTimeout(timer);
    this.#hold(false);
    stdin.close();
    return { exitCode, stdout: stdout.take(), stderr: stderr.take() };
  }

  #kill(): void {
    const { pid } = this.#process;
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  }

  /** Whether this process may not end: not while a program runs. */
  #hold(isHeld: boolean): void {
    // Pipes of a child are sockets (`child_process`), which the types do not say.
    const pipes = [this.#process.stdin, this.#process.stdout] as unknown as readonly Socket[];
    for (const one of [this.#process, ...pipes]) {
      if (isHeld) one.ref();
      else one.unref();
    }
  }
}

const waiting: Shell[] = [];

/** Runs a program to its end. Of one that it does not find, a shell says `sh: … not found`, with exit code 127. */
export async function runInShell(command: Command): Promise<Result> {
  const shell = waiting.pop() ?? new Shell();
  const result = await shell.run(command);
  if (shell.isAlive) waiting.push(shell);
  return result;
}
