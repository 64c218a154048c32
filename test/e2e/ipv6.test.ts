/** IPv6 and dual stack, routes per family, link-local addresses, networks without gateway, automatic pools. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, addressesOf, ip, linksOf, ping, removeNetns, routesOf } from '../helpers/host.ts';

const daemon = daemonForFile();
const containers = ['one', 'two'];

beforeAll(async () => {
  for (const name of containers) await addNetns(name);
});

afterAll(async () => {
  for (const name of containers) await removeNetns(name);
});

// biome-ignore lint/suspicious/noExplicitAny: as Answer.body
async function create(name: string, body: object = {}): Promise<any> {
  await daemon.call('POST', '/networks/create', { Name: name, ...body });
  return daemon.call('GET', `/networks/${name}`);
}

function withSubnets(...configs: object[]): object {
  return { IPAM: { Config: configs } };
}

async function connect(network: string, container: string, config: object = {}) {
  await daemon.call('POST', `/networks/${network}/connect`, { Container: container, EndpointConfig: config });
  return (await daemon.call('GET', `/containers/${container}/json`)).NetworkSettings.Networks[network];
}

/** Takes the containers off the network and removes it. */
async function drop(...networks: string[]): Promise<void> {
  for (const network of networks) {
    const { Containers: members } = await daemon.call('GET', `/networks/${network}`);
    for (const id of Object.keys(members)) {
      await daemon.call('POST', `/networks/${network}/disconnect`, { Container: id });
    }
    await daemon.call('DELETE', `/networks/${network}`);
  }
}

async function gateways(container: string, family: 4 | 6): Promise<(string | undefined)[]> {
  return (await routesOf(container, family))
    .filter(({ dst }) => dst === 'default')
    .map(({ gateway }) => gateway);
}

describe('dual stack', () => {
  test('takes a /64 of the ULA where no IPv6 subnet is given, and answers the first packet of both families', async () => {
    const shown = await create('dual', { EnableIPv6: true });
    expect(shown).toMatchObject({ EnableIPv4: true, EnableIPv6: true });
    const [v4, v6] = shown.IPAM.Config;
    expect(v4.Subnet).toBe('172.18.0.0/16');
    expect(v6.Subnet).toMatch(/^fd[0-9a-f]{2}:[0-9a-f:]+::\/64$/);
    const one = await connect('dual', 'one');
    expect(await ping('one', v6.Gateway)).toBe(true);
    const two = await connect('dual', 'two');
    expect(await ping('two', one.GlobalIPv6Address)).toBe(true);
    expect(await ping('one', two.IPAddress)).toBe(true);
    expect(await ping(undefined, two.GlobalIPv6Address)).toBe(true);
    expect(one).toMatchObject({ IPv6Gateway: v6.Gateway, GlobalIPv6PrefixLen: 64, IPPrefixLen: 16 });
    expect(await gateways('one', 4)).toEqual([v4.Gateway]);
    expect(await gateways('one', 6)).toEqual([v6.Gateway]);
    const [member] = Object.values((await daemon.call('GET', '/networks/dual')).Containers);
    expect(member).toMatchObject({ IPv6Address: `${one.GlobalIPv6Address}/64` });
    await drop('dual');
  });

  test('takes subnets in any order and shows IPv4 first; the addresses asked for are given', async () => {
    const shown = await create('given', {
      EnableIPv6: true,
      ...withSubnets({ Subnet: 'fd00:aa::/64', Gateway: 'fd00:aa::fe' }, { Subnet: '10.110.0.0/24' }),
    });
    expect(shown.IPAM.Config).toEqual([
      { Subnet: '10.110.0.0/24', Gateway: '10.110.0.1' },
      { Subnet: 'fd00:aa::/64', Gateway: 'fd00:aa::fe' },
    ]);
    const one = await connect('given', 'one', { IPAMConfig: { IPv6Address: 'fd00:aa::1234' } });
    expect(one).toMatchObject({ GlobalIPv6Address: 'fd00:aa::1234', IPAddress: '10.110.0.2' });
    expect(await ping('one', 'fd00:aa::fe')).toBe(true);
    const taken = await daemon.request('POST', '/networks/given/connect', {
      Container: 'two',
      EndpointConfig: { IPAMConfig: { IPv6Address: 'fd00:aa::fe' } },
    });
    expect([taken.status, taken.body.message]).toEqual([403, 'Address already in use']);
    await drop('given');
  });

  test('gives each family its own default route by GwPriority', async () => {
    await create('both', {
      EnableIPv6: true,
      ...withSubnets({ Subnet: '10.111.0.0/24' }, { Subnet: 'fd00:bb::/64' }),
    });
    await create('four', withSubnets({ Subnet: '10.112.0.0/24' }));
    await connect('both', 'one');
    await connect('four', 'one', { GwPriority: 1 });
    expect(await gateways('one', 4)).toEqual(['10.112.0.1']);
    expect(await gateways('one', 6)).toEqual(['fd00:bb::1']);
    await drop('both', 'four');
  });
});

