/** The unmodified docker CLI against vethd, on namespaces made by `ip netns add`. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { addNetns, addressesOf, linksOf, ping, removeNetns } from '../helpers/host.ts';

describeWith(['docker'], 'docker network', () => {
  const daemon = daemonForFile();

  beforeAll(async () => {
    await addNetns('red');
    await addNetns('blue');
  });

  afterAll(async () => {
    await removeNetns('red');
    await removeNetns('blue');
  });

  test('ls shows the predefined networks', async () => {
    const rows = (await daemon.docker('network', 'ls'))
      .split('\n')
      .map((line) => line.split(/\s{2,}/).slice(1));
    expect(rows).toEqual([
      ['NAME', 'DRIVER', 'SCOPE'],
      ['bridge', 'bridge', 'local'],
      ['host', 'host', 'local'],
      ['none', 'null', 'local'],
    ]);
  });

  test('create prints the id; inspect shows what was asked for', async () => {
    const id = await daemon.docker(
      'network',
      'create',
      '--subnet',
      '10.80.0.0/24',
      '--gateway',
      '10.80.0.254',
      '--ip-range',
      '10.80.0.64/26',
      '--aux-address',
      'printer=10.80.0.70',
      '--label',
      'team=blue',
      '-o',
      'com.docker.network.driver.mtu=1400',
      'lab',
    );
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const [shown] = JSON.parse(await daemon.docker('network', 'inspect', 'lab'));
    expect(shown).toMatchObject({
      Id: id,
      Name: 'lab',
      Driver: 'bridge',
      Labels: { team: 'blue' },
      Options: { 'com.docker.network.driver.mtu': '1400' },
      Containers: {},
      IPAM: {
        Config: [
          {
            Subnet: '10.80.0.0/24',
            IPRange: '10.80.0.64/26',
            Gateway: '10.80.0.254',
            AuxiliaryAddresses: { printer: '10.80.0.70' },
          },
        ],
      },
    });
  });

  test('connect with and without --ip attaches for real', async () => {
    await daemon.docker('network', 'connect', '--ip', '10.80.0.100', 'lab', 'red');
    await daemon.docker('network', 'connect', '--alias', 'db', 'lab', 'blue');
    expect(await ping('blue', '10.80.0.100')).toBe(true);
    expect((await addressesOf('blue')).map(({ local }) => local)).toContain('10.80.0.64');
    const [shown] = JSON.parse(await daemon.docker('network', 'inspect', 'lab'));
    const members = Object.values<{ Name: string; IPv4Address: string }>(shown.Containers);
    expect(members.map(({ Name, IPv4Address }) => `${Name} ${IPv4Address}`).sort()).toEqual([
      'blue 10.80.0.64/24',
      'red 10.80.0.100/24',
    ]);
  });

  test('errors come as docker prints them', async () => {
    const twice = await daemon.tryDocker('network', 'connect', 'lab', 'red');
    expect([twice.exitCode, twice.stderr]).toEqual([
      1,
      'Error response from daemon: endpoint with name red already exists in network lab',
    ]);
    const inUse = await daemon.tryDocker('network', 'rm', 'lab');
    expect(inUse.exitCode).toBe(1);
    expect(inUse.stderr).toContain('network lab has active endpoints');
    const unknown = await daemon.tryDocker('network', 'inspect', 'nosuch');
    expect(unknown.stderr).toContain('network nosuch not found');
  });

  test('disconnect, rm and prune take away', async () => {
    await daemon.docker('network', 'disconnect', 'lab', 'red');
    await daemon.docker('network', 'disconnect', '-f', 'lab', 'blue');
    expect((await linksOf('red')).map(({ ifname }) => ifname)).toEqual(['lo']);
    expect(await daemon.docker('network', 'rm', 'lab')).toBe('lab');
    await daemon.docker('network', 'create', 'one');
    await daemon.docker('network', 'create', 'two');
    const pruned = await daemon.docker('network', 'prune', '-f');
    expect(
      pruned
        .split('\n')
        .filter((line) => line !== '')
        .sort(),
    ).toEqual(['Deleted Networks:', 'one', 'two']);
    const gone = await daemon.tryDocker('network', 'rm', '-f', 'one');
    expect(gone.exitCode).toBe(0);
  });

  test('ls filters', async () => {
    await daemon.docker('network', 'create', '--label', 'a=1', 'alpha');
    await daemon.docker('network', 'create', '--label', 'a=2', 'beta');
    const names = async (...filters: string[]): Promise<string> =>
      daemon.docker('network', 'ls', '--format', '{{.Name}}', ...filters.flatMap((filter) => ['-f', filter]));
    expect(await names('label=a=1')).toBe('alpha');
    expect(await names('name=et')).toBe('beta');
    expect(await names('type=custom')).toBe('alpha\nbeta');
    expect(await names('driver=null')).toBe('none');
    expect(await names('dangling=true')).toBe('alpha\nbeta');
    await daemon.docker('network', 'prune', '-f');
  });
});
