/**
 * Frames that a member makes itself, sent on a packet socket: what lies about its sender, plays the router or the
 * DHCP server, or hides in a VLAN does not arrive at a sibling. Every forged frame is followed by an honest one;
 * when that has arrived, the forged one would have, too.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderRuleset, rulesetText } from '../../src/firewall/ruleset.ts';
import { runNft } from '../../src/kernel/nft.ts';
import { Agent } from '../helpers/agent.ts';
import { run } from '../helpers/commands.ts';
import {
  addressOf,
  buildMembers,
  firewallEndpoint,
  type LabNetwork,
  macOf,
  memberName,
  NETWORKS,
} from '../helpers/firewall-lab.ts';
import {
  ARP,
  arp,
  be16,
  DESTINATION_OPTIONS,
  discovery,
  ethernet,
  FRAGMENT,
  fragment,
  HOP_BY_HOP,
  ICMPV6,
  IPV4,
  IPV6,
  ipv4,
  ipv6,
  options,
  UDP,
  udp,
  VLAN,
} from '../helpers/frames.ts';
import { linksOf } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const [nat] = NETWORKS as readonly [LabNetwork];
const OWN_MAC = macOf(nat, 2);
const SIBLING_MAC = macOf(nat, 3);
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const OWN4 = addressOf(nat, 'ipv4', 2);
const OWN6 = addressOf(nat, 'ipv6', 2);
const SIBLING4 = addressOf(nat, 'ipv4', 3);
const SIBLING6 = addressOf(nat, 'ipv6', 3);
const GATEWAY4 = addressOf(nat, 'ipv4', 1);
const LINK_LOCAL = 'fe80::42:aff:fe0b:2';

const toSibling = (type: number, ...payload: Uint8Array[]) =>
  ethernet(OWN_MAC, SIBLING_MAC, type, ...payload);

/** Options that say to go on where the fragment has ended. */
const paddingOf = (next: number, mark: string) =>
  Buffer.concat([Buffer.from([next, 5, 1, 4, 0, 0, 0, 0]), Buffer.from(mark.padEnd(16))]);

/** Options as long as the fragment: what they lead to is in the next one. */
const longOptions = (next: number, mark: string) =>
  Buffer.concat([Buffer.from([next, 2, 1, 4, 0, 0, 0, 0]), Buffer.from(mark.padEnd(16))]);

/** Each makes its frame around a mark by which the listener knows it. */
type Forge = (mark: string) => Buffer;

