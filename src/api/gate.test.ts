import { expect, test } from 'vitest';
import { createGate } from './gate.ts';

function held() {
  const release: (() => void)[] = [];
  const verb = () => new Promise<void>((resolve) => release.push(resolve));
  return { verb, release };
}

test('so many run, so many wait, the next is turned away, and the order is that of arrival', async () => {
  const write = createGate(2, 2);
  const { verb, release } = held();
  const done: number[] = [];
  const all = [1, 2, 3, 4].map((number) => write(verb).then(() => done.push(number)));
  await expect(write(verb)).rejects.toMatchObject({ kind: 'unavailable', errno: 'EAGAIN' });
  expect(release).toHaveLength(2);
  for (let index = 0; index < 4; index++) {
    release[index]?.();
    await all[index];
  }
  expect(done).toEqual([1, 2, 3, 4]);
});

test('a failed verb gives its place back', async () => {
  const write = createGate(1, 0);
  await expect(write(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(write(async () => 'yes')).resolves.toBe('yes');
});
