/** What every command of vethctl gets: where to print, whom to ask, how to fail. */
import { messageOf } from '../errors.ts';
import { asDryRun } from './calls.ts';
import { ApiError, ask, type Call, type Client, send } from './client.ts';

/** The world around a run of vethctl. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  /** Reads one line from the terminal, for questions. */
  readonly readLine: () => Promise<string>;
}

/** The world, the daemon, and the exit code so far. */
export interface Shell {
  readonly io: Io;
  /** The daemon that `--socket` or VETHD_SOCKET names. */
  readonly client: () => Client;
  /** Prints why something failed and makes the exit code 1; the command may go on. */
  readonly fail: (error: unknown) => void;
  /** Sets the exit code: that of a program which ran in our place. */
  readonly exitWith: (status: number) => void;
}

/** An error as docker's CLI words it. */
export function errorLine(error: unknown): string {
  return error instanceof ApiError ? `Error response from daemon: ${error.message}` : messageOf(error);
}

/**
 * Sends a changing call and gives its answer to `done`; with `dryRun` asks instead what it would do, and prints
 * one command a line.
 */
export async function change<Answer>(
  shell: Shell,
  call: Call<Answer>,
  dryRun: boolean,
  done: (answer: Answer | undefined) => void,
): Promise<void> {
  if (dryRun) return printCommands(shell, (await ask(shell.client(), asDryRun(call))).Commands);
  done(await send(shell.client(), call));
}

/** Prints command lines, one a line. */
export function printCommands(shell: Shell, commands: readonly string[]): void {
  for (const command of commands) shell.io.out(`${command}\n`);
}

/** Does the same for each term; one that fails is reported and the others still happen, as docker does. */
export async function forEachTerm(
  shell: Shell,
  terms: readonly string[],
  act: (term: string) => Promise<void>,
): Promise<void> {
  for (const term of terms) {
    try {
      await act(term);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      shell.fail(error);
    }
  }
}
