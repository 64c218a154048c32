import { expect, test } from 'vitest';
import type { Observation, ObserveRequest } from '../kernel/contract.ts';
import { EMPTY_NETSTATE, UNTOLD_LINK } from '../model/netstate.ts';
import { look } from './observe.ts';
import { desiredOf, endpointOf, networkOf } from './worlds.fixture.ts';

const lab = networkOf('a', 'lab');
const member = { endpoint: endpointOf('1111111', lab, 'web1', 'eth0', '10.10.0.2'), network: lab };

/** A kernel that tells a link of the host where it is dumped, and settings where they are asked for. */
function kernel() {
  const asked: ObserveRequest[] = [];
  const observe = async (request: ObserveRequest): Promise<Observation> => {
    asked.push(request);
    const links = request.host === 'all' ? [{ ...UNTOLD_LINK, ifname: 'seen' }] : [];
    const sysctls = request.hostSysctls.map((key) => ({ key, value: '1' }));
    return { host: { ...EMPTY_NETSTATE, links, sysctls }, netns: new Map(), ownNetns: [] };
  };
  return { asked, observe };
}

test('everything: the host is asked for before the rows are read, the rest after them', async () => {
  const { asked, observe } = kernel();
  const desired = { ...desiredOf([lab], [member]), everything: true };
  const before: number[] = [];
  const { observation } = await look({ observe }, true, () => {
    before.push(asked.length);
    return desired;
  });
  expect(before).toEqual([1]);
  expect(asked.map(({ host, netns, scanNames }) => [host, netns.length, scanNames])).toEqual([
    ['all', 0, false],
    [[], 1, true],
  ]);
  expect(observation.host.links.map(({ ifname }) => ifname)).toEqual(['seen']);
  expect(observation.host.sysctls.length).toBeGreaterThan(0);
});

test('a part: one look, for what the rows say', async () => {
  const { asked, observe } = kernel();
  await look({ observe }, false, () => ({ ...desiredOf([lab], []), everything: false }));
  expect(asked).toHaveLength(1);
  expect(asked[0]?.host).not.toBe('all');
});

test('rows that cannot be read are what is told, whatever becomes of the dump', async () => {
  const failing = { observe: () => Promise.reject(new Error('no descriptor')) };
  const unreadable = () => {
    throw new Error('unreadable');
  };
  await expect(look(failing, true, unreadable)).rejects.toThrow('unreadable');
});
