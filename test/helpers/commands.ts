/** Programs, as the tests run them: argv arrays, never a shell. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';

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
  const ended = await execa(file, args, {
    reject: false,
    timeout: options.timeoutMs ?? 30_000,
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  if (ended.code === 'ENOENT') throw new Error(`${file} is not installed`);
  return { exitCode: ended.exitCode ?? 124, stdout: ended.stdout ?? '', stderr: ended.stderr ?? '' };
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
