/**
 * Frames that a member forges, on networks that the daemon made: they do not arrive at its sibling, unless the network
 * allows it. Every forged frame is followed by an honest one: when that has arrived, the forged one would have, too.
 * (`test/kernel/firewall-spoof.test.ts` asks more of the ruleset alone.)
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent } from '../helpers/agent.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import {
  ARP,
  arp,
  discovery,
  ethernet,
  ICMPV6,
  IPV4,
  IPV6,
  ipv4,
  ipv6,
  UDP,
  udp,
} from '../helpers/frames.ts';
import { addNetns, ip, linksOf } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const OPTION = 'vethd.spoofcheck';
const NETWORKS: Readonly<Record<string, object>> = {
  checked: { EnableIPv6: true, IPAM: { Config: [{ Subnet: '10.73.0.0/24' }, { Subnet: 'fd73::/64' }] } },
  open: {
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '10.74.0.0/24' }, { Subnet: 'fd74::/64' }] },
    Options: { [OPTION]: 'false' },
  },
  ipv4only: { IPAM: { Config: [{ Subnet: '10.76.0.0/24' }] } },
};

/** Who sends or hears. */
interface Member {
  readonly agent: Agent;
  readonly mac: string;
  readonly ipv4: string;
  /** `''` on a network without. */
  readonly ipv6: string;
  readonly ifindex: number;
}

/** A pair of members of one network. */
interface Pair {
  readonly from: Member;
  readonly to: Member;
}

/** Makes a frame around a mark by which the listener knows it. */
type Forge = (pair: Pair, mark: string) => Buffer;

const FOREIGN_MAC = '02:00:00:00:00:01';
const gatewayOf = ({ ipv4: address }: Member) => address.replace(/\d+$/, '1');
const send = ({ from, to }: Pair, type: number, payload: Uint8Array) =>
  ethernet(from.mac, to.mac, type, payload);

const HONEST: Forge = (pair, mark) => send(pair, IPV4, ipv4(pair.from.ipv4, pair.to.ipv4, udp(9, 9, mark)));

const FORGED: Readonly<Record<string, Forge>> = {
  'a foreign MAC': ({ from, to }, mark) =>
    ethernet(FOREIGN_MAC, to.mac, IPV4, ipv4(from.ipv4, to.ipv4, udp(9, 9, mark))),
  'a foreign IPv4 sender': (pair, mark) => send(pair, IPV4, ipv4('192.0.2.1', pair.to.ipv4, udp(9, 9, mark))),
  'the gateway as ARP sender': (pair, mark) =>
    send(pair, ARP, arp(2, pair.from.mac, gatewayOf(pair.from), pair.to.mac, pair.to.ipv4, mark)),
  'a DHCP answer': (pair, mark) => send(pair, IPV4, ipv4(pair.from.ipv4, pair.to.ipv4, udp(67, 68, mark))),
};

const FORGED6: Readonly<Record<string, Forge>> = {
  'a foreign IPv6 sender': (pair, mark) =>
    send(pair, IPV6, ipv6('2001:db8::1', pair.to.ipv6, UDP, udp(9, 9, mark))),
  'a neighbour advertisement for the sibling': (pair, mark) =>
    send(pair, IPV6, ipv6(pair.from.ipv6, pair.to.ipv6, ICMPV6, discovery(136, pair.to.ipv6, mark))),
  'a router advertisement': (pair, mark) =>
    send(pair, IPV6, ipv6(pair.from.ipv6, 'ff02::1', ICMPV6, discovery(134, '::', mark))),
  'a DHCPv6 answer': (pair, mark) =>
    send(pair, IPV6, ipv6(pair.from.ipv6, pair.to.ipv6, UDP, udp(547, 546, mark))),
};

const names = Object.keys(NETWORKS);
const pairs = new Map<string, Pair>();
let marks = 0;

function pairOf(network: string): Pair {
  const pair = pairs.get(network);
  if (pair === undefined) throw new Error(`no pair on ${network}`);
  return pair;
}

