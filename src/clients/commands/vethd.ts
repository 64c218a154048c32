/** What is vethd's own: `trace`, `topology`, `reconcile`, `recover`, `purge`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from 'commander';
import { asDryRun, reconcile, topology, trace } from '../calls.ts';
import { ask } from '../client.ts';
import { VETHD } from '../daemon-path.ts';
import { listFormat } from '../flags.ts';
import { printCommands, type Shell } from '../shell.ts';
import { formatJson } from '../table.ts';
import { formatTopology } from '../topology-tree.ts';
import { formatTrace } from '../trace-picture.ts';

/** Adds the commands to the program. */
export function addVethdCommands(program: Command, shell: Shell): void {
  addTrace(program, shell);
  addTopology(program, shell);
  addReconcile(program, shell);
  addRecover(program, shell);
  addPurge(program, shell);
}

function addTrace(program: Command, shell: Shell): void {
  program
    .command('trace <name>')
    .description('Whose is it? Both ends of a pair, from a namespace’s name or a vethXXXXXXX of the host')
    .option('--format <format>', 'json: all pairs on one line', listFormat)
    .action(async (term: string, options: { format?: 'table' | 'json' }) => {
      const traces = await ask(shell.client(), trace(term));
      if (options.format === 'json') return shell.io.out(formatJson(traces));
      if (traces.length === 0) shell.io.out(`${term} has no veth pair: only lo, or nothing of its own\n`);
      else shell.io.out(traces.map(formatTrace).join('\n'));
    });
}

function addTopology(program: Command, shell: Shell): void {
  program
    .command('topology')
    .description('All networks, their bridges and their members as a tree')
    .option('--format <format>', 'json: on one line', listFormat)
    .action(async (options: { format?: 'table' | 'json' }) => {
      const answer = await ask(shell.client(), topology());
      shell.io.out(options.format === 'json' ? formatJson(answer) : formatTopology(answer));
    });
}

function addReconcile(program: Command, shell: Shell): void {
  program
    .command('reconcile')
    .description('Compare the kernel with what should be, mend it, and print what was mended')
    .option('--dry-run', 'only print what would be mended')
    .action(async (options: { dryRun?: boolean }) => {
      const call = options.dryRun ? asDryRun(reconcile()) : reconcile();
      printCommands(shell, (await ask(shell.client(), call)).Commands);
    });
}

interface PurgeOptions {
  readonly force?: boolean;
  readonly stateDir?: string;
  readonly netnsEtc?: string;
}

/** Runs the daemon's own program, so that it works as well when no daemon runs. */
async function runDaemon(shell: Shell, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [VETHD, ...args], { stdio: 'inherit' });
  const [status] = await once(child, 'exit');
  shell.exitWith(typeof status === 'number' ? status : 1);
}

function addRecover(program: Command, shell: Shell): void {
  program
    .command('recover')
    .description('Rebuild a lost or damaged state folder from the kernel, while no daemon runs')
    .option('--state-dir <dir>', 'as given to vethd')
    .action(async (options: { stateDir?: string }) => {
      await runDaemon(shell, ['--recover-once', ...stateDirFlag(options)]);
    });
}

function stateDirFlag({ stateDir }: { stateDir?: string }): readonly string[] {
  return stateDir === undefined ? [] : ['--state-dir', stateDir];
}

function addPurge(program: Command, shell: Shell): void {
  program
    .command('purge')
    .description('End the daemon and remove everything vethd ever made on this host, its state included')
    .option('-f, --force', 'do not ask')
    .option('--state-dir <dir>', 'as given to vethd')
    .option('--netns-etc <dir>', 'as given to vethd')
    .action(async (options: PurgeOptions) => {
      if (options.force !== true) {
        shell.io.out('All networks, containers and namespaces of vethd will be removed. Continue? [y/N] ');
        if (!/^y(es)?$/i.test((await shell.io.readLine()).trim())) return;
      }
      const netnsEtc = options.netnsEtc === undefined ? [] : ['--netns-etc', options.netnsEtc];
      const flags = [...stateDirFlag(options), ...netnsEtc];
      await runDaemon(shell, ['--purge', '--socket', shell.client().socketPath, ...flags]);
    });
}
