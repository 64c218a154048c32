import { describe, expect, test } from 'vitest';
import type { Observation } from '../kernel/contract.ts';
import { parsePrefix } from '../model/address.ts';
import type { ObservedLink, ObservedState } from '../model/netstate.ts';
import type { Desired } from './desired.ts';
import { plan } from './plan.ts';
import { show } from './show.ts';
import { desiredOf, endpointOf, networkOf, observationOf, withState } from './worlds.fixture.ts';

const lab = networkOf('a', 'lab');
const back = networkOf('b', 'back');
const first = { endpoint: endpointOf('1111111', lab, 'web1', 'eth0', '10.10.0.2'), network: lab };
const second = { endpoint: endpointOf('2222222', lab, 'web2', 'eth0', '10.10.0.3'), network: lab };
const other = { endpoint: endpointOf('3333333', back, 'web1', 'eth1', '10.11.0.2'), network: back };
const both = desiredOf([lab], [first, second]);

/** The plan as a person would type it; namespaces are called by their key. */
function lines(desired: Desired, observation: Observation): string[] {
  return plan(desired, observation).operations.flatMap((operation) => show(operation, (name) => ({ name })));
}

function without(ifname: string): (state: ObservedState) => ObservedState {
  return (state) => ({
    ...state,
    links: state.links.filter((link) => link.ifname !== ifname),
    addresses: state.addresses.filter((entry) => entry.ifname !== ifname),
    routes: state.routes.filter((entry) => entry.ifname !== ifname),
    neighbours: state.neighbours.filter((entry) => entry.ifname !== ifname),
    fdb: state.fdb.filter((entry) => entry.ifname !== ifname),
    sysctls: state.sysctls.map((entry) =>
      entry.key.includes(`/${ifname}/`) ? { key: entry.key, value: undefined } : entry,
    ),
  });
}

function changed(ifname: string, change: Partial<ObservedLink>): (state: ObservedState) => ObservedState {
  return (state) => ({
    ...state,
    links: state.links.map((link) => (link.ifname === ifname ? { ...link, ...change } : link)),
  });
}

