/** What must be refused: with a 4xx that names the value, and nothing changed in the store or the kernel. */
import { symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attempt, run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, removeNetns, snapshot } from '../helpers/host.ts';

const daemon = daemonForFile();

async function everything(): Promise<unknown> {
  const networks = await daemon.call('GET', '/networks');
  const details = await Promise.all(
    networks.map(({ Id }: { Id: string }) => daemon.call('GET', `/networks/${Id}`)),
  );
  return { details, kernel: await snapshot() };
}

beforeAll(async () => {
  await addNetns('red');
  await addNetns('blue');
  await daemon.call('POST', '/networks/create', {
    Name: 'lab',
    IPAM: { Config: [{ Subnet: '10.70.0.0/24', AuxiliaryAddresses: { router: '10.70.0.9' } }] },
  });
  await daemon.call('POST', '/networks/lab/connect', { Container: 'red' });
  writeFileSync('/run/netns/plain', 'no namespace');
  symlinkSync('/run/netns/red', '/run/netns/link');
  writeFileSync('/run/netns/host', '');
  await run('mount', ['--bind', '/proc/self/ns/net', '/run/netns/host']);
});

afterAll(async () => {
  await daemon.call('POST', '/networks/lab/disconnect', { Container: 'red' });
  await daemon.call('DELETE', '/networks/lab');
  await attempt('umount', ['/run/netns/host']);
  for (const name of ['plain', 'link', 'host']) unlinkSync(`/run/netns/${name}`);
  await removeNetns('red');
  await removeNetns('blue');
});

function network(change: object): [string, object] {
  return ['/networks/create', { Name: 'bad', ...change }];
}

function ipam(config: object): [string, object] {
  return network({ IPAM: { Config: [config] } });
}

function connect(container: string, config: object = {}): [string, object] {
  return ['/networks/lab/connect', { Container: container, EndpointConfig: config }];
}

function address(text: string): [string, object] {
  return connect('blue', { IPAMConfig: { IPv4Address: text } });
}

const CASES: [string, [string, object], number, string][] = [
  ['a name with a slash', network({ Name: 'a/b' }), 400, 'a/b'],
  ['a name with a newline', network({ Name: 'a\nb' }), 400, 'name'],
  ['a name with NUL', network({ Name: 'a\0b' }), 400, 'name'],
  ['a blank name', network({ Name: ' ' }), 400, 'name is empty'],
  ['host bits set', ipam({ Subnet: '10.71.0.1/24' }), 400, '10.71.0.0/24'],
  ['a subnet that is none', ipam({ Subnet: '10.71.0.0' }), 400, '10.71.0.0'],
  ['leading zeros', ipam({ Subnet: '010.71.0.0/24' }), 400, '010.71.0.0/24'],
  ['a loopback subnet', ipam({ Subnet: '127.5.0.0/16' }), 400, '127.5.0.0/16'],
  ['a multicast subnet', ipam({ Subnet: '239.0.0.0/16' }), 400, '239.0.0.0/16'],
  ['an overlapping subnet', ipam({ Subnet: '10.70.0.128/25' }), 403, 'overlaps'],
  ['a gateway outside the subnet', ipam({ Subnet: '10.71.0.0/24', Gateway: '10.72.0.1' }), 400, '10.72.0.1'],
  [
    'a bridge name that is too long',
    network({ Options: { 'com.docker.network.bridge.name': 'x'.repeat(16) } }),
    400,
    'xxxx',
  ],
  [
    'an MTU beyond the kernel',
    network({ Options: { 'com.docker.network.driver.mtu': '70000' } }),
    400,
    '70000',
  ],
  ['an unknown driver', network({ Driver: 'nosuch' }), 404, 'nosuch'],
  ['a name taken', network({ Name: 'lab' }), 409, 'lab'],
  ['a wrong type', network({ Internal: 'yes' }), 400, 'Internal'],
  [
    'an unknown network',
    ['/networks/nosuch/connect', { Container: 'blue' }],
    404,
    'network nosuch not found',
  ],
  ['an unknown container', connect('nosuch'), 404, 'No such container: nosuch'],
  ['no container', connect(''), 400, 'invalid name or ID supplied'],
  ['a container name of 300 characters', connect('n'.repeat(300)), 404, 'nnn'],
  ['a name that climbs', connect('../../proc/1/ns/net'), 404, '../../proc/1/ns/net'],
  ['an address outside the subnet', address('10.99.0.5'), 400, '10.99.0.5'],
  ['an address in use', address('10.70.0.2'), 403, 'in use'],
  ['the gateway', address('10.70.0.1'), 403, 'in use'],
  ['the network address', address('10.70.0.0'), 403, 'in use'],
  ['the broadcast address', address('10.70.0.255'), 403, 'in use'],
  ['a reserved address', address('10.70.0.9'), 403, 'in use'],
  ['no address at all', address('10.70.0'), 400, '10.70.0'],
  ['a bad MAC', connect('blue', { MacAddress: '02:42:xx' }), 400, '02:42:xx'],
  ['a multicast MAC', connect('blue', { MacAddress: '01:00:5e:00:00:01' }), 400, '01:00:5e:00:00:01'],
  ['connecting twice', connect('red'), 403, 'already exists in network lab'],
  ["the host's namespace by path", connect('/proc/1/ns/net'), 400, '/proc/1/ns/net'],
  ["the host's namespace by pid", connect(`pid:${process.pid}`), 400, 'host'],
  ["the host's namespace by name", connect('host'), 400, 'host'],
  ['a file that is no namespace', connect('plain'), 400, 'plain'],
  ['a symlink to a namespace', connect('link'), 400, 'link'],
  ['joining the network host', ['/networks/host/connect', { Container: 'blue' }], 400, 'host'],
];

describe('bad input', () => {
  test.each(CASES)('%s is refused and changes nothing', async (_, [path, body], status, words) => {
    const before = await everything();
    const answer = await daemon.request('POST', path, body);
    expect(answer.body.message).toContain(words);
    expect(answer.status).toBe(status);
    expect(await everything()).toEqual(before);
  });

  test.each([
    ['broken JSON', '{"Name": }', 400],
    ['more than one value', '{"Name":"x"} {"Name":"y"}', 400],
    ['a body that is no object', '[1]', 400],
  ])('%s is refused', async (_, text, status) => {
    const answer = await daemon.request('POST', '/networks/create', text);
    expect(answer.status).toBe(status);
    expect(answer.body.message).not.toBe('');
  });

  test('deleting what may not be deleted is refused', async () => {
    for (const name of ['bridge', 'host', 'none']) {
      const answer = await daemon.request('DELETE', `/networks/${name}`);
      expect([answer.status, answer.body.message]).toEqual([
        403,
        `${name} is a pre-defined network and cannot be removed`,
      ]);
    }
    const answer = await daemon.request('DELETE', '/networks/lab');
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain('has active endpoints (name:"red" id:"');
  });
});
