/** The unmodified docker CLI against vethd: every flag of `docker network`, and `docker events`. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { addNetns, addressesOf, ping, removeNetns, routesOf } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

describeWith(['docker'], 'docker network', () => {
  const daemon = daemonForFile();

  function docker(...args: string[]): Promise<string> {
    return daemon.docker(...args);
  }

  async function refusal(...args: string[]): Promise<string> {
    const ended = await daemon.tryDocker(...args);
    expect(ended.exitCode).not.toBe(0);
    return ended.stderr;
  }

  async function inspect(name: string) {
    return JSON.parse(await docker('network', 'inspect', name))[0];
  }

  beforeAll(async () => {
    for (const name of ['red', 'blue']) await addNetns(name);
  });
  afterAll(async () => {
    for (const name of ['red', 'blue']) await removeNetns(name);
  });

  describe('create', () => {
    test.each([
      [['--internal'], { Internal: true, EnableIPv4: true, EnableIPv6: false }],
      [['--attachable'], { Attachable: true, Scope: 'local' }],
      [['--scope', 'local'], { Scope: 'local' }],
      [['--ipv6'], { EnableIPv4: true, EnableIPv6: true }],
      [['--ipv6', '--ipv4=false'], { EnableIPv4: false, EnableIPv6: true }],
      [
        ['--driver', 'bridge', '--label', 'a=b', '--label', 'c'],
        { Driver: 'bridge', Labels: { a: 'b', c: '' } },
      ],
      [
        ['-o', 'com.docker.network.bridge.enable_icc=false', '-o', 'free=text'],
        { Options: { 'com.docker.network.bridge.enable_icc': 'false', free: 'text' } },
      ],
      [
        ['--ipam-driver', 'default', '--ipam-opt', 'x=y', '--subnet', '10.130.0.0/24'],
        {
          IPAM: {
            Driver: 'default',
            Options: { x: 'y' },
            Config: [{ Subnet: '10.130.0.0/24', Gateway: '10.130.0.1' }],
          },
        },
      ],
      [
        ['--ipv6', '--subnet', '10.130.0.0/24', '--gateway', '10.130.0.9', '--subnet', 'fd00:130::/64'],
        {
          IPAM: {
            Driver: 'default',
            Options: {},
            Config: [
              { Subnet: '10.130.0.0/24', Gateway: '10.130.0.9' },
              { Subnet: 'fd00:130::/64', Gateway: 'fd00:130::1' },
            ],
          },
        },
      ],
    ])('%j', async (flags, expected) => {
      await docker('network', 'create', ...flags, 'made');
      expect(await inspect('made')).toMatchObject(expected);
      await docker('network', 'rm', 'made');
    });

    test.each([
      [['--driver', 'nosuch', 'x'], 'plugin "nosuch" not found'],
      [['--driver', 'overlay', 'x'], 'This node is not a swarm manager'],
      [['--driver', 'host', 'x'], 'only one instance of "host" network is allowed'],
      [['--ingress', 'x'], 'Ingress network can only be global scope network'],
      [['--scope', 'swarm', 'x'], 'cannot create a swarm scoped network when swarm is not active'],
      [['--ipam-driver', 'nosuch', 'x'], 'plugin "nosuch" not found'],
      [['--ipv4=false', 'x'], 'IPv4 or IPv6 must be enabled'],
      [['--subnet', '10.130.0.5/24', 'x'], 'invalid subnet 10.130.0.5/24: it should be 10.130.0.0/24'],
      [
        ['-o', 'com.docker.network.bridge.enable_icc=maybe', 'x'],
        'failed to parse com.docker.network.bridge.enable_icc',
      ],
      [
        ['-o', 'com.docker.network.bridge.gateway_mode_ipv4=isolated', 'x'],
        'can only be used for an internal network',
      ],
      [['bridge'], 'operation is not permitted on predefined bridge network'],
    ])('%j is refused and leaves nothing', async (words, message) => {
      const before = await docker('network', 'ls', '-q', '--no-trunc');
      expect(await refusal('network', 'create', ...words)).toContain(message);
      expect(await docker('network', 'ls', '-q', '--no-trunc')).toBe(before);
    });

    test('--config-only and --config-from', async () => {
      await docker(
        'network',
        'create',
        '--config-only',
        '--subnet',
        '10.131.0.0/24',
        '--label',
        'a=b',
        'plan',
      );
      await docker('network', 'create', '--config-from', 'plan', 'made');
      expect(await inspect('made')).toMatchObject({
        ConfigFrom: { Network: 'plan' },
        Labels: { a: 'b' },
        IPAM: { Config: [{ Subnet: '10.131.0.0/24' }] },
      });
      expect(await refusal('network', 'rm', 'plan')).toContain('configuration network "plan" is in use');
      await docker('network', 'rm', 'made', 'plan');
    });
  });

  describe('connect and disconnect', () => {
    beforeAll(() =>
      docker('network', 'create', '--ipv6', '--subnet', '10.132.0.0/24', '--subnet', 'fd00:132::/64', 'lab'),
    );
    afterAll(() => docker('network', 'rm', 'lab'));

    test('every flag reaches the namespace', async () => {
      await docker(
        ...[
          'network',
          'connect',
          '--ip',
          '10.132.0.50',
          '--ip6',
          'fd00:132::50',
          '--link-local-ip',
          '169.254.1.5',
        ],
        ...['--alias', 'one', '--alias', 'two', '--link', 'other:o', '--gw-priority', '5'],
        ...['--driver-opt', 'com.docker.network.endpoint.ifname=lan0', 'lab', 'red'],
      );
      const { Networks: networks } = JSON.parse(await docker('inspect', 'red'))[0].NetworkSettings;
      expect(networks.lab).toMatchObject({
        IPAMConfig: {
          IPv4Address: '10.132.0.50',
          IPv6Address: 'fd00:132::50',
          LinkLocalIPs: ['169.254.1.5'],
        },
        Aliases: ['one', 'two'],
        Links: ['other:o'],
        GwPriority: 5,
        DriverOpts: { 'com.docker.network.endpoint.ifname': 'lan0' },
      });
      const addresses = (await addressesOf('red')).filter(({ ifname }) => ifname === 'lan0');
      expect(addresses.map(({ local }) => local).sort()).toEqual([
        '10.132.0.50',
        '169.254.1.5',
        'fd00:132::50',
      ]);
      expect((await routesOf('red', 6)).find(({ dst }) => dst === 'default')).toMatchObject({
        gateway: 'fd00:132::1',
        dev: 'lan0',
      });
      await docker('network', 'connect', 'lab', 'blue');
      expect(await ping('blue', 'fd00:132::50')).toBe(true);
    });

    test('what is wrong is said in Docker’s words', async () => {
      expect(await refusal('network', 'connect', 'lab', 'red')).toContain(
        'endpoint with name red already exists in network lab',
      );
      expect(await refusal('network', 'connect', 'lab', 'nosuch')).toContain('No such container: nosuch');
      expect(await refusal('network', 'connect', 'nosuch', 'red')).toContain('network nosuch not found');
      expect(await refusal('network', 'rm', 'lab')).toMatch(
        /network lab has active endpoints \(name:"red" id:"[0-9a-f]{12}", name:"blue"/,
      );
      expect(await refusal('network', 'rm', 'bridge')).toContain(
        'bridge is a pre-defined network and cannot be removed',
      );
    });

    test('disconnect, with -f where the namespace is gone', async () => {
      await docker('network', 'disconnect', 'lab', 'red');
      expect(await refusal('network', 'disconnect', 'lab', 'red')).toMatch(
        /container [0-9a-f]{64} is not connected to network lab|No such container/,
      );
      await removeNetns('blue');
      await docker('network', 'disconnect', '-f', 'lab', 'blue');
      expect((await inspect('lab')).Containers).toEqual({});
      await addNetns('blue');
    });
  });

  describe('ls, inspect, prune', () => {
    beforeAll(async () => {
      await docker('network', 'create', '--label', 'keep', '--label', 'team=a', 'alpha');
      await docker('network', 'create', '--label', 'team=b', 'beta');
    });

    test('ls filters by id, name, label, driver, scope, type and dangling', async () => {
      const { Id: id } = await inspect('alpha');
      const names = (...filters: string[]) =>
        docker('network', 'ls', '--format', '{{.Name}}', ...filters.flatMap((filter) => ['-f', filter]));
      expect(await names(`id=${id.slice(0, 8)}`)).toBe('alpha');
      expect(await names('label=team', 'name=et')).toBe('beta');
      expect(await names('label=team=a', 'label=keep')).toBe('alpha');
      expect(await names('driver=host')).toBe('host');
      expect(await names('scope=swarm')).toBe('');
      expect(await names('type=builtin')).toBe('bridge\nhost\nnone');
      expect(await names('dangling=1')).toBe('alpha\nbeta');
      expect(await docker('network', 'ls', '-q', '--no-trunc', '-f', 'name=alpha')).toBe(id);
      expect(await refusal('network', 'ls', '-f', 'type=bogus')).toContain("invalid filter: 'type'='bogus'");
    });

    test('inspect by id, prefix and name, with -v', async () => {
      const { Id: id } = await inspect('alpha');
      expect((await inspect(id)).Name).toBe('alpha');
      expect((await inspect(id.slice(0, 12))).Name).toBe('alpha');
      expect(JSON.parse(await docker('network', 'inspect', '-v', 'alpha', 'beta'))).toHaveLength(2);
      expect(await refusal('network', 'inspect', 'nosuch')).toContain('network nosuch not found');
    });

    test('prune filters by label, label! and until', async () => {
      expect(await docker('network', 'prune', '-f', '--filter', 'until=1h')).toBe('');
      expect(await docker('network', 'prune', '-f', '--filter', 'label=nosuch')).toBe('');
      expect(await docker('network', 'prune', '-f', '--filter', 'label!=keep')).toBe(
        'Deleted Networks:\nbeta\n',
      );
      expect(await refusal('network', 'prune', '-f', '--filter', 'until=x')).toContain(
        'failed to parse value as time or duration: "x"',
      );
      expect(await docker('network', 'prune', '-f', '--filter', 'label=team=a')).toBe(
        'Deleted Networks:\nalpha\n',
      );
    });
  });

  describe('events', () => {
    test('past ones with --since, --until, --filter and --format', async () => {
      const since = String(Math.floor(Date.now() / 1000));
      await docker('network', 'create', 'told');
      await docker('network', 'connect', 'told', 'red');
      await docker('network', 'disconnect', 'told', 'red');
      await docker('network', 'rm', 'told');
      const lines = await docker(
        ...['events', '--since', since, '--until', String(Date.now() / 1000), '--filter', 'network=told'],
        ...['--format', '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}'],
      );
      expect(lines.split('\n')).toEqual(
        ['create', 'connect', 'disconnect', 'destroy'].map((action) => `network ${action} told`),
      );
    });

    test('as they happen, in the CLI’s own words', async () => {
      const child = daemon.startDocker('events', '--filter', 'type=network');
      let output = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      try {
        await until('the CLI listens', async () => (await daemon.call('GET', '/info')).NEventsListener === 1);
        await docker('network', 'create', 'live');
        await until('it is told', () => output.includes('network create '));
        expect(output).toMatch(/ network create [0-9a-f]{64} \(name=live, type=bridge\)\n/);
        await docker('network', 'rm', 'live');
      } finally {
        child.kill();
      }
    });
  });
});