describe('plan', () => {
  test('is empty when everything is as desired', () => {
    expect(lines(both, observationOf(both))).toEqual([]);
    const two = desiredOf([lab, back], [first, second, other]);
    expect(lines(two, observationOf(two))).toEqual([]);
  });

  test('leaves out settings that the kernel does not have', () => {
    const observation = withState(observationOf(both), 'host', (state) => ({
      ...state,
      sysctls: state.sysctls.map(({ key }) => ({ key, value: undefined })),
    }));
    expect(observation.host.sysctls).not.toEqual([]);
    expect(lines(both, observation)).toEqual([]);
  });

  test('makes a bridge with its gateway', () => {
    const before = observationOf(desiredOf([], []));
    expect(lines(desiredOf([lab], []), before)).toEqual([
      'ip link add br-aaaaaaaaaaaa address 02:42:0a:0a:00:01 type bridge',
      `ip link set dev br-aaaaaaaaaaaa alias vethd:${'a'.repeat(64)} mtu 1500 addrgenmode none up`,
      'sysctl -w net.ipv6.conf.br-aaaaaaaaaaaa.disable_ipv6=1',
      'ip address add 10.10.0.1/24 brd 10.10.0.255 dev br-aaaaaaaaaaaa',
    ]);
  });

  test('gives birth to the peer inside, then dresses both ends, then settles the carrier', () => {
    const before = observationOf(desiredOf([lab], [], ['web1']));
    const operations = plan(desiredOf([lab], [first]), before).operations.map(
      ({ op, netns }) => `${netns} ${op}`,
    );
    expect(operations).toEqual([
      'host createVeth',
      'web1 changeLink',
      'web1 addAddress',
      'web1 addRoute',
      'web1 addNeighbour',
      'host addFdbEntry',
      'host addNeighbour',
      'host settleCarrier',
      'host settleCarrier',
    ]);
  });

  test('retires both ends of what nobody wants any more', () => {
    const after = desiredOf([lab], [second], ['web1']);
    expect(plan(after, observationOf(both)).operations).toMatchObject([
      {
        op: 'removeNeighbour',
        netns: 'host',
        neighbour: { ifname: 'br-aaaaaaaaaaaa', mac: first.endpoint.mac },
      },
      { op: 'retireLink', netns: 'host', ifname: 'veth1111111', peer: { netns: 'web1', ifname: 'eth0' } },
    ]);
  });

  test('replaces the default route in one step when its endpoint goes', () => {
    const before = desiredOf([lab, back], [first, other]);
    const after = desiredOf([lab, back], [other]);
    const routes = lines(after, observationOf(before)).filter((line) => line.includes('route'));
    expect(routes).toEqual([]);
    const reversed = lines(desiredOf([lab, back], [first]), observationOf(before)).filter((line) =>
      line.includes('route'),
    );
    expect(reversed).toEqual(['ip -n web1 route replace default via 10.10.0.1 dev eth0 proto 118']);
  });

  test.each([
    [
      'a port that lost its bridge',
      'host',
      changed('veth1111111', { masterIndex: 0 }),
      'master br-aaaaaaaaaaaa',
    ],
    ['a bridge that is down', 'host', changed('br-aaaaaaaaaaaa', { up: false }), 'br-aaaaaaaaaaaa up'],
    ['a host end renamed', 'host', changed('veth1111111', { ifname: 'foo' }), 'dev foo name veth1111111'],
    [
      'a MAC changed inside',
      'web1',
      changed('eth0', { mac: '02:00:00:00:00:99' }),
      'address 02:42:0a:0a:00:02',
    ],
    ['an MTU changed inside', 'web1', changed('eth0', { mtu: 1280 }), '-n web1 link set dev eth0 mtu 1500'],
    ['lo down', 'web1', changed('lo', { up: false }), 'ip -n web1 link set dev lo up'],
  ])('mends %s with one command', (_, key, drift, command) => {
    const found = lines(both, withState(observationOf(both), key, drift)).filter(
      (line) => !line.startsWith('bridge'),
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(command);
  });

  test('makes a pair anew when one end is gone, and removes what is left of the old one', () => {
    const half = withState(observationOf(both), 'web1', without('eth0'));
    const operations = plan(both, half).operations.map(({ op }) => op);
    expect(operations.slice(0, 2)).toEqual(['retireLink', 'createVeth']);
  });

  test('finishes a pair whose peer was born but not named yet', () => {
    const born = withState(observationOf(both), 'web1', changed('eth0', { alias: '', up: false }));
    expect(lines(both, born)).toEqual([`ip -n web1 link set dev eth0 alias vethd:${first.endpoint.id} up`]);
  });

  test('puts back addresses, routes and neighbours that were flushed', () => {
    const flushed = withState(observationOf(both), 'web1', (state) => ({
      ...state,
      addresses: [],
      routes: [],
      neighbours: [],
    }));
    expect(lines(both, flushed)).toEqual([
      'ip -n web1 address add 10.10.0.2/24 brd 10.10.0.255 dev eth0',
      'ip -n web1 route replace 10.10.0.0/24 dev eth0 scope link src 10.10.0.2 proto kernel',
      'ip -n web1 route replace default via 10.10.0.1 dev eth0 proto 118',
      'ip -n web1 neighbour replace 10.10.0.1 lladdr 02:42:0a:0a:00:01 dev eth0 nud permanent proto 118',
    ]);
  });

  test('leaves alone what is not ours', () => {
    const foreign = withState(observationOf(both), 'host', (state) => ({
      ...state,
      links: [
        ...state.links,
        { ...(state.links[0] as ObservedLink), ifname: 'vethfeedbee', alias: '', ifindex: 77, kind: 'veth' },
        { ...(state.links[0] as ObservedLink), ifname: 'br-feedbeefcafe', alias: 'docker', ifindex: 78 },
      ],
      addresses: [
        ...state.addresses,
        { ifname: 'br-aaaaaaaaaaaa', prefix: parsePrefix('192.0.2.1/24'), ours: false },
      ],
    }));
    expect(lines(both, foreign)).toEqual([]);
  });

  test('leaves alone what is not ours in a namespace, and removes what is ours and nobody wants', () => {
    const inside = withState(observationOf(both), 'web1', (state) => {
      const [eth0] = state.links.filter(({ ifname }) => ifname === 'eth0');
      if (eth0 === undefined) throw new Error('no eth0');
      const lo = state.links.map((link) => (link.ifname === 'lo' ? { ...link, alias: 'vethd:web1' } : link));
      return {
        ...state,
        links: [
          ...lo,
          { ...eth0, ifname: 'tun0', kind: 'tun', alias: '', ifindex: 77 },
          { ...eth0, ifname: 'eth7', alias: `vethd:${'7'.repeat(64)}`, ifindex: 78, peerIndex: 79 },
        ],
      };
    });
    expect(plan(both, inside).operations).toMatchObject([
      { op: 'retireLink', netns: 'web1', ifname: 'eth7', object: '7'.repeat(64) },
    ]);
  });

  test('mends a setting, and no other', () => {
    const drifted = withState(observationOf(both), 'host', (state) => ({
      ...state,
      sysctls: state.sysctls.map((entry, index) => (index === 0 ? { ...entry, value: '7' } : entry)),
    }));
    const [first] = both.host.sysctls;
    expect(plan(both, drifted).operations).toMatchObject([{ op: 'setSysctl', netns: 'host', sysctl: first }]);
  });

  test('names whom a change is for: the endpoint of a link, the container of lo', () => {
    const objectsOf = (ifname: string) =>
      plan(both, withState(observationOf(both), 'web1', changed(ifname, { up: false }))).operations.map(
        ({ object }) => object,
      );
    expect(new Set(objectsOf('eth0'))).toEqual(new Set([first.endpoint.id]));
    expect(objectsOf('lo')).toEqual(['web1']);
  });

  test('settles the carrier of a host end that it changed', () => {
    const down = withState(observationOf(both), 'host', changed('veth1111111', { up: false }));
    expect(plan(both, down).operations).toMatchObject([
      { op: 'changeLink', ifname: 'veth1111111', change: { up: true } },
      { op: 'settleCarrier', netns: 'host', ifname: 'veth1111111' },
    ]);
    const inside = withState(observationOf(both), 'web1', changed('eth0', { up: false }));
    expect(plan(both, inside).operations.map(({ op }) => op)).not.toContain('settleCarrier');
  });

  test.for([
    ['made by us: its name goes', 'vethd:web1', ['retireLink', 'removeNetns']],
    ['made by others: its name stays', '', ['retireLink']],
  ] as const)('a namespace that should hold nothing, %s', ([, alias, expected]) => {
    const vacant = { ...desiredOf([lab], [second]), everything: false };
    const narrow = { ...vacant, vacant: new Map([['web1', { kind: 'name', name: 'web1' } as const]]) };
    const observation = withState(observationOf(both), 'web1', changed('lo', { alias }));
    const { operations } = plan(narrow, observation);
    const removing = operations.filter(({ op }) => op === 'retireLink' || op === 'removeNetns');
    expect(removing.map(({ op }) => op)).toEqual(expected);
    expect(removing[0]).toMatchObject({ peer: { netns: 'web1', ifname: 'eth0' } });
  });

  test('uses a bridge of somebody else as it is', () => {
    const foreign = withState(
      observationOf(both),
      'host',
      changed('br-aaaaaaaaaaaa', { alias: '', mtu: 9000 }),
    );
    expect(lines(both, foreign)).toEqual([]);
    const withIpv6 = withState(foreign, 'host', (state) => ({ ...state, sysctls: [] }));
    expect(lines(both, withIpv6)).toEqual([]);
  });

  test('does not plumb into a namespace that is not there, and retires its host end', () => {
    const observation = observationOf(both);
    const netns = new Map(observation.netns).set('web1', { status: 'absent', reason: 'no such file' });
    const planned = plan(both, { ...observation, netns });
    expect([...planned.missing]).toEqual([['web1', 'no such file']]);
    expect(planned.operations.map(({ op }) => op)).toEqual(['removeNeighbour', 'retireLink']);
  });

  test('forgets who a member may be when its link is gone, and its ports before', () => {
    const at = { netns: 'host', object: 'firewall', changes: [] } as const;
    const rules = [{ ...at, op: 'forgetSenders' } as const, { ...at, op: 'changeElements' } as const];
    const observation = observationOf(both);
    const netns = new Map(observation.netns).set('web1', { status: 'absent', reason: 'no such file' });
    const { operations } = plan(both, { ...observation, netns }, rules);
    expect(operations.map(({ op }) => op)).toEqual([
      'changeElements',
      'removeNeighbour',
      'retireLink',
      'forgetSenders',
    ]);
  });

  test('asks for a look at everything when it meets half a pair in a narrow scope', () => {
    const narrow = { ...both, everything: false };
    expect(plan(narrow, withState(observationOf(both), 'host', without('veth1111111'))).needsEverything).toBe(
      true,
    );
    expect(plan(narrow, observationOf(both)).needsEverything).toBe(false);
  });

  test('unbinds names of our namespaces that no row has, and no others', () => {
    const web1 = both.netns.get('web1');
    if (web1 === undefined) throw new Error('no web1');
    const netns = new Map(both.netns).set('web1', { ...web1, managedName: 'new' });
    const identity = { bootId: 'boot', inode: '4:1' };
    const ownNetns = [
      { name: 'new', alias: 'vethd:web1', identity },
      { name: 'old', alias: 'vethd:web1', identity },
      { name: 'gone', alias: 'vethd:web9', identity },
    ];
    const planned = plan({ ...both, netns }, { ...observationOf(both), ownNetns });
    expect(
      planned.operations.map((operation) => [operation.op, 'name' in operation && operation.name]),
    ).toEqual([
      ['removeNetns', 'old'],
      ['removeNetns', 'gone'],
    ]);
  });
});
