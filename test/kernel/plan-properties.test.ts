/**
 * What must hold for any two worlds, on the real kernel: after a pass nothing is left to do; a world reached by
 * way of another is the same world; a pass that was cut short anywhere is finished by the next.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Kernel, Observation } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { formatAddress, formatPrefix, type Prefix } from '../../src/model/address.ts';
import type { ObservedState } from '../../src/model/netstate.ts';
import type { Operation } from '../../src/model/operation.ts';
import type { Desired } from '../../src/reconcile/desired.ts';
import { observeRequest } from '../../src/reconcile/observe.ts';
import { type Plan, plan } from '../../src/reconcile/plan.ts';
import { desiredOf, endpointOf, networkOf, type Variant } from '../../src/reconcile/worlds.fixture.ts';
import { addNetns, linksOfVethd, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const CONTAINERS = ['c1', 'c2', 'c3'];
const DIGITS = ['a', 'b', 'c'];

/** How often each property is tried, 0.1 s each; the same ways each time, many more and others by `npm run test:soak`. */
const IS_LONG = process.env['VETHD_SOAK'] !== undefined;
const RUNS = IS_LONG ? 1_000 : 20;
const PARAMETERS = { numRuns: RUNS, ...(IS_LONG ? {} : { seed: 1 }) };
const TIMEOUT = { timeout: 30_000 + 1_000 * RUNS };

let kernel: Kernel;

beforeAll(async () => {
  kernel = await openKernel({});
  for (const name of CONTAINERS) await addNetns(name);
});

afterAll(async () => {
  await makeSo(desiredOf([], [], CONTAINERS));
  await until('all is reaped', async () => (await linksOfVethd()).length === 0);
  for (const name of CONTAINERS) await removeNetns(name);
  await kernel.close();
});

/**
 * One world: which networks there are, of what kind, and which containers are on them with which address. A network may
 * be of another kind in the next world, as when it was removed and made anew under the same name of its bridge.
 */
interface World {
  readonly networks: readonly { readonly index: number; readonly variant: Variant }[];
  readonly members: readonly {
    readonly network: number;
    readonly container: number;
    readonly host: number;
  }[];
}

const variants: fc.Arbitrary<Variant> = fc.record({
  ipv6: fc.boolean(),
  internal: fc.boolean(),
  options: fc.record({
    mtu: fc.constantFrom(undefined, 1400),
    icc: fc.boolean(),
    spoofcheck: fc.boolean(),
    permanentNeighbours: fc.boolean(),
    gatewayModeIpv4: fc.constantFrom('nat', 'routed', 'isolated'),
    gatewayModeIpv6: fc.constantFrom('nat', 'routed'),
    inhibitIpv4: fc.boolean(),
  }),
});

const worlds: fc.Arbitrary<World> = fc
  .record({
    networks: fc.uniqueArray(fc.record({ index: fc.integer({ min: 0, max: 2 }), variant: variants }), {
      maxLength: 3,
      selector: ({ index }) => index,
    }),
    members: fc.uniqueArray(
      fc.record({
        network: fc.integer({ min: 0, max: 2 }),
        container: fc.integer({ min: 0, max: 2 }),
        host: fc.integer({ min: 2, max: 4 }),
      }),
      { maxLength: 6, selector: ({ network, container }) => `${network}/${container}` },
    ),
  })
  .map(({ networks, members }) => ({
    networks,
    members: members.filter(
      (member, index) =>
        networks.some(({ index: made }) => made === member.network) &&
        members.findIndex((other) => other.network === member.network && other.host === member.host) ===
          index,
    ),
  }));

function desiredWorld({ networks, members }: World): Desired {
  const made = new Map(
    networks.map(({ index, variant }) => {
      const digit = DIGITS[index] ?? '';
      return [index, networkOf(digit, `net-${digit}`, variant)] as const;
    }),
  );
  const count = new Map<string, number>();
  return desiredOf(
    [...made.values()],
    members.flatMap(({ network: index, container: number, host }) => {
      const network = made.get(index);
      const container = CONTAINERS[number];
      if (network === undefined || container === undefined) return [];
      const order = count.get(container) ?? 0;
      count.set(container, order + 1);
      const digit = DIGITS[index] ?? '';
      const digits = `${index}${number}${host}${order}fff`;
      const ipv4 = `10.${Number.parseInt(digit, 16)}.0.${host}`;
      const ipv6 = network.network.enableIPv6 ? `fd00:0:0:${digit}::${host}` : undefined;
      return [{ network, endpoint: endpointOf(digits, network, container, `eth${order}`, ipv4, ipv6) }];
    }),
    CONTAINERS,
  );
}