const FORGED: Readonly<Record<string, Forge>> = {
  'IPv4 from a sibling': (mark) => toSibling(IPV4, ipv4(GATEWAY4, SIBLING4, udp(9, 9, mark))),
  'IPv4 from outside': (mark) => toSibling(IPV4, ipv4('192.0.2.1', SIBLING4, udp(9, 9, mark))),
  'IPv4 from a foreign MAC': (mark) =>
    ethernet('02:00:00:00:00:01', SIBLING_MAC, IPV4, ipv4(OWN4, SIBLING4, udp(9, 9, mark))),
  'ARP answer for the gateway': (mark) =>
    toSibling(ARP, arp(2, OWN_MAC, GATEWAY4, SIBLING_MAC, SIBLING4, mark)),
  'ARP question from a sibling’s address': (mark) =>
    ethernet(OWN_MAC, BROADCAST, ARP, arp(1, OWN_MAC, GATEWAY4, SIBLING_MAC, SIBLING4, mark)),
  'IPv6 from a sibling': (mark) => toSibling(IPV6, ipv6('fd00:11::1', SIBLING6, UDP, udp(9, 9, mark))),
  'neighbour advertisement for the gateway': (mark) =>
    toSibling(IPV6, ipv6(OWN6, SIBLING6, ICMPV6, discovery(136, 'fd00:11::1', mark))),
  'duplicate address probe for a sibling’s address': (mark) =>
    toSibling(IPV6, ipv6('::', 'ff02::1:ff00:3', ICMPV6, discovery(135, SIBLING6, mark))),
  'router advertisement': (mark) =>
    toSibling(IPV6, ipv6(LINK_LOCAL, 'ff02::1', ICMPV6, discovery(134, '::', mark))),
  'router advertisement behind options': (mark) =>
    toSibling(IPV6, ipv6(LINK_LOCAL, 'ff02::1', HOP_BY_HOP, options(ICMPV6, discovery(134, '::', mark)))),
  'router advertisement in a first fragment': (mark) =>
    toSibling(IPV6, ipv6(LINK_LOCAL, 'ff02::1', FRAGMENT, fragment(ICMPV6, 0, discovery(134, '::', mark)))),
  'first fragment that ends before it says what it carries': (mark) =>
    toSibling(
      IPV6,
      ipv6(LINK_LOCAL, 'ff02::1', FRAGMENT, fragment(DESTINATION_OPTIONS, 0, paddingOf(ICMPV6, mark))),
    ),
  'first fragment without the header of what it carries': (mark) =>
    toSibling(
      IPV6,
      ipv6(LINK_LOCAL, SIBLING6, FRAGMENT, fragment(DESTINATION_OPTIONS, 0, longOptions(ICMPV6, mark))),
    ),
  'ICMPv6 redirect': (mark) =>
    toSibling(IPV6, ipv6(LINK_LOCAL, SIBLING6, ICMPV6, discovery(137, OWN6, mark))),
  'DHCP answer': (mark) => toSibling(IPV4, ipv4(OWN4, SIBLING4, udp(67, 68, mark))),
  'DHCPv6 answer': (mark) => toSibling(IPV6, ipv6(OWN6, SIBLING6, UDP, udp(547, 546, mark))),
  'DHCP answer from another port': (mark) => toSibling(IPV4, ipv4(OWN4, SIBLING4, udp(6767, 68, mark))),
  'DHCPv6 answer from another port': (mark) =>
    toSibling(IPV6, ipv6(OWN6, SIBLING6, UDP, udp(5475, 546, mark))),
  'ARP announcement of a sibling’s address': (mark) =>
    ethernet(OWN_MAC, BROADCAST, ARP, arp(1, OWN_MAC, SIBLING4, BROADCAST, SIBLING4, mark)),
  'ARP answer that names a foreign MAC': (mark) =>
    toSibling(ARP, arp(2, '02:00:00:00:00:01', OWN4, SIBLING_MAC, SIBLING4, mark)),
  'IPv6 from a link-local address that it was not given': (mark) =>
    toSibling(IPV6, ipv6('fe80::bad', SIBLING6, UDP, udp(9, 9, mark))),
  'IPv4 in VLAN 0': (mark) => toSibling(VLAN, be16(0, IPV4), ipv4(GATEWAY4, SIBLING4, udp(9, 9, mark))),
};

const HONEST: Readonly<Record<string, Forge>> = {
  IPv4: (mark) => toSibling(IPV4, ipv4(OWN4, SIBLING4, udp(9, 9, mark))),
  IPv6: (mark) => toSibling(IPV6, ipv6(OWN6, SIBLING6, UDP, udp(9, 9, mark))),
  'IPv6 from the link-local address': (mark) =>
    toSibling(IPV6, ipv6(LINK_LOCAL, SIBLING6, UDP, udp(9, 9, mark))),
  'a fragment of IPv6': (mark) =>
    toSibling(IPV6, ipv6(OWN6, SIBLING6, FRAGMENT, fragment(UDP, 0, udp(9, 9, mark.padEnd(24))))),
  'a later fragment of IPv6': (mark) =>
    toSibling(IPV6, ipv6(OWN6, SIBLING6, FRAGMENT, fragment(UDP, 1_024, Buffer.from(mark.padEnd(24))))),
  'IPv6 behind options': (mark) =>
    toSibling(IPV6, ipv6(OWN6, SIBLING6, DESTINATION_OPTIONS, options(UDP, udp(9, 9, mark)))),
  'IPv6 of a protocol that nobody knows': (mark) =>
    toSibling(IPV6, ipv6(OWN6, SIBLING6, 253, Buffer.from(mark))),
  'ARP answer': (mark) => toSibling(ARP, arp(2, OWN_MAC, OWN4, SIBLING_MAC, SIBLING4, mark)),
  'ARP probe': (mark) => toSibling(ARP, arp(1, OWN_MAC, '0.0.0.0', SIBLING_MAC, OWN4, mark)),
  'neighbour advertisement': (mark) =>
    toSibling(IPV6, ipv6(OWN6, SIBLING6, ICMPV6, discovery(136, OWN6, mark))),
  'duplicate address probe': (mark) =>
    toSibling(IPV6, ipv6('::', 'ff02::1:ff00:2', ICMPV6, discovery(135, OWN6, mark))),
};

let sender: Agent;
let sibling: Agent;
let host: Agent;
let ifindex = 0;
let marks = 0;

