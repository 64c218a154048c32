import { expect, test } from 'vitest';
import { DiskSync } from './disk-sync.ts';

/** A disk that is done when it is told. */
function slowDisk() {
  const callbacks: ((error: Error | null) => void)[] = [];
  const disk = new DiskSync((callback) => callbacks.push(callback));
  return { disk, callbacks };
}

/** Whether a promise is settled once everything that was due has run. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

test('what was committed waits for the disk', async () => {
  const { disk, callbacks } = slowDisk();
  disk.note();
  const onDisk = disk.onDisk();
  expect(callbacks).toHaveLength(1);
  expect(await isDone(onDisk)).toBe(false);
  callbacks[0]?.(null);
  expect(await isDone(onDisk)).toBe(true);
});

test('commits before a sync share it; one after its begin gets the next', async () => {
  const { disk, callbacks } = slowDisk();
  disk.note();
  disk.note();
  const [first, second] = [disk.onDisk(), disk.onDisk()];
  disk.note();
  const third = disk.onDisk();
  expect(callbacks).toHaveLength(1);
  callbacks[0]?.(null);
  expect([await isDone(first), await isDone(second), await isDone(third)]).toEqual([true, true, false]);
  expect(callbacks).toHaveLength(2);
  callbacks[1]?.(null);
  expect(await isDone(third)).toBe(true);
});

test('what is on the disk needs no further sync', async () => {
  const { disk, callbacks } = slowDisk();
  expect(await isDone(disk.onDisk())).toBe(true);
  disk.note();
  const onDisk = disk.onDisk();
  callbacks[0]?.(null);
  await onDisk;
  expect(await isDone(disk.onDisk())).toBe(true);
  expect(callbacks).toHaveLength(1);
});

test('a disk that fails answers nobody', async () => {
  const { disk, callbacks } = slowDisk();
  disk.note();
  const onDisk = disk.onDisk();
  expect(() => callbacks[0]?.(new Error('EIO'))).toThrow('the disk did not take what was committed');
  expect(await isDone(onDisk)).toBe(false);
});