async function planFor(desired: Desired): Promise<Plan> {
  return plan(desired, await kernel.observe(observeRequest(desired)));
}

/** Carries out the first `count` Operations of a plan, all unless told. */
async function carryOut(planned: Plan, count = planned.operations.length): Promise<void> {
  const netns = new Map(
    [...planned.netns].flatMap(([key, { ref, observed }]) =>
      observed?.status === 'present' ? [[key, { ref, identity: observed.identity }] as const] : [],
    ),
  );
  const operations: Operation[] = planned.operations.slice(0, count);
  const results = await kernel.apply({ operations, netns });
  const refused = results.flatMap((result, index) =>
    result.ok ? [] : [{ ...result, operation: operations[index] }],
  );
  expect(refused).toEqual([]);
}

/** As a pass does it: what changes a link that was there (its MAC, say) may drop what hangs on it, and is looked at again. */
async function makeSo(desired: Desired): Promise<void> {
  const first = await planFor(desired);
  await carryOut(first);
  if (first.operations.some(({ op }) => op === 'changeLink')) await carryOut(await planFor(desired));
  const rest = await planFor(desired);
  expect(rest.operations).toEqual([]);
  await kernel.reap();
}

/** The kernel makes them itself, in its own time: with the first carrier of a bridge, for instance. */
function isLinkLocal({ address }: Prefix): boolean {
  return formatAddress(address).startsWith('fe80:');
}

/** What a namespace holds, without what differs from one making to the next (indexes, the host end's MAC, counters). */
function essence(state: ObservedState): unknown {
  const names = new Map(state.links.map(({ ifindex, ifname }) => [ifindex, ifname]));
  return {
    links: state.links
      .filter(({ alias }) => alias.startsWith('vethd:') && alias !== 'vethd:retired')
      .map(({ ifname, alias, up, mtu, addrGenMode, masterIndex, port }) => ({
        ifname,
        alias,
        up,
        mtu,
        addrGenMode,
        master: names.get(masterIndex),
        port: port && { ...port, state: '' },
      }))
      .sort((a, b) => a.ifname.localeCompare(b.ifname)),
    addresses: state.addresses
      .filter(({ prefix }) => !isLinkLocal(prefix))
      .map(({ ifname, prefix }) => `${ifname} ${formatPrefix(prefix)}`)
      .sort(),
    routes: state.routes
      .filter(({ destination }) => !isLinkLocal(destination))
      .map(({ ifname, destination, gateway }) =>
        [ifname, formatPrefix(destination), gateway && formatAddress(gateway)].join(' '),
      )
      .sort(),
    neighbours: state.neighbours
      .map(({ ifname, address, mac }) => `${ifname} ${formatAddress(address)} ${mac}`)
      .sort(),
    fdb: state.fdb.map(({ ifname, mac }) => `${ifname} ${mac}`).sort(),
    sysctls: state.sysctls.map(({ key, value }) => `${key} ${value}`).sort(),
  };
}

async function observeEssence(desired: Desired): Promise<unknown> {
  const observation: Observation = await kernel.observe(observeRequest(desired));
  const inside = [...observation.netns].map(([key, found]) => [
    key,
    found.status === 'present' ? essence(found.state) : found.status,
  ]);
  return { host: essence(observation.host), inside };
}

describe('for any worlds A and B', () => {
  test('after a pass for A nothing is left to do', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => makeSo(desiredWorld(world))),
      PARAMETERS,
    );
  });

  test('A then B ends as B alone would', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, worlds, async (first, second) => {
        const desired = desiredWorld(second);
        await makeSo(desiredOf([], [], CONTAINERS));
        await makeSo(desired);
        const alone = await observeEssence(desired);
        await makeSo(desiredWorld(first));
        await makeSo(desired);
        expect(await observeEssence(desired)).toEqual(alone);
      }),
      PARAMETERS,
    );
  });

  test('a pass that is cut after any operation is finished by the next', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, worlds, fc.nat(), async (first, second, cut) => {
        const desired = desiredWorld(second);
        await makeSo(desiredWorld(first));
        await makeSo(desired);
        const uncut = await observeEssence(desired);
        await makeSo(desiredWorld(first));
        const planned = await planFor(desired);
        await carryOut(planned, planned.operations.length === 0 ? 0 : cut % planned.operations.length);
        await makeSo(desired);
        expect(await observeEssence(desired)).toEqual(uncut);
      }),
      PARAMETERS,
    );
  });
});
