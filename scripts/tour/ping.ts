/** Pings: a few that are counted, and one that goes on while other things happen. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { inside, until } from './host.ts';
import { check, show } from './story.ts';

/** Pings `address` three times from a namespace (or the host) and checks that nothing was lost. */
export async function pingThrice(from: string | undefined, address: string): Promise<void> {
  const output = await show(...inside(from), 'ping', '-c', '3', '-i', '0.2', '-q', address);
  check(`${from ?? 'host'} -> ${address}: 0 % loss`, / 0% packet loss/.test(output), output);
}

/** A ping every 10 ms that runs until it is ended. */
export class LongPing {
  readonly #process: ChildProcess;
  readonly #answered: number[] = [];

  constructor(from: string, address: string) {
    const [file = '', ...args] = [...inside(from), 'ping', '-i', '0.01', address];
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#read(line);
    });
    this.#process = child;
  }

  #read(line: string): void {
    const sequence = /icmp_seq=(\d+) ttl=/.exec(line)?.[1];
    if (sequence !== undefined) this.#answered.push(Number(sequence));
  }

  /** Waits for some more answers than there are now. */
  async more(number: number): Promise<void> {
    const wanted = this.#answered.length + number;
    await until(`${number} more answers to the ping`, () => this.#answered.length >= wanted);
  }

  /** Ends it. */
  async end(): Promise<void> {
    const ended = once(this.#process, 'close');
    this.#process.kill('SIGINT');
    await ended;
  }

  /**
   * The number of answers so far, and the sequence numbers that are missing before the last one: an echo that is
   * still on its way is not a loss.
   */
  summary(): { readonly answers: number; readonly missing: readonly number[] } {
    const answered = new Set(this.#answered);
    const missing: number[] = [];
    for (let sequence = 1; sequence < (this.#answered.at(-1) ?? 0); sequence++) {
      if (!answered.has(sequence)) missing.push(sequence);
    }
    return { answers: answered.size, missing };
  }
}
