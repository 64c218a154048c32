/** Networks and their members, from HTTP to a real packet. */
import { describe, expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, addressesOf, inNetns, ip, linksOf, ping, removeNetns, routesOf } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const daemon = daemonForFile();

async function createNetwork(name: string, subnet: string, more: object = {}): Promise<string> {
  const body = { Name: name, IPAM: { Config: [{ Subnet: subnet }] }, ...more };
  return (await daemon.call('POST', '/networks/create', body)).Id;
}

function connect(network: string, container: string, config: object = {}): Promise<unknown> {
  return daemon.call('POST', `/networks/${network}/connect`, {
    Container: container,
    EndpointConfig: config,
  });
}

function disconnect(network: string, container: string, force = false): Promise<unknown> {
  return daemon.call('POST', `/networks/${network}/disconnect`, { Container: container, Force: force });
}

async function hostEnds(): Promise<readonly string[]> {
  return (await linksOf())
    .filter(({ linkinfo }) => linkinfo?.info_kind === 'veth')
    .map(({ ifname }) => ifname);
}

describe('a bridge network', () => {
  test('carries packets between its members and to its gateway as soon as connect has answered', async () => {
    const id = await createNetwork('lab', '10.50.0.0/24');
    await addNetns('red');
    await addNetns('blue');
    await connect('lab', 'red', { IPAMConfig: { IPv4Address: '10.50.0.20' } });
    expect(await ping('red', '10.50.0.1')).toBe(true);
    await connect('lab', 'blue');
    expect(await ping('blue', '10.50.0.20')).toBe(true);
    const own = (await addressesOf('blue')).filter(({ ifname }) => ifname !== 'lo');
    expect(own).toMatchObject([{ ifname: 'eth0', local: '10.50.0.2', prefixlen: 24 }]);
    expect(await routesOf('blue')).toMatchObject([
      { dst: 'default', gateway: '10.50.0.1' },
      { dst: '10.50.0.0/24' },
    ]);
    const bridge = (await linksOf()).find(({ ifname }) => ifname === `br-${id.slice(0, 12)}`);
    expect(bridge).toMatchObject({ ifalias: `vethd:${id}`, linkinfo: { info_kind: 'bridge' } });
    const blue = (await linksOf('blue')).find(({ ifname }) => ifname === 'eth0');
    expect(blue?.address).toBe('02:42:0a:32:00:02');
  });

  test('frees the names at once when a member leaves, and gives its address again', async () => {
    await disconnect('lab', 'blue');
    expect((await linksOf('blue')).map(({ ifname }) => ifname)).not.toContain('eth0');
    await connect('lab', 'blue');
    expect((await addressesOf('blue')).map(({ local }) => local)).toContain('10.50.0.2');
    expect(await ping('blue', '10.50.0.20')).toBe(true);
    await disconnect('lab', 'blue');
    await disconnect('lab', 'red');
    await daemon.call('DELETE', '/networks/lab');
    await until('host ends are reaped', async () => (await hostEnds()).length === 0);
  });

  test('keeps its MAC when members come and go, under a name of the client’s too', async () => {
    const options = { 'com.docker.network.bridge.name': 'lab0' };
    await createNetwork('lab', '10.53.0.0/24', { Options: options });
    const mac = async () => (await linksOf()).find(({ ifname }) => ifname === 'lab0')?.address;
    for (const name of ['red', 'blue']) {
      await connect('lab', name);
      expect(await ping(name, '10.53.0.1')).toBe(true);
      expect(await mac()).toBe('02:42:0a:35:00:01');
    }
    await disconnect('lab', 'red');
    expect(await mac()).toBe('02:42:0a:35:00:01');
    expect(await ping('blue', '10.53.0.1')).toBe(true);
    await disconnect('lab', 'blue');
    await daemon.call('DELETE', '/networks/lab');
  });

  test('leaves a bridge that was there before as it is', async () => {
    await ip(['link', 'add', 'theirs', 'address', '02:00:00:00:00:99', 'type', 'bridge']);
    const options = { 'com.docker.network.bridge.name': 'theirs' };
    await createNetwork('lab', '10.53.0.0/24', { Options: options });
    await connect('lab', 'red');
    // Without an entry for a gateway whose MAC is not ours to know, the first packet waits for ARP.
    await until('the gateway answers', () => ping('red', '10.53.0.1'));
    await disconnect('lab', 'red');
    await daemon.call('DELETE', '/networks/lab');
    const [left] = (await linksOf()).filter(({ ifname }) => ifname === 'theirs');
    expect(left).toMatchObject({ address: '02:00:00:00:00:99' });
    expect(left?.ifalias).toBeUndefined();
    expect((await addressesOf()).filter(({ ifname }) => ifname === 'theirs')).toEqual([]);
    await ip(['link', 'del', 'theirs']);
  });

  test('has eth0 and eth1 with one default route in a container on two networks', async () => {
    await createNetwork('front', '10.51.0.0/24');
    await createNetwork('back', '10.52.0.0/24', { Options: { 'com.docker.network.driver.mtu': '1400' } });
    await connect('front', 'red');
    await connect('back', 'red');
    const names = (await linksOf('red')).map(({ ifname, mtu }) => `${ifname} ${mtu}`);
    expect(names).toEqual(['lo 65536', 'eth0 1500', 'eth1 1400']);
    const defaults = async (): Promise<unknown> =>
      (await routesOf('red')).filter(({ dst }) => dst === 'default');
    // Docker's order: the network's name decides among equals.
    expect(await defaults()).toMatchObject([{ gateway: '10.52.0.1', dev: 'eth1' }]);
    await disconnect('back', 'red');
    expect(await defaults()).toMatchObject([{ gateway: '10.51.0.1', dev: 'eth0' }]);
    await disconnect('front', 'red');
    await daemon.call('POST', '/networks/prune');
  });

  test('chooses the subnet, honours ip-range, gateway and reserved addresses', async () => {
    const config = {
      Subnet: '10.53.0.0/16',
      IPRange: '10.53.4.0/24',
      Gateway: '10.53.4.1',
      AuxiliaryAddresses: { router: '10.53.4.2' },
    };
    await daemon.call('POST', '/networks/create', { Name: 'ranged', IPAM: { Config: [config] } });
    await connect('ranged', 'red');
    expect((await addressesOf('red')).map(({ local }) => local)).toContain('10.53.4.0');
    expect(await ping('red', '10.53.4.1')).toBe(true);
    const chosen = await daemon.call('POST', '/networks/create', { Name: 'chosen' });
    const shown = await daemon.call('GET', `/networks/${chosen.Id}`);
    expect(shown.IPAM.Config).toEqual([{ Subnet: '172.18.0.0/16', Gateway: '172.18.0.1' }]);
    await disconnect('ranged', 'red');
    await daemon.call('POST', '/networks/prune');
  });

  test('is isolated by what a config-only network keeps, which a look at everything and a start can read', async () => {
    const options = { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' };
    await daemon.call('POST', '/networks/create', { Name: 'kept', ConfigOnly: true, Options: options });
    const from = { ConfigFrom: { Network: 'kept' } };
    const open = await daemon.request('POST', '/networks/create', { Name: 'open', ...from });
    expect([open.status, open.body.message]).toEqual([
      400,
      "gateway mode 'isolated' can only be used for an internal network",
    ]);
    const { Id } = await daemon.call('POST', '/networks/create', { Name: 'shut', Internal: true, ...from });
    expect((await addressesOf()).filter(({ ifname }) => ifname === `br-${Id.slice(0, 12)}`)).toEqual([]);
    expect(await daemon.call('POST', '/vethd/reconcile')).toEqual({ Commands: [] });
    await daemon.kill();
    await daemon.start();
    expect((await daemon.call('GET', '/networks/shut')).Id).toBe(Id);
    await daemon.call('DELETE', '/networks/shut');
    await daemon.call('DELETE', '/networks/kept');
  });

  test('is left with Force after the namespace is gone', async () => {
    await createNetwork('gone', '10.54.0.0/24');
    await addNetns('brief');
    await connect('gone', 'brief');
    await removeNetns('brief');
    await disconnect('gone', 'brief', true);
    const shown = await daemon.call('GET', '/networks/gone');
    expect(shown.Containers).toEqual({});
    await daemon.call('DELETE', '/networks/gone');
  });
});

describe('containers by pid and path', () => {
  test('join by pid:N, are shown by it, and are forgotten when they leave', async () => {
    await createNetwork('procs', '10.55.0.0/24');
    const { spawn } = await import('node:child_process');
    const child = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
    try {
      const pid = child.pid ?? 0;
      const { readlinkSync } = await import('node:fs');
      const own = readlinkSync('/proc/self/ns/net');
      await until('it has its own namespace', async () => readlinkSync(`/proc/${pid}/ns/net`) !== own);
      await connect('procs', `pid:${pid}`);
      const members = Object.values<{ Name: string }>(
        (await daemon.call('GET', '/networks/procs')).Containers,
      );
      expect(members.map(({ Name }) => Name)).toEqual([`pid-${pid}`]);
      expect(await ping(undefined, '10.55.0.2')).toBe(true);
      await disconnect('procs', `pid:${pid}`);
      expect((await daemon.call('GET', '/networks/procs')).Containers).toEqual({});
    } finally {
      child.kill('SIGKILL');
    }
    await daemon.call('DELETE', '/networks/procs');
  });

  test('end with their process: the endpoint is released', async () => {
    await createNetwork('ending', '10.56.0.0/24');
    const { spawn } = await import('node:child_process');
    const child = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
    const pid = child.pid ?? 0;
    const { readlinkSync } = await import('node:fs');
    const own = readlinkSync('/proc/self/ns/net');
    await until('it has its own namespace', async () => readlinkSync(`/proc/${pid}/ns/net`) !== own);
    await connect('ending', `pid:${pid}`);
    child.kill('SIGKILL');
    await until('the endpoint is released', async () => {
      const shown = await daemon.call('GET', '/networks/ending');
      return Object.keys(shown.Containers).length === 0;
    });
    await daemon.call('DELETE', '/networks/ending');
  });

  test('join by an absolute path under /run/netns', async () => {
    await createNetwork('paths', '10.57.0.0/24');
    await connect('paths', '/run/netns/red');
    expect(await ping('red', '10.57.0.1')).toBe(true);
    await disconnect('paths', 'red');
    await daemon.call('DELETE', '/networks/paths');
  });
});

describe('managed containers', () => {
  test('get a namespace as ip netns add would make it, and lose it when removed', async () => {
    await createNetwork('own', '10.58.0.0/24');
    const created = await daemon.call('POST', '/containers/create?name=web1', {
      HostConfig: { NetworkMode: 'own' },
    });
    await daemon.call('POST', `/containers/${created.Id}/start`);
    expect(await inNetns('web1', 'ip', '-br', 'link', 'show', 'lo')).toContain('UP');
    expect(await ping('web1', '10.58.0.1')).toBe(true);
    await daemon.call('DELETE', '/containers/web1?force=1');
    await expect(inNetns('web1', 'true')).rejects.toThrow();
    await daemon.call('DELETE', '/networks/own');
  });

  test('on none have lo and nothing else', async () => {
    await daemon.call('POST', '/containers/create?name=alone', { HostConfig: { NetworkMode: 'none' } });
    await daemon.call('POST', '/containers/alone/start');
    expect((await linksOf('alone')).map(({ ifname, flags }) => [ifname, flags.includes('UP')])).toEqual([
      ['lo', true],
    ]);
    await daemon.call('DELETE', '/containers/alone?force=1');
  });
});

describe('what is left', () => {
  test('nothing of the namespaces that the tests made', async () => {
    await removeNetns('red');
    await removeNetns('blue');
    expect(await ip(['netns', 'list'])).toBe('');
  });
});

test('an interface of somebody else is kept clear of, whatever its name', async () => {
  await createNetwork('beside', '10.57.0.0/24');
  await addNetns('odd');
  await ip(['link', 'add', 'eth0', 'type', 'bridge'], 'odd');
  const [, before] = await linksOf('odd');
  const wish = { DriverOpts: { 'com.docker.network.endpoint.ifname': 'eth0' } };
  const body = { Container: 'odd', EndpointConfig: wish };
  const refused = await daemon.request('POST', '/networks/beside/connect', body);
  expect([refused.status, refused.body.message]).toEqual([
    409,
    'interface name eth0 is in use in container odd: choose another',
  ]);
  expect(await hostEnds()).toEqual([]);
  await connect('beside', 'odd');
  expect(await ping('odd', '10.57.0.1')).toBe(true);
  expect((await linksOf('odd')).map(({ ifname }) => ifname).sort()).toEqual(['eth0', 'eth1', 'lo']);
  expect((await linksOf('odd')).find(({ ifname }) => ifname === 'eth0')).toEqual(before);
  await disconnect('beside', 'odd');
  await daemon.call('DELETE', '/networks/beside');
  await removeNetns('odd');
});
