/**
 * The host's forwarding: on while a member needs it, but not for others; and a program that comes later and counts on
 * it (Docker, podman, libvirt) is not cut off, neither meanwhile nor afterwards.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Agent } from '../helpers/agent.ts';
import { run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { makeOutside, OUTSIDE } from '../helpers/firewall-lab.ts';
import { ethernet, ICMPV6, IPV6, ipv6, routerAdvertisement } from '../helpers/frames.ts';
import { addNetns, ip, linksOf, ping, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const switches = () =>
  ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map((key) =>
    readFileSync(`/proc/sys/net/${key}`, 'utf8').trim(),
  );

const FAMILIES = ['ipv4', 'ipv6'] as const;
const reachesOutside = (from: string) =>
  Promise.all(FAMILIES.map((family) => ping(from, OUTSIDE.out1[family].own)));

/** A network as another program makes one: a bridge, a guest, and later a translation. */
async function makeGuest(): Promise<void> {
  await addNetns('guest');
  for (const line of [
    'link add guests0 type bridge',
    'link set guests0 up',
    'address add 10.99.0.1/24 dev guests0',
    'link add guestport type veth peer name eth0 netns guest',
    'link set guestport master guests0 up',
  ]) {
    await ip(line.split(' '));
  }
  for (const line of [
    'link set eth0 up',
    'address add 10.99.0.2/24 dev eth0',
    'route add default via 10.99.0.1',
  ]) {
    await ip(line.split(' '), 'guest');
  }
}

const TRANSLATION = `table ip nat {
  chain POSTROUTING { type nat hook postrouting priority 100; ip saddr 10.99.0.0/24 oifname != "guests0" masquerade; }
}
`;

beforeAll(async () => {
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0']);
  await makeOutside('out0');
  await makeOutside('out1');
  await makeGuest();
  await addNetns('member');
});

afterAll(async () => {
  for (const link of ['guestport', 'guests0', 'out0', 'out1']) await ip(['link', 'del', link]);
  for (const name of ['guest', 'member', 'out0', 'out1']) await removeNetns(name);
});

const daemon = daemonForFile();
const connect = () => daemon.call('POST', '/networks/lan/connect', { Container: 'member' });
const disconnect = () => daemon.call('POST', '/networks/lan/disconnect', { Container: 'member' });

beforeAll(async () => {
  await daemon.call('POST', '/networks/create', {
    Name: 'lan',
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '10.98.0.0/24' }, { Subnet: 'fd98::/64' }] },
  });
});

afterAll(() => daemon.call('DELETE', '/networks/lan'));

describe('of a host that did not forward', () => {
  test('is off while there are networks without members', () => {
    expect(switches()).toEqual(['0', '0']);
  });

  test('is on for members, and the host becomes no router between others', async () => {
    await connect();
    expect(switches()).toEqual(['1', '1']);
    expect(await reachesOutside('member')).toEqual([true, true]);
    expect(await reachesOutside('out0')).toEqual([false, false]);
    expect(await ping('guest', OUTSIDE.out1.ipv4.own)).toBe(false);
  });

  test('is off again when the last member has left', async () => {
    await disconnect();
    await until('both are off', () => switches().join() === '0,0');
    expect(await run('nft', ['list', 'set', 'inet', 'vethd', 'guarded'])).not.toContain('elements');
  });
});

describe('of a host that heard of its router by an advertisement', () => {
  const heard = () => ip(['-6', 'route', 'show', 'default', 'proto', 'ra']);
  const acceptRa = () => readFileSync('/proc/sys/net/ipv6/conf/out0/accept_ra', 'utf8').trim();

  test('goes on hearing, and is as before when nobody needs it any more', async () => {
    const router = new Agent('out0');
    const [device] = (await linksOf('out0')).filter(({ ifname }) => ifname === 'eth0');
    if (device === undefined) throw new Error('no eth0 in out0');
    const advertisement = ethernet(
      device.address,
      '33:33:00:00:00:01',
      IPV6,
      ipv6('fe80::1', 'ff02::1', ICMPV6, routerAdvertisement('fe80::1', 'ff02::1')),
    );
    await until('the host has heard', async () => {
      await router.sendFrame(device.ifindex, advertisement.toString('hex'));
      return (await heard()).includes('fe80::1');
    });
    await router.close();
    await connect();
    expect(switches()).toEqual(['1', '1']);
    expect([await heard(), acceptRa()]).toEqual([expect.stringContaining('fe80::1'), '2']);
    await disconnect();
    await until('both are off', () => switches().join() === '0,0');
    expect([await heard(), acceptRa()]).toEqual([expect.stringContaining('fe80::1'), '1']);
    await ip(['-6', 'route', 'del', 'default', 'dev', 'out0']);
  });
});

describe('with another program that came later and forwards, too', () => {
  test('what comes from its bridge gets out, and the host is still no router', async () => {
    await connect();
    expect(await ping('guest', OUTSIDE.out1.ipv4.own)).toBe(false);
    await run('nft', ['-f', '-'], { input: TRANSLATION });
    await until('the guest gets out', () => ping('guest', OUTSIDE.out1.ipv4.own));
    expect(await reachesOutside('member')).toEqual([true, true]);
    expect(await reachesOutside('out0')).toEqual([false, false]);
  });

  test('stays on for it, over a restart and without members', async () => {
    await daemon.kill();
    await daemon.start();
    expect(await ping('guest', OUTSIDE.out1.ipv4.own)).toBe(true);
    await disconnect();
    await until('nobody needs it for IPv6', () => switches().join() === '1,0');
    expect(await ping('guest', OUTSIDE.out1.ipv4.own)).toBe(true);
    expect(await reachesOutside('out0')).toEqual([false, false]);
  });

  test('is off again when that program is gone', async () => {
    await run('nft', ['delete', 'table', 'ip', 'nat']);
    await until('both are off', () => switches().join() === '0,0');
  });
});
