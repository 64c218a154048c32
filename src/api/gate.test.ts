import { expect, test } from 'vitest';
import { noLoad } from './context.ts';
import { createGate } from './gate.ts';

function held() {
  const release: (() => void)[] = [];
  const verb = () => new Promise<void>((resolve) => release.push(resolve));
  return { verb, release };
}

test('so many run, so many wait, the next is turned away, and the order is that of arrival', async () => {
  const load = noLoad();
  const write = createGate(2, 2, load);
  const { verb, release } = held();
  const done: number[] = [];
  const all = [1, 2, 3, 4].map((number) => write(verb).then(() => done.push(number)));
  await expect(write(verb)).rejects.toMatchObject({ kind: 'unavailable', errno: 'EAGAIN' });
  expect(release).toHaveLength(2);
  expect(load).toMatchObject({ writesRunning: 2, writesWaiting: 2 });
  for (let index = 0; index < 4; index++) {
    release[index]?.();
    await all[index];
  }
  expect(done).toEqual([1, 2, 3, 4]);
  expect(load).toMatchObject({ writesRunning: 0, writesWaiting: 0 });
});

test('a failed verb gives its place back', async () => {
  const write = createGate(1, 0, noLoad());
  await expect(write(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(write(async () => 'yes')).resolves.toBe('yes');
});