describe('IPv6 alone', () => {
  test('has no IPv4 anywhere', async () => {
    const shown = await create('six', {
      EnableIPv4: false,
      EnableIPv6: true,
      ...withSubnets({ Subnet: 'fd00:cc::/64' }),
    });
    expect(shown).toMatchObject({ EnableIPv4: false, EnableIPv6: true });
    const one = await connect('six', 'one');
    await connect('six', 'two');
    expect(one).toMatchObject({
      IPAddress: '',
      IPPrefixLen: 0,
      Gateway: '',
      GlobalIPv6Address: 'fd00:cc::2',
    });
    expect(await ping('two', 'fd00:cc::2')).toBe(true);
    expect(await gateways('one', 4)).toEqual([]);
    expect((await addressesOf('one')).filter(({ ifname }) => ifname === 'eth0')).toMatchObject([
      { local: 'fd00:cc::2', prefixlen: 64 },
    ]);
    await drop('six');
  });

  test('refuses a network of neither family', async () => {
    const refused = await daemon.request('POST', '/networks/create', { Name: 'no', EnableIPv4: false });
    expect([refused.status, refused.body.message]).toEqual([400, 'IPv4 or IPv6 must be enabled']);
  });
});

describe('on the interface', () => {
  test('link-local addresses are added, with ping at once, and shown again', async () => {
    await create('local', {
      EnableIPv6: true,
      ...withSubnets({ Subnet: '10.113.0.0/24' }, { Subnet: 'fd00:dd::/64' }),
    });
    const one = await connect('local', 'one', { IPAMConfig: { LinkLocalIPs: ['169.254.7.7', 'fe80::77'] } });
    expect(one.IPAMConfig).toEqual({ LinkLocalIPs: ['169.254.7.7', 'fe80::77'] });
    const text = await ip(['-br', 'address', 'show', 'dev', 'eth0'], 'one');
    expect(text).toContain('169.254.7.7/16');
    expect(text).toContain('fe80::77/64');
    await connect('local', 'two', { IPAMConfig: { LinkLocalIPs: ['169.254.7.8'] } });
    expect(await ping('two', '169.254.7.7')).toBe(true);
    const refused = await daemon.request('POST', '/networks/local/connect', {
      Container: 'one',
      EndpointConfig: { IPAMConfig: { LinkLocalIPs: ['10.1.1.1'] } },
    });
    expect(refused.body.message).toBe('invalid endpoint settings:\ninvalid link local IP address: 10.1.1.1');
    await drop('local');
  });

  test('name and sysctls are as asked for', async () => {
    await create('opts', withSubnets({ Subnet: '10.114.0.0/24' }));
    await connect('opts', 'one', {
      DriverOpts: {
        'com.docker.network.endpoint.ifname': 'lan7',
        'com.docker.network.endpoint.sysctls':
          'net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.proxy_arp=1',
        unknown: 'kept',
      },
    });
    const values = await run('ip', [
      ...['netns', 'exec', 'one', 'cat', '/proc/sys/net/ipv4/conf/lan7/log_martians'],
      '/proc/sys/net/ipv4/conf/lan7/proxy_arp',
    ]);
    expect(values).toBe('1\n1');
    const { Networks: networks } = (await daemon.call('GET', '/containers/one/json')).NetworkSettings;
    expect(networks.opts.DriverOpts).toMatchObject({ unknown: 'kept' });
    const refused = await daemon.request('POST', '/networks/opts/connect', {
      Container: 'two',
      EndpointConfig: { DriverOpts: { 'com.docker.network.endpoint.sysctls': 'net.core.eth0.x=1' } },
    });
    expect(refused.status).toBe(400);
    expect(refused.body.message).toContain("unrecognised network interface sysctl 'net.core.eth0.x=1'");
    await drop('opts');
  });

  test.each([
    ['net.ipv4.conf.IFNAME.nosuch=1', 'net.ipv4.conf.eth0.nosuch=1`: No such file or directory'],
    ['net.ipv4.conf.IFNAME.log_martians=yes', 'net.ipv4.conf.eth0.log_martians=yes`: Invalid argument'],
  ])('the sysctl %s, which the kernel refuses, is refused', async (sysctl, message) => {
    await create('opts', withSubnets({ Subnet: '10.114.0.0/24' }));
    const refused = await daemon.request('POST', '/networks/opts/connect', {
      Container: 'one',
      EndpointConfig: { DriverOpts: { 'com.docker.network.endpoint.sysctls': sysctl } },
    });
    expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining(message)]);
    expect((await daemon.call('GET', '/networks/opts')).Containers).toEqual({});
    expect((await daemon.call('GET', '/vethd/plan')).Commands).toEqual([]);
    await drop('opts');
  });
});

