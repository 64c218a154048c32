/** The daemon of the tour, as a process that can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { attempt, until } from './host.ts';

const bin = resolve(import.meta.dirname, '../../bin');

/** The path of the built vethctl. */
export const VETHCTL = resolve(bin, 'vethctl');

/** In the throwaway host /run/vethd is a tmpfs of its own. */
const stateDir = '/run/vethd/tour-state';

/** One daemon at a time; only its own process is ever signalled. */
export class Daemon {
  #process: ChildProcess | undefined;
  #logs = '';

  /** Starts it and waits until it answers; throws with its log when it ends before. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [resolve(bin, 'vethd'), '--state-dir', stateDir], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#logs += text;
      });
    }
    await until('vethd answers', async () => {
      if (child.exitCode !== null) throw new Error(`vethd ended with ${child.exitCode}:\n${this.#logs}`);
      return (await attempt([VETHCTL, 'network', 'ls', '--quiet'])).exitCode === 0;
    });
  }

  /** Sends a signal and waits for the end of the process; nothing when it has ended already. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
