/** The program vethctl: program.ts on the process's own terminal, environment and exit code. */
import { createInterface } from 'node:readline/promises';
import { runVethctl } from './program.ts';
import type { Io } from './shell.ts';

async function readLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  return '';
}

// A reader such as head may leave before we have written all: no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  readLine,
};
void runVethctl(process.argv.slice(2), io).then((code) => {
  process.exitCode = code;
});
