/** What a benchmark prints: a heading with the conditions, and one table in Markdown. */
import { readFileSync } from 'node:fs';

/** The load average of the last minute: how busy others kept the machine. */
export function loadAverage(): string {
  return readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '?';
}

/** Says something while the benchmark runs; on stderr, so that tables can be kept by themselves. */
export function say(text: string): void {
  process.stderr.write(`    ${text}\n`);
}

function line(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return `| ${padded.join(' | ')} |\n`;
}

/** Prints a table under a title, with the load average when it was done. */
export function printTable(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = columns.map((_, column) =>
    Math.max(...[columns, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const rule = widths.map((width) => '-'.repeat(width));
  const lines = [columns, rule, ...rows].map((row) => line(row, widths));
  process.stdout.write(`\n**${title}** (load average at the end ${loadAverage()})\n\n${lines.join('')}\n`);
}