async function apply(spoofcheck: boolean, families: { enableIPv6: boolean } = { enableIPv6: true }) {
  const { firewall } = nat;
  const network = { ...firewall, ...families, options: { ...firewall.options, spoofcheck } };
  const endpoints = [2, 3].map((number) => firewallEndpoint(nat, number));
  const ruleset = renderRuleset({ networks: [network], endpoints, guardedForwarding: [] });
  expect(await runNft(rulesetText(ruleset), () => undefined)).toEqual({ ok: true });
}

/** Whether the frame arrives at `listener`, told by an honest frame behind it that must arrive. */
async function arrives(forge: Forge, listener: Agent = sibling): Promise<boolean> {
  const mark = `forged-${++marks}.`;
  const fence = `fence-${marks}.`;
  await sender.sendFrame(ifindex, forge(mark).toString('hex'));
  await sender.sendFrame(ifindex, toSibling(IPV4, ipv4(OWN4, SIBLING4, udp(9, 9, fence))).toString('hex'));
  const heard: string[] = [];
  const has = (text: string) => heard.some((frame) => frame.includes(Buffer.from(text).toString('hex')));
  await until('the honest frame', async () => {
    heard.push(...(await listener.heardFrames()));
    return has(fence);
  });
  return has(mark);
}

beforeAll(async () => {
  await buildMembers(nat);
  // Else a fragment waits in conntrack for the others.
  await run('sysctl', ['-q', '-w', 'net.bridge.bridge-nf-call-ip6tables=0']);
  [sender, sibling, host] = [new Agent(memberName(nat, 2)), new Agent(memberName(nat, 3)), new Agent()];
  await Promise.all([sender.listen(), sibling.listen(), host.listen()]);
  ifindex = (await linksOf(memberName(nat, 2))).find(({ ifname }) => ifname === 'eth0')?.ifindex ?? 0;
});

afterAll(async () => {
  await Promise.all([sender, sibling, host].map((agent) => agent.close()));
});

describe('with spoofcheck', () => {
  beforeAll(() => apply(true));

  test.for(Object.entries(FORGED))('does not arrive: %s', async ([, forge]) => {
    expect(await arrives(forge)).toBe(false);
  });

  test.for(Object.entries(HONEST))('arrives: %s', async ([, forge]) => {
    expect(await arrives(forge)).toBe(true);
  });

  test('members cannot use route_localnet to reach the host’s loopback', async () => {
    await run('sysctl', ['-q', '-w', `net.ipv4.conf.${nat.firewall.bridge}.route_localnet=1`]);
    await host.serve([99]);
    const [bridge] = (await linksOf()).filter(({ ifname }) => ifname === nat.firewall.bridge);
    const toLoopback: Forge = (mark) =>
      ethernet(OWN_MAC, bridge?.address ?? '', IPV4, ipv4(OWN4, '127.0.0.1', udp(9, 99, mark)));
    const answer = Buffer.from(OWN4).toString('hex');
    const isAnswered = async () => (await sender.heardFrames()).some((frame) => frame.includes(answer));
    await sender.sendFrame(ifindex, toLoopback('x').toString('hex'));
    // The host answers its own question after the member's, which was in its queue before.
    const question = { protocol: 'udp', address: '127.0.0.1', port: 99, timeoutMs: 5_000 } as const;
    expect(await host.ask(question)).toBe('127.0.0.1');
    expect(await isAnswered()).toBe(false);
    // Without the rule it would be: the test can tell.
    await run('nft', ['flush', 'chain', 'inet', 'vethd', 'martians']);
    await sender.sendFrame(ifindex, toLoopback('x').toString('hex'));
    await until('the answer of the loopback', isAnswered);
  });
});

describe('on a network without IPv6', () => {
  beforeAll(() => apply(true, { enableIPv6: false }));

  test('no IPv6 of a member arrives, IPv4 does', async () => {
    expect(await arrives(HONEST['IPv6'] ?? expect.fail)).toBe(false);
    expect(await arrives(HONEST['IPv4'] ?? expect.fail)).toBe(true);
  });

  test('nor without spoofcheck', async () => {
    await apply(false, { enableIPv6: false });
    expect(await arrives(HONEST['IPv6'] ?? expect.fail)).toBe(false);
  });
});

describe('without spoofcheck', () => {
  beforeAll(() => apply(false));

  test.for(Object.entries(FORGED))('arrives: %s', async ([, forge]) => {
    expect(await arrives(forge)).toBe(true);
  });
});
