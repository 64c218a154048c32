/** `vethctl doctor`: what the daemon found, or what can be seen without it. */
import type { Command } from 'commander';
import { doctor } from '../calls.ts';
import { ask, UnreachableError } from '../client.ts';
import { listFormat } from '../flags.ts';
import { checkWithoutDaemon } from '../local-checks.ts';
import type { Shell } from '../shell.ts';
import { formatJson, formatTable } from '../table.ts';
import type { DoctorAnswer } from '../wire.ts';

/** Exit codes, for scripts. */
const EXIT: Readonly<Record<string, number>> = { ok: 0, warning: 1, broken: 2 };

/** Adds the command to the program. */
export function addDoctor(program: Command, shell: Shell): void {
  program
    .command('doctor')
    .description(
      'Look at the kernel, forwarding, firewalls, drift, queues and the disk (exit 0 ok, 1 warnings, 2 broken)',
    )
    .option('--format <format>', 'json: on one line', listFormat)
    .action(async (options: { format?: 'table' | 'json' }) => {
      const answer = await look(shell);
      shell.io.out(options.format === 'json' ? formatJson(answer) : formatDoctor(answer));
      shell.exitWith(EXIT[answer.Status] ?? 2);
    });
}

async function look(shell: Shell): Promise<DoctorAnswer> {
  try {
    return await ask(shell.client(), doctor());
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { Status: 'broken', Checks: checkWithoutDaemon(error.message, shell.io.env) };
  }
}

/** A table, and below it the lines that mend what is not well. */
export function formatDoctor({ Checks }: DoctorAnswer): string {
  const rows = Checks.map(({ Name, Status, Message }) => [Name, Status, Message]);
  const mend = Checks.filter(({ Mend }) => Mend.length > 0).map(
    ({ Name, Mend }) => `\nTo mend ${Name}:\n${Mend.map((line) => `    ${line}\n`).join('')}`,
  );
  return formatTable([['CHECK', 'STATUS', 'FOUND'], ...rows]) + mend.join('');
}