describe('without a way out', () => {
  test('members of an internal network have no default route, and reach one another', async () => {
    await create('inside', {
      Internal: true,
      EnableIPv6: true,
      ...withSubnets({ Subnet: '10.115.0.0/24' }, { Subnet: 'fd00:ee::/64' }),
    });
    const one = await connect('inside', 'one');
    await connect('inside', 'two');
    expect(one).toMatchObject({ Gateway: '', IPv6Gateway: '' });
    expect([await gateways('one', 4), await gateways('one', 6)]).toEqual([[], []]);
    expect(await ping('two', '10.115.0.2')).toBe(true);
    expect(await ping('two', 'fd00:ee::2')).toBe(true);
    expect(await ping(undefined, '10.115.0.2')).toBe(true);
    await drop('inside');
  });

  test('an internal network without address on its bridge lets both of a /31 be members', async () => {
    const shown = await create('pair', {
      Internal: true,
      Options: { 'com.docker.network.bridge.inhibit_ipv4': 'true' },
      ...withSubnets({ Subnet: '10.116.0.0/31' }),
    });
    expect(shown.IPAM.Config).toEqual([{ Subnet: '10.116.0.0/31' }]);
    expect((await connect('pair', 'one')).IPAddress).toBe('10.116.0.0');
    expect((await connect('pair', 'two')).IPAddress).toBe('10.116.0.1');
    expect(await ping('one', '10.116.0.1')).toBe(true);
    await drop('pair');
  });

  test('inhibit_ipv4 leaves the gateway address off the bridge and in the routes', async () => {
    const { Id: id } = await create('shy', {
      Options: { 'com.docker.network.bridge.inhibit_ipv4': 'true' },
      ...withSubnets({ Subnet: '10.117.0.0/24' }),
    });
    await connect('shy', 'one');
    expect(await gateways('one', 4)).toEqual(['10.117.0.1']);
    const bridge = `br-${id.slice(0, 12)}`;
    expect((await addressesOf()).filter(({ ifname }) => ifname === bridge)).toEqual([]);
    await drop('shy');
  });

  test('DefaultGatewayIPv4 among the auxiliary addresses is the members’ gateway', async () => {
    await create(
      'relay',
      withSubnets({ Subnet: '10.118.0.0/24', AuxiliaryAddresses: { DefaultGatewayIPv4: '10.118.0.254' } }),
    );
    expect(await connect('relay', 'one')).toMatchObject({ Gateway: '10.118.0.254' });
    expect(await gateways('one', 4)).toEqual(['10.118.0.254']);
    expect((await addressesOf()).map(({ local }) => local)).toContain('10.118.0.1');
    await drop('relay');
  });
});

