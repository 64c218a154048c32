import { expect, test } from 'vitest';
import { bridgeOperations, connectOperations, disconnectOperation } from '../../test/helpers/operations.ts';
import { namesNeeded } from './names-needed.ts';

test('a connect asks for its bridge alone: the pair is made by it', () => {
  const names = namesNeeded(connectOperations('br0', 'a', 'veth1', 2));
  expect([...names]).toEqual([['host', { index: ['br0'], whole: [] }]]);
});

test('a bridge that the list makes is not asked for', () => {
  const operations = [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)];
  expect([...namesNeeded(operations)]).toEqual([]);
});

test('a disconnect asks for the host’s end', () => {
  expect([...namesNeeded([disconnectOperation('a', 'veth1')])]).toEqual([
    ['host', { index: [], whole: ['veth1'] }],
  ]);
});

test('a name that is freed and given again is asked for when its turn comes', () => {
  const operations = [disconnectOperation('a', 'veth1'), ...connectOperations('br0', 'a', 'veth1', 2)];
  expect([...namesNeeded(operations)]).toEqual([['host', { index: ['br0'], whole: [] }]]);
});

test('only a new name needs the link’s ifindex', () => {
  const on = { op: 'changeLink', netns: 'host', object: 'x', ifname: 'v0' } as const;
  expect([...namesNeeded([{ ...on, change: { up: true } }])]).toEqual([]);
  expect([...namesNeeded([{ ...on, change: { ifname: 'v1' } }])]).toEqual([
    ['host', { index: [], whole: ['v0'] }],
  ]);
  expect([...namesNeeded([{ ...on, change: { master: 'br0' } }])]).toEqual([
    ['host', { index: ['br0'], whole: [] }],
  ]);
});
