import { expect, test } from 'vitest';
import { EMPTY_NETSTATE, UNTOLD_LINK } from '../model/netstate.ts';
import type { NetnsQuery, ObserveRequest } from './contract.ts';
import { observeInParts } from './observe-parts.ts';

const IDENTITY = { bootId: 'boot', inode: '4:1' };

function queryOf(name: string): NetnsQuery {
  return { key: `key-${name}`, ref: { kind: 'name', name }, sysctls: [] };
}

/** A kernel in which every namespace that is asked for is there, its lo with this alias, and one more that is ours. */
function kernelWith(alias: string) {
  const asked: { readonly request: ObserveRequest; readonly seen: readonly string[] }[] = [];
  const observe = async (request: ObserveRequest, seen: readonly string[]) => {
    asked.push({ request, seen });
    // The later a part was asked for, the sooner it answers.
    for (let turns = 10 - asked.length; turns > 0; turns--) await Promise.resolve();
    const lo = { ...UNTOLD_LINK, ifname: 'lo', alias };
    const found = {
      status: 'present',
      identity: IDENTITY,
      state: { ...EMPTY_NETSTATE, links: [lo] },
    } as const;
    const ownNetns = request.scanNames ? [{ name: 'other', alias: 'vethd:x', identity: IDENTITY }] : [];
    const sysctls = request.hostSysctls.map((key) => ({ key, value: '1' }));
    const host = { ...EMPTY_NETSTATE, sysctls };
    return { host, netns: new Map(request.netns.map(({ key }) => [key, found] as const)), ownNetns };
  };
  return { asked, observe };
}

const ALL = { host: 'all', hostSysctls: ['ipv4/ip_forward'], scanNames: true, counters: true } as const;
const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);

test.each([
  [0, [0]],
  [1, [1]],
  [64, [64]],
  [65, [64, 1]],
  [200, [64, 64, 64, 8]],
])('%d namespaces in parts of %j, all asked for at once', async (count, sizes) => {
  const { asked, observe } = kernelWith('');
  const looking = observeInParts(observe, { ...ALL, netns: names(count).map(queryOf) });
  expect(asked.map(({ request }) => request.netns.length)).toEqual(sizes);
  const { netns, host } = await looking;
  expect([...netns.keys()]).toEqual(names(count).map((name) => `key-${name}`));
  expect(host.sysctls).toEqual([{ key: 'ipv4/ip_forward', value: '1' }]);
});

test('the host comes with the first part, other names with the last, counters with each', async () => {
  const { asked, observe } = kernelWith('');
  await observeInParts(observe, { ...ALL, netns: names(130).map(queryOf) });
  expect(asked.map(({ request: { netns: _, ...request }, seen }) => ({ ...request, seen }))).toEqual([
    { ...ALL, scanNames: false, seen: [] },
    { ...ALL, host: [], hostSysctls: [], scanNames: false, seen: [] },
    { ...ALL, host: [], hostSysctls: [], seen: names(130) },
  ]);
});

test('namespaces of ours are those of the parts and the others', async () => {
  const request = { ...ALL, netns: names(65).map(queryOf) };
  const ours = await observeInParts(kernelWith('vethd:c').observe, request);
  expect(ours.ownNetns.map(({ name }) => name)).toEqual([...names(65), 'other']);
  expect(ours.ownNetns[0]).toEqual({ name: 'n0', alias: 'vethd:c', identity: IDENTITY });
  const foreign = await observeInParts(kernelWith('lo').observe, request);
  expect(foreign.ownNetns.map(({ name }) => name)).toEqual(['other']);
  const unasked = await observeInParts(kernelWith('vethd:c').observe, { ...request, scanNames: false });
  expect(unasked.ownNetns).toEqual([]);
});
