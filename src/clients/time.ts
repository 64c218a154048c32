/** Times as docker's CLI takes them for `--since` and `--until`. Pure: the clock is an argument. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Unix seconds with an optional fraction, from such seconds, an RFC 3339 time, or a duration before `nowMs`
 * (`90s`, `1h30m`). Throws an Error naming another text.
 */
export function unixTime(text: string, nowMs: number): string {
  if (/^\d+(\.\d{1,9})?$/.test(text)) return text;
  const agoMs = durationMs(text);
  const atMs = agoMs === undefined ? Date.parse(text) : nowMs - agoMs;
  if (Number.isNaN(atMs)) {
    throw new Error(
      `invalid time ${text}: want Unix seconds, 2026-01-31T12:00:00Z or a duration such as 10m`,
    );
  }
  return (atMs / 1000).toFixed(3);
}

function durationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(number) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return total;
}
