/** Filters of `POST /networks/prune`: `label`, `label!`, `until`. */
import { VethdError } from '../errors.ts';
import type { Network } from '../model/network.ts';
import type { Filters } from './contract.ts';
import { checkFilterKeys, hasLabel } from './filters.ts';

const KEYS: ReadonlySet<string> = new Set(['label', 'label!', 'until']);

/** The filters of a prune, read. */
export interface PruneFilters {
  readonly labels: readonly string[];
  readonly notLabels: readonly string[];
  /** Milliseconds since 1970: younger networks stay; undefined: none does. */
  readonly untilMs: number | undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** A Go duration such as `1h30m`, in milliseconds; undefined for other text. */
function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ns|us|\u00b5s|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|\u00b5s|ms|s|m|h)/g)) {
    total += Number(number) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return total;
}

/** RFC 3339 and its shorter forms, local time where no zone is named; undefined for other text. */
function parseDate(text: string): number | undefined {
  if (
    !/^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:\d{2})?)?(Z|[+-]\d{2}:\d{2})?$/.test(
      text,
    )
  ) {
    return undefined;
  }
  const [, day = '', hours = '00', minutes = '00', seconds = '00', fraction = '', zone = ''] =
    /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(?::(\d{2})(?::(\d{2})(\.\d+)?)?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(text) ??
    [];
  const time = Date.parse(`${day}T${hours}:${minutes}:${seconds}${fraction.slice(0, 4)}${zone}`);
  return Number.isNaN(time) ? undefined : time;
}

/** A time as Docker's filters take it, in milliseconds since 1970; undefined for other text. */
export function parseTime(text: string, nowMs: number): number | undefined {
  const duration = parseDuration(text);
  if (duration !== undefined) return nowMs - duration;
  if (/^\d+(\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  return parseDate(text);
}

function parseUntil(values: readonly string[], nowMs: number): number | undefined {
  if (values.length > 1) throw new VethdError('invalidArgument', 'more than one until filter specified');
  const [text] = values;
  if (text === undefined) return undefined;
  const time = parseTime(text, nowMs);
  if (time === undefined) {
    throw new VethdError('invalidArgument', `failed to parse value as time or duration: "${text}"`);
  }
  return time;
}

/** Reads the filters; invalidArgument for an unknown key or a bad time. `now` in nanoseconds since 1970. */
export function checkPruneFilters(filters: Filters, now: bigint): PruneFilters {
  checkFilterKeys(filters, KEYS);
  return {
    labels: filters.get('label') ?? [],
    notLabels: filters.get('label!') ?? [],
    untilMs: parseUntil(filters.get('until') ?? [], Number(now / 1_000_000n)),
  };
}

/** Whether a prune may take this network, its members aside. */
export function isPrunable(network: Network, { labels, notLabels, untilMs }: PruneFilters): boolean {
  if (network.predefined || network.configOnly) return false;
  if (!labels.every((wanted) => hasLabel(network.labels, wanted))) return false;
  if (notLabels.length > 0 && notLabels.every((wanted) => hasLabel(network.labels, wanted))) return false;
  return untilMs === undefined || Date.parse(network.created) <= untilMs;
}
