/** Samples and what is told of them. Milliseconds throughout. */

/** Times of one step, in the order taken. */
export type Samples = number[];

/** The value below which `share` (0 to 1) of the samples lie; NaN when there are none. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** The middle value; NaN when there are no samples. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Runs `work` and gives what it gave and how long it took. */
export async function timed<Result>(work: () => Promise<Result>): Promise<[result: Result, ms: number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

/** Three digits that matter: 0.42, 3.14, 31.4, 314. */
export function format(value: number): string {
  if (Number.isNaN(value)) return '-';
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** `median (p95)`, and how many times the floor's median when that is given. */
export function formatSamples(samples: readonly number[] | undefined, floor?: number): string {
  if (samples === undefined || samples.length === 0) return '-';
  const times = floor === undefined || Number.isNaN(floor) ? '' : ` x${format(median(samples) / floor)}`;
  return `${format(median(samples))} (${format(percentile(samples, 0.95))})${times}`;
}
