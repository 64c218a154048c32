/** `vethctl events`: what happens, as it happens. */
import type { Command } from 'commander';
import { events, type Filters } from '../calls.ts';
import { stream } from '../client.ts';
import { filter, listFormat } from '../flags.ts';
import type { Shell } from '../shell.ts';
import { formatJson } from '../table.ts';
import { unixTime } from '../time.ts';
import type { EventAnswer } from '../wire.ts';

interface EventsOptions {
  readonly since?: string;
  readonly until?: string;
  readonly filter?: Filters;
  readonly format?: 'table' | 'json';
}

/** Adds the command to the program. */
export function addEventsCommand(program: Command, shell: Shell): void {
  program
    .command('events')
    .description('Print events as they happen; with --since also earlier ones')
    .option('--since <time>', 'Unix seconds, RFC 3339, or how long ago (10m)')
    .option('--until <time>', 'end there; the same forms')
    .option('-f, --filter <filter>', 'only events such as type=network, event=connect', filter)
    .option('--format <format>', 'json: one object a line', listFormat)
    .action(async (options: EventsOptions) => {
      const now = Date.now();
      const since = options.since === undefined ? '' : unixTime(options.since, now);
      const until = options.until === undefined ? '' : unixTime(options.until, now);
      const call = events(since, until, options.filter ?? {});
      for await (const event of stream(shell.client(), call)) {
        shell.io.out(options.format === 'json' ? formatJson(event) : formatEvent(event));
      }
    });
}

/** An event as `docker events` prints it, its time in UTC. */
export function formatEvent(event: EventAnswer): string {
  const { Type, Action, Actor } = event;
  const attributes = Object.entries(Actor.Attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  const detail = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  const when = new Date(event.time * 1000).toISOString().replace('.000Z', `.${nanoseconds(event)}Z`);
  return `${when} ${Type} ${Action} ${Actor.ID}${detail}\n`;
}

/** The fraction of the second. timeNano is beyond what a double holds exactly; the last digits may be rounded. */
function nanoseconds(event: EventAnswer): string {
  const fraction = Math.max(0, event.timeNano - event.time * 1e9);
  return String(Math.min(999_999_999, Math.round(fraction))).padStart(9, '0');
}
