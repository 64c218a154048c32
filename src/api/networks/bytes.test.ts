import { expect, test } from 'vitest';
import { BRIDGE, ENDPOINT, LAB, WEB } from '../../../test/helpers/memory-engine.ts';
import type { NetworkView } from '../../engine/contract.ts';
import { serialize } from '../serialize.ts';
import { NetworkBytes } from './bytes.ts';
import { toNetwork, toStatus } from './wire.ts';

const WITH_MEMBER: NetworkView = { network: LAB, members: [{ endpoint: ENDPOINT, container: WEB }] };
const OTHER = { endpoint: { ...ENDPOINT, id: 'e2'.repeat(32) }, container: { ...WEB, id: 'c2'.repeat(32) } };
const USAGE = [{ subnet: 'fd00::/64', inUse: 2n, available: 2n ** 64n }];

/** Texts that look like what is written around them. */
const TRICKY = {
  Containers: '{}',
  '"Containers":{}': '"Containers":{},"Containers":{}',
  '"Containers': ':{}',
};

const VIEWS: readonly (readonly [string, NetworkView])[] = [
  ['without members', { network: BRIDGE, members: [] }],
  ['with one', WITH_MEMBER],
  ['with two', { network: LAB, members: [...WITH_MEMBER.members, OTHER] }],
  ['with labels that look like members', { ...WITH_MEMBER, network: { ...LAB, labels: TRICKY } }],
  ['with options that do', { ...WITH_MEMBER, network: { ...LAB, options: TRICKY, ipamOptions: TRICKY } }],
];

const bytes = new NetworkBytes();

test.each(VIEWS)('%s: what toNetwork gives, in each version, again and again', (_name, view) => {
  for (const minor of [24, 47, 48, 50, 47, 50]) {
    const shown = toNetwork(view, minor);
    expect(bytes.inspected(view, minor).toString()).toBe(serialize(shown));
    const withStatus = serialize({ ...shown, Status: toStatus(USAGE) });
    expect(bytes.inspected(view, minor, USAGE).toString()).toBe(withStatus);
    expect(bytes.listed([view, WITH_MEMBER], minor).toString()).toBe(
      serialize([shown, toNetwork(WITH_MEMBER, minor)]),
    );
  }
  expect(bytes.listed([], 50).toString()).toBe('[]');
});

test('a noun that was replaced is written anew', () => {
  const renamed = { ...WEB, name: 'renamed' };
  const [subnet] = LAB.subnets;
  const narrower = {
    ...LAB,
    subnets: subnet ? [{ ...subnet, prefix: { ...subnet.prefix, length: 25 } }] : [],
  };
  for (const view of [
    WITH_MEMBER,
    { network: LAB, members: [{ endpoint: ENDPOINT, container: renamed }] },
    { network: LAB, members: [{ endpoint: { ...ENDPOINT, mac: '02:00:00:00:00:01' }, container: renamed }] },
    { network: narrower, members: WITH_MEMBER.members },
    WITH_MEMBER,
  ]) {
    expect(bytes.inspected(view, 50).toString()).toBe(serialize(toNetwork(view, 50)));
  }
});
