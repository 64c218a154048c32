/**
 * The daemon's command line. The kernel thread is started first of all: loading what the daemon consists of, which is a
 * file of its own, takes about as long as that thread needs to be ready.
 */
import { readCommand } from './config.ts';
import { messageOf } from './errors.ts';
import { readVersion } from './kernel/package.ts';
import { startKernelThread } from './kernel/thread.ts';

/** Exit codes beside 0: 1 for what could not be done, 2 for a command line that cannot be read. */
const EXIT = { failed: 1, usage: 2 } as const;

/** Whether what the user asked for cannot be. The daemon's file has a class VethdError of its own. */
function isUsageError(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'invalidArgument';
}

/** Runs the command line; sets the exit code when it fails. */
async function main(): Promise<void> {
  try {
    const command = readCommand(process.argv.slice(2), process.env);
    if (command.kind === 'help') process.stdout.write(command.text);
    else if (command.kind === 'version') process.stdout.write(`vethd ${readVersion()}\n`);
    else {
      const thread = startKernelThread({ netnsDir: command.config.netnsDir });
      const { run, runPurge, runRecover } = await import('./daemon.ts');
      await { purge: runPurge, recover: runRecover, run }[command.kind](command.config, thread);
    }
  } catch (error) {
    process.stderr.write(`vethd: ${messageOf(error)}\n`);
    process.exit(isUsageError(error) ? EXIT.usage : EXIT.failed);
  }
}

void main();
