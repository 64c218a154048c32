/** What is vethd's own: `trace`, `topology`, `reconcile`. */
import type { Command } from 'commander';
import { asDryRun, reconcile, topology, trace } from '../calls.ts';
import { ask } from '../client.ts';
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
