import { expect, test } from 'vitest';
import type { ContainerSource } from '../model/container.ts';
import { containerOf } from '../store/rows.fixture.ts';
import { processOf } from './processes.ts';

test.each<[ContainerSource, number | undefined]>([
  [{ kind: 'pid', pid: 12, startTime: '7' }, 12],
  [{ kind: 'path', path: '/proc/12/ns/net' }, 12],
  [{ kind: 'path', path: '/var/run/netns/12' }, undefined],
  [{ kind: 'path', path: '/proc/self/ns/net' }, undefined],
  [{ kind: 'named', netnsName: '12' }, undefined],
])('%j ends with process %j', (source, pid) => {
  expect(processOf(containerOf('c', { source }))).toBe(pid);
});
