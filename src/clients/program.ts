/**
 * The command line of vethctl, with docker's words, looks and exit codes: 0 done, 1 refused or failed, 125 flags
 * that cannot be read. It uses the API only; `ns exec` alone runs a program of the host besides. A new group of
 * commands is a file in commands/ and a line in `buildProgram`.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { DEFAULT_SOCKET } from './client.ts';
import { addCompletion } from './commands/completion.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEventsCommand } from './commands/events.ts';
import { addNetworkCommands } from './commands/network.ts';
import { spellSwitches } from './commands/network-create.ts';
import { addNsCommands } from './commands/ns.ts';
import { addVethdCommands } from './commands/vethd.ts';
import { errorLine, type Io, type Shell } from './shell.ts';
import { parseJson } from './wire.ts';

/** Exit code of flags that cannot be read, as docker's. */
const USAGE = 125;

/** Commander's faults that are about flags; the others (a missing argument, an unknown command) are docker's 1. */
const FLAG_FAULTS = new Set([
  'commander.unknownOption',
  'commander.invalidArgument',
  'commander.optionMissingArgument',
  'commander.conflictingOption',
]);

/** The whole command line, printing to and asking through `shell`. */
export function buildProgram(shell: Shell): Command {
  const program = new Command('vethctl')
    .description("Docker's network API for any Linux network namespace: the command line of vethd")
    .option('--socket <path>', `the daemon's socket (or VETHD_SOCKET; default ${DEFAULT_SOCKET})`)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: shell.io.out, writeErr: shell.io.err })
    .version(`vethctl ${version()}`, '-v, --version', 'print the version');
  addNetworkCommands(program, shell);
  addNsCommands(program, shell);
  addVethdCommands(program, shell);
  addDoctor(program, shell);
  addEventsCommand(program, shell);
  addCompletion(program, shell);
  pointToHelp(program, 'vethctl');
  return program;
}

/** After an error each command names its own help. */
function pointToHelp(command: Command, typed: string): void {
  command.showHelpAfterError(`See '${typed} --help'.`);
  for (const each of command.commands) pointToHelp(each, `${typed} ${each.name()}`);
}

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return parseJson<{ readonly version: string }>(manifest).version;
}

/** Runs one command line (without the program's own name) and gives its exit code. */
export async function runVethctl(args: readonly string[], io: Io): Promise<number> {
  let status = 0;
  const shell: Shell = {
    io,
    client: () => ({ socketPath: program.opts()['socket'] ?? io.env['VETHD_SOCKET'] ?? DEFAULT_SOCKET }),
    fail: (error) => {
      io.err(`${errorLine(error)}\n`);
      status = 1;
    },
    exitWith: (code) => {
      status = code;
    },
  };
  const program = buildProgram(shell);
  try {
    await program.parseAsync(spellSwitches(args), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return usageStatus(error);
    shell.fail(error);
  }
  return status;
}

/** Commander has printed what is wrong, or the help that was asked for; a command without more words is no fault. */
function usageStatus(error: CommanderError): number {
  if (error.code === 'commander.help') return 0;
  return FLAG_FAULTS.has(error.code) ? USAGE : error.exitCode;
}