describe('a network made from a configuration', () => {
  test('has its subnets, options and labels; the configuration stays until nobody uses it', async () => {
    const config = await create('config', {
      ConfigOnly: true,
      EnableIPv6: true,
      Options: { 'com.docker.network.driver.mtu': '1400' },
      Labels: { team: 'blue' },
      ...withSubnets({ Subnet: '10.119.0.0/24', IPRange: '10.119.0.128/25' }, { Subnet: 'fd00:ff::/64' }),
    });
    expect(config).toMatchObject({ ConfigOnly: true, Driver: 'null' });
    const made = await create('made', { Driver: 'bridge', ConfigFrom: { Network: 'config' } });
    expect(made).toMatchObject({
      ConfigFrom: { Network: 'config' },
      ConfigOnly: false,
      Driver: 'bridge',
      EnableIPv6: true,
      Labels: { team: 'blue' },
      IPAM: { Config: [{ Subnet: '10.119.0.0/24', IPRange: '10.119.0.128/25' }, { Subnet: 'fd00:ff::/64' }] },
    });
    await connect('made', 'one');
    expect((await linksOf('one')).find(({ ifname }) => ifname === 'eth0')?.mtu).toBe(1400);
    const refusals = [
      [
        'POST',
        '/networks/config/connect',
        { Container: 'two' },
        403,
        'cannot create endpoint on configuration-only network',
      ],
      [
        'DELETE',
        '/networks/config',
        undefined,
        403,
        'error while removing network: configuration network "config" is in use',
      ],
      [
        'POST',
        '/networks/create',
        { Name: 'x', ConfigFrom: { Network: 'nosuch' } },
        404,
        'configuration network "nosuch" does not exist',
      ],
    ] as const;
    for (const [method, path, body, status, message] of refusals) {
      const answer = await daemon.request(method, path, body);
      expect([answer.status, answer.body.message]).toEqual([status, message]);
    }
    await drop('made');
    expect((await daemon.call('POST', '/networks/prune')).NetworksDeleted).toBeNull();
    await daemon.call('DELETE', '/networks/config');
  });
});

describe('automatic pools', () => {
  test.each([
    ['0.0.0.0/26', false, /^172\.18\.0\.0\/26$/],
    ['::/80', true, /^fd[0-9a-f]{2}:.*\/80$/],
  ])('%s is any pool of that length', async (subnet, isIPv6, expected) => {
    const shown = await create('sized', { EnableIPv6: isIPv6, ...withSubnets({ Subnet: subnet }) });
    expect(shown.IPAM.Config.at(-1).Subnet).toMatch(expected);
    await drop('sized');
  });

  test('skip what the host reaches, but not the halves of a VPN; a collision is named', async () => {
    await ip(['link', 'add', 'uplink', 'type', 'bridge']);
    await ip(['address', 'add', '172.18.5.1/24', 'dev', 'uplink']);
    await ip(['link', 'set', 'uplink', 'up']);
    await ip(['route', 'add', '0.0.0.0/1', 'dev', 'uplink']);
    await ip(['route', 'add', '128.0.0.0/1', 'dev', 'uplink']);
    expect((await create('auto')).IPAM.Config[0].Subnet).toBe('172.19.0.0/16');
    const refused = await daemon.request('POST', '/networks/create', {
      Name: 'clash',
      ...withSubnets({ Subnet: '172.18.5.0/25' }),
    });
    expect([refused.status, refused.body.message]).toEqual([
      403,
      'invalid pool request: 172.18.5.0/25 overlaps 172.18.5.0/24, the route of uplink on this host: choose another subnet',
    ]);
    await create('far', withSubnets({ Subnet: '192.0.2.0/24' }));
    await drop('auto', 'far');
    await ip(['link', 'del', 'uplink']);
  });

  test('are in Docker’s order, then 10.64.0.0/10 in /24s, so that 100 networks are no trouble', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `net${index}`);
    const made: string[] = [];
    for (const name of names) made.push((await create(name)).IPAM.Config[0].Subnet);
    expect(made.slice(0, 3)).toEqual(['172.18.0.0/16', '172.19.0.0/16', '172.20.0.0/16']);
    expect(made.slice(13, 16)).toEqual(['172.31.0.0/16', '192.168.0.0/20', '192.168.16.0/20']);
    expect(made.slice(30, 32)).toEqual(['10.64.0.0/24', '10.64.1.0/24']);
    expect(new Set(made).size).toBe(100);
    expect((await daemon.call('POST', '/networks/prune')).NetworksDeleted).toHaveLength(100);
  });
});

test.each([
  ['11.0.0.0/8', '11.0.0.2', 'IPAddress'],
  ['fd00:99::/64', 'fd00:99::2', 'GlobalIPv6Address'],
])(
  'a subnet as large as %s gives its lowest address, and again when it is free',
  async (subnet, address, member) => {
    await create('large', { EnableIPv6: subnet.includes(':'), ...withSubnets({ Subnet: subnet }) });
    expect((await connect('large', 'one'))[member]).toBe(address);
    await daemon.call('POST', '/networks/large/disconnect', { Container: 'one' });
    expect((await connect('large', 'two'))[member]).toBe(address);
    await drop('large');
  },
);
