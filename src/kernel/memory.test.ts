import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { until } from '../../test/helpers/until.ts';
import { trimHeap } from './libc.ts';
import { collectGarbage, QuietTime } from './memory.ts';

/** How often it has run. */
function counted() {
  const run = vi.fn();
  return { run, quiet: new QuietTime(run) };
}

function note(quiet: QuietTime, times: number): void {
  for (let time = 0; time < times; time++) quiet.note();
}

describe('quiet time', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('runs once the start is over and nothing has happened for a while', () => {
    const { run, quiet } = counted();
    quiet.note();
    vi.advanceTimersByTime(2_000);
    quiet.note();
    vi.advanceTimersByTime(2_000);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(3_000);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test('runs again only when enough has happened since', () => {
    const { run, quiet } = counted();
    quiet.note();
    vi.advanceTimersByTime(10_000);
    note(quiet, 63);
    vi.advanceTimersByTime(10_000);
    expect([run.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
    quiet.note();
    vi.advanceTimersByTime(10_000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  test('waits as long as something happens', () => {
    const { run, quiet } = counted();
    for (let second = 0; second < 60; second++) {
      quiet.note();
      vi.advanceTimersByTime(1_000);
    }
    expect(run).not.toHaveBeenCalled();
  });

  test('is stopped', () => {
    const { run, quiet } = counted();
    quiet.note();
    quiet.stop();
    vi.advanceTimersByTime(10_000);
    expect([run.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0]);
  });
});

test('what was used goes back to the system', async () => {
  setFlagsFromString('--expose-gc');
  vi.stubGlobal('gc', runInNewContext('gc'));
  // Smaller than what malloc takes from the system by itself, so that it keeps them. One in the middle stays.
  const used = Array.from({ length: 1_000 }, () => Buffer.alloc(100_000, 1));
  const kept = used[500];
  const before = process.memoryUsage.rss();
  used.length = 0;
  await until('most of 100 MB is given back', () => {
    collectGarbage();
    trimHeap();
    return process.memoryUsage.rss() < before - 60_000_000;
  });
  expect(kept).toHaveLength(100_000);
  vi.unstubAllGlobals();
});
