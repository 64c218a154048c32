import { expect, test } from 'vitest';
import { formatDuration } from './duration.ts';

test.each([
  [0.4, 'Less than a second'],
  [1, '1 second'],
  [59, '59 seconds'],
  [60, 'About a minute'],
  [120, '2 minutes'],
  [3600, 'About an hour'],
  [5400, '2 hours'],
  [172_800, '2 days'],
  [14 * 86_400, '2 weeks'],
  [60 * 86_400, '2 months'],
  [800 * 86_400, '2 years'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
