import { expect, test } from 'vitest';
import { serviceOf } from './systemd.ts';

test.each([
  ['0::/system.slice/vethd.service\n', 'vethd.service'],
  ['1:name=systemd:/x\n0::/system.slice/system-vethd.slice/vethd@a.service\n', 'vethd@a.service'],
  ['0::/user.slice/user-0.slice/session-1.scope\n', undefined],
  ['0::/system.slice/vethd.service/child\n', undefined],
  ['8:pids:/\n1:name=systemd:/system.slice/vethd.service\n', 'vethd.service'],
  ['', undefined],
])('%j is of %s', (cgroup, service) => {
  expect(serviceOf(cgroup)).toBe(service);
});
