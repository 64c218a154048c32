import { expect, test } from 'vitest';
import type { Container } from '../model/container.ts';
import { containerOf, temporaryStore } from './rows.fixture.ts';

const identity = { bootId: 'boot', inode: '4:4026532000' };
const WEB = containerOf('web');
const NAMED = containerOf('a1', { source: { kind: 'named', netnsName: 'lab' }, identity });
const SHARED = containerOf('a2', { source: { kind: 'shared', containerId: NAMED.id }, identity: undefined });

test('containers are found by namespace, by its name and by whose it is', async () => {
  const store = temporaryStore();
  await store.write((writer) => {
    for (const container of [WEB, NAMED, SHARED]) writer.insertContainer(container);
  });
  expect(store.listContainersIn(identity)).toEqual([NAMED]);
  expect(store.listContainersIn({ ...identity, bootId: 'another' })).toEqual([]);
  expect(store.listContainersAt('lab')).toEqual([NAMED]);
  expect(store.listContainersAt('')).toEqual([]);
  expect(store.listContainersSharing(NAMED.id)).toEqual([SHARED]);
});

test('a change is seen at once, and gone with a transaction that fails', async () => {
  const store = temporaryStore();
  await store.write((writer) => writer.insertContainer(NAMED));
  const moved: Container = { ...NAMED, source: { kind: 'named', netnsName: 'moved' }, identity: undefined };
  const failing = store.write((writer) => {
    writer.updateContainer(moved);
    expect(writer.listContainersAt('moved')).toEqual([moved]);
    expect(writer.listContainersIn(identity)).toEqual([]);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(store.listContainersAt('moved')).toEqual([]);
  expect(store.listContainersIn(identity)).toEqual([NAMED]);
});
