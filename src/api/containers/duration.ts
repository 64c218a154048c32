/** Durations in Docker's words, as `docker ps` shows them. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// docker/go-units: duration.go, HumanDuration (behaviour kept).
const SCALE: readonly [limit: number, text: (seconds: number) => string][] = [
  [1, () => 'Less than a second'],
  [2, () => '1 second'],
  [MINUTE, (seconds) => `${Math.floor(seconds)} seconds`],
  [2 * MINUTE, () => 'About a minute'],
  [HOUR, (seconds) => `${Math.floor(seconds / MINUTE)} minutes`],
  [1.5 * HOUR, () => 'About an hour'],
  [48 * HOUR, (seconds) => `${Math.round(seconds / HOUR)} hours`],
  [14 * DAY, (seconds) => `${Math.floor(seconds / DAY)} days`],
  [60 * DAY, (seconds) => `${Math.floor(seconds / DAY / 7)} weeks`],
  [730 * DAY, (seconds) => `${Math.floor(seconds / DAY / 30)} months`],
];

/** `About a minute`, `3 hours`: what `seconds` are to a person. */
export function formatDuration(seconds: number): string {
  const step = SCALE.find(([limit]) => seconds < limit);
  return step === undefined ? `${Math.floor(seconds / DAY / 365)} years` : step[1](seconds);
}
