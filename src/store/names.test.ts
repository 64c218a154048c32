import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../model/address.ts';
import type { Container } from '../model/container.ts';
import { dnsNamesOf, foldName } from '../model/dns-names.ts';
import type { Store } from './contract.ts';
import { containerOf, endpointOf, networkOf, subnetAt, temporaryStore } from './rows.fixture.ts';

const LAN = networkOf('aa', [subnetAt('10.0.0.0/16'), subnetAt('fd00::/64')]);
const BACK = networkOf('bb', [subnetAt('10.1.0.0/16')]);

/** The names said in TypeScript: of every running member, read whole. */
function expected(store: Store, networkId: string, foldedName: string): string[] {
  return store.listEndpointsOfNetwork(networkId).flatMap((endpoint) => {
    const container = store.getContainer(endpoint.containerId);
    if (container === undefined || container.state !== 'running') return [];
    if (container.source.kind === 'named' && container.identity === undefined) return [];
    return dnsNamesOf(container, endpoint).some((name) => foldName(name) === foldedName)
      ? [container.id]
      : [];
  });
}

function found(store: Store, networkId: string, foldedName: string): string[] {
  return store.listMembersNamed(networkId, foldedName).map(({ containerId }) => containerId);
}

const NAMES = ['web', 'Web', 'WEB', 'db', 'Ä', 'x.y', ''];

/** A random step, told by small numbers: which container, which network, what, with which names. */
const step = fc.record({
  who: fc.nat(3),
  where: fc.constantFrom(LAN, BACK),
  what: fc.constantFrom(
    'connect',
    'disconnect',
    'alias',
    'rename',
    'hostname',
    'stop',
    'start',
    'leave',
    'remove',
  ),
  names: fc.subarray(NAMES),
});

test('after any changes the names are those that dnsNamesOf gives for the rows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const store = temporaryStore();
      const containers = [0, 1, 2, 3].map((number) =>
        containerOf(`c${number}`, { source: { kind: 'named', netnsName: `c${number}` } }),
      );
      await store.write((writer) => {
        writer.insertNetwork(LAN);
        writer.insertNetwork(BACK);
        for (const container of containers) writer.insertContainer(container);
      });
      for (const [index, { who, where, what, names }] of steps.entries()) {
        await store.write((writer) => {
          const container = writer.getContainer(containers[who]?.id ?? '');
          if (container === undefined) return;
          const endpoint = writer.findEndpoint(where.id, container.id);
          const update = (change: Partial<Container>) => writer.updateContainer({ ...container, ...change });
          const [subnet] = where.subnets;
          if (what === 'connect' && endpoint === undefined && subnet !== undefined) {
            const address = writer.takeAddress(where.id, subnet, undefined);
            writer.insertEndpoint(
              endpointOf(where, container, writer.nextOrdinal(), address, {
                aliases: names,
                ifname: `eth${index}`,
              }),
            );
          }
          if (what === 'disconnect' && endpoint !== undefined) writer.removeEndpoint(endpoint.id);
          if (what === 'alias' && endpoint !== undefined)
            writer.updateEndpoint({ ...endpoint, aliases: names });
          if (what === 'rename') update({ name: `Web${index}` });
          if (what === 'hostname') update({ config: { Hostname: names[0] ?? null } });
          if (what === 'stop') update({ state: 'exited' });
          if (what === 'start') update({ state: 'running', identity: { bootId: 'b', inode: `4:${index}` } });
          if (what === 'leave') update({ identity: undefined });
          if (what === 'remove') writer.removeContainer(container.id);
        });
      }
      const all = [
        ...NAMES,
        ...containers.map(({ id }) => id.slice(0, 12)),
        ...steps.map((_, index) => `web${index}`),
      ];
      for (const network of [LAN, BACK]) {
        for (const name of new Set(all.map(foldName))) {
          expect(found(store, network.id, name)).toEqual(
            name === '' ? [] : expected(store, network.id, name),
          );
        }
        for (const { ipv4, containerId } of store.listEndpointsOfNetwork(network.id)) {
          if (ipv4 === undefined) continue;
          const running = expected(store, network.id, foldName(containerId.slice(0, 12))).length > 0;
          expect(store.findMemberAt(network.id, ipv4)?.containerId).toBe(running ? containerId : undefined);
        }
      }
      store.close();
    }),
    { numRuns: 60 },
  );
});

test('a member has the addresses of both families, and each leads to it', async () => {
  const store = temporaryStore();
  const container = containerOf('c1');
  await store.write((writer) => {
    writer.insertNetwork(LAN);
    writer.insertContainer(container);
    const [v4, v6] = LAN.subnets.map((subnet) => writer.takeAddress(LAN.id, subnet, undefined));
    writer.insertEndpoint(endpointOf(LAN, container, writer.nextOrdinal(), v4, { ipv6: v6 }));
  });
  const [member] = store.listMembersNamed(LAN.id, foldName(container.name));
  expect(member).toMatchObject({ containerId: container.id, containerName: container.name });
  expect(member?.ipv4 && formatAddress(member.ipv4)).toMatch(/^10\.0\./);
  expect(member?.ipv6 && formatAddress(member.ipv6)).toMatch(/^fd00::/);
  for (const address of [member?.ipv4, member?.ipv6]) {
    expect(address && store.findMemberAt(LAN.id, address)).toEqual(member);
  }
  expect(store.findMemberAt(LAN.id, parseAddress('10.0.200.200'))).toBeUndefined();
  expect(store.findMemberAt(BACK.id, member?.ipv4 ?? parseAddress('::'))).toBeUndefined();
});

test('a network that goes takes its names with it', async () => {
  const store = temporaryStore();
  const container = containerOf('c1');
  await store.write((writer) => {
    writer.insertNetwork(BACK);
    writer.insertContainer(container);
    const [subnet] = BACK.subnets;
    const address = subnet && writer.takeAddress(BACK.id, subnet, undefined);
    writer.insertEndpoint(endpointOf(BACK, container, writer.nextOrdinal(), address));
    writer.removeNetwork(BACK.id);
  });
  expect(found(store, BACK.id, foldName(container.name))).toEqual([]);
});