async function arrives(pair: Pair, forge: Forge): Promise<boolean> {
  const { from, to } = pair;
  const [mark, fence] = [`forged-${++marks}.`, `fence-${marks}.`];
  await from.agent.sendFrame(from.ifindex, forge(pair, mark).toString('hex'));
  await from.agent.sendFrame(from.ifindex, HONEST(pair, fence).toString('hex'));
  const heard: string[] = [];
  const has = (text: string) => heard.some((frame) => frame.includes(Buffer.from(text).toString('hex')));
  await until('the honest frame', async () => {
    heard.push(...(await to.agent.heardFrames()));
    return has(fence);
  });
  return has(mark);
}

beforeAll(async () => {
  for (const network of names) for (const which of ['a', 'b']) await addNetns(`${network}-${which}`);
});

const daemon = daemonForFile();

async function join(network: string, name: string): Promise<Member> {
  await daemon.call('POST', `/networks/${network}/connect`, { Container: name });
  const { NetworkSettings: settings } = await daemon.call('GET', `/containers/${name}/json`);
  const { MacAddress: mac, IPAddress: address4, GlobalIPv6Address: address6 } = settings.Networks[network];
  const agent = new Agent(name);
  await agent.listen();
  const ifindex = (await linksOf(name)).find(({ ifname }) => ifname === 'eth0')?.ifindex ?? 0;
  return { agent, mac, ipv4: address4, ipv6: address6, ifindex };
}

beforeAll(async () => {
  for (const network of names) {
    await daemon.call('POST', '/networks/create', { Name: network, ...NETWORKS[network] });
    const [from, to] = [await join(network, `${network}-a`), await join(network, `${network}-b`)];
    pairs.set(network, { from, to });
  }
});

afterAll(async () => {
  for (const { from, to } of pairs.values()) {
    await from.agent.close();
    await to.agent.close();
  }
  for (const network of names) {
    for (const which of ['a', 'b']) {
      await daemon.call('POST', `/networks/${network}/disconnect`, { Container: `${network}-${which}` });
    }
    await daemon.call('DELETE', `/networks/${network}`);
  }
});

describe('on a network as it comes', () => {
  test.for(Object.entries({ ...FORGED, ...FORGED6 }))('does not arrive: %s', async ([, forge]) => {
    expect(await arrives(pairOf('checked'), forge)).toBe(false);
  });

  test('a MAC that the member has given itself', async () => {
    const pair = pairOf('checked');
    await ip(['link', 'set', 'eth0', 'address', FOREIGN_MAC], 'checked-a');
    const own: Forge = ({ to }, mark) =>
      ethernet(FOREIGN_MAC, to.mac, IPV4, ipv4(pair.from.ipv4, to.ipv4, udp(9, 9, mark)));
    expect(await arrives(pair, own)).toBe(false);
  });
});

describe(`with ${OPTION}=false`, () => {
  test.for(Object.entries({ ...FORGED, ...FORGED6 }))('arrives: %s', async ([, forge]) => {
    expect(await arrives(pairOf('open'), forge)).toBe(true);
  });
});

describe('on a network without IPv6', () => {
  test.for(Object.entries(FORGED))('does not arrive: %s', async ([, forge]) => {
    expect(await arrives(pairOf('ipv4only'), forge)).toBe(false);
  });

  test('no interface has an IPv6 address, and none that a member takes gets through', async () => {
    const pair = pairOf('ipv4only');
    expect(await ip(['-6', '-o', 'address', 'show', 'dev', 'eth0'], 'ipv4only-a')).toBe('');
    const { Id } = await daemon.call('GET', '/networks/ipv4only');
    const device = `br-${Id.slice(0, 12)}`;
    expect(await ip(['-6', '-o', 'address', 'show', 'dev', device])).toBe('');
    expect(readFileSync(`/proc/sys/net/ipv6/conf/${device}/disable_ipv6`, 'utf8')).toBe('1\n');
    const packet: Forge = (one, mark) => send(one, IPV6, ipv6('fe80::1', 'ff02::1', UDP, udp(9, 9, mark)));
    expect(await arrives(pair, packet)).toBe(false);
  });
});

test('bridges take no router advertisements', async () => {
  const { Id } = await daemon.call('GET', '/networks/checked');
  const folder = `/proc/sys/net/ipv6/conf/br-${Id.slice(0, 12)}`;
  expect(readFileSync(`${folder}/accept_ra`, 'utf8')).toBe('0\n');
});
