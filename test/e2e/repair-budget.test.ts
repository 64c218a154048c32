/** Another program that undoes every repair: vethd gives way, says so, and comes back when the other has stopped. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Daemon } from '../helpers/daemon.ts';
import { ip, linksOf } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const daemon = new Daemon();

beforeAll(() => daemon.start());
afterAll(() => daemon.dispose());

async function isUp(): Promise<boolean> {
  return (await linksOf()).some(({ ifname, flags }) => ifname === 'vethd0' && flags.includes('UP'));
}

async function actions(): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ type: ['vethd'] }));
  const until = (Date.now() / 1_000).toFixed(3);
  const answer = await daemon.request('GET', `/events?since=0&until=${until}&filters=${filters}`, undefined, {
    lines: true,
  });
  return answer.body.map(({ Action }: { readonly Action: string }) => Action);
}

test('ten repairs in a minute, then a warning and longer and longer waits', async () => {
  const end = Date.now() + 6_000;
  let undone = 0;
  while (Date.now() < end) {
    if (!(await isUp())) continue;
    await ip(['link', 'set', 'vethd0', 'down']);
    undone += 1;
  }
  const told = await actions();
  expect(told.filter((action) => action === 'warning')).toHaveLength(1);
  expect(undone).toBeGreaterThanOrEqual(10);
  // After the ten: at 1 s, 3 s and 7 s.
  expect(told.filter((action) => action === 'repair').length).toBeLessThanOrEqual(14);
  await until('the last repair, which nobody undoes', isUp, 20_000);
  expect((await daemon.call('POST', '/vethd/reconcile?dry-run=true')).Commands).toEqual([]);
});
