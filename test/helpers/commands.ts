/** Programs, as the tests run them: argv arrays, which no shell takes apart. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runInShell } from './shell.ts';

/** How a program ended. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of one run of a program. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Then it is killed, and `exitCode` is 124, as timeout(1) gives. Default 30 s. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end and tells how it ended; throws only when it cannot be started. */
export async function attempt(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const { env = {}, input = '', timeoutMs = 30_000 } = options;
  const { exitCode = 124, stdout, stderr } = await runInShell({ file, args, env, input, timeoutMs });
  if (exitCode === 127 && stderr.startsWith('sh: ') && stderr.endsWith(`${file}: not found`)) {
    throw new Error(`${file} is not installed`);
  }
  return { exitCode, stdout, stderr };
}

/** Runs a program and gives its stdout; an exit code other than 0 throws, with what it wrote. */
export async function run(
  file: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<string> {
  const ended = await attempt(file, args, options);
  if (ended.exitCode === 0) return ended.stdout;
  throw new Error(`${[file, ...args].join(' ')}: exit ${ended.exitCode}\n${ended.stdout}\n${ended.stderr}`);
}

/** Whether a program (or, for an absolute path, a file) is on this machine. */
export function isInstalled(name: string): boolean {
  const folders = name.startsWith('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.F_OK);
      return true;
    } catch {
      return false;
    }
  });
}
