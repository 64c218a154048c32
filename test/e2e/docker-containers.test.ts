/** The unmodified docker CLI against vethd: containers, which are network namespaces here. */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { addNetns, addressesOf, linksOf, listNetns, ping, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

describeWith(['docker'], 'docker', () => {
  const daemon = daemonForFile();
  const { docker, tryDocker } = {
    docker: (...args: string[]) => daemon.docker(...args),
    tryDocker: (...args: string[]) => daemon.tryDocker(...args),
  };

  async function inspect(name: string) {
    return JSON.parse(await docker('container', 'inspect', name))[0];
  }

  async function statusOf(name: string): Promise<string> {
    return docker('ps', '-a', '--filter', `name=^/${name}$`, '--format', '{{.State}}');
  }

  async function interfacesOf(netns: string): Promise<string[]> {
    return (await addressesOf(netns))
      .filter(({ ifname }) => ifname !== 'lo')
      .map(({ ifname, local, prefixlen }) => `${ifname} ${local}/${prefixlen}`);
  }

  beforeAll(async () => {
    await docker('network', 'create', '--subnet', '10.90.0.0/24', 'lab');
    await docker('network', 'create', '--subnet', '10.91.0.0/24', 'back');
  });

  afterAll(async () => {
    await docker('network', 'rm', 'lab', 'back');
  });

  describe('run -d', () => {
    test('makes a namespace with the address asked for, whatever the image, and warns', async () => {
      const ran = await tryDocker(
        ...['run', '-d', '--name', 'web1', '--network', 'lab', '--ip', '10.90.0.10'],
        ...['--network-alias', 'www', '--label', 'tier=front', 'no-such/image:1', 'sleep', '9'],
      );
      expect(ran.exitCode).toBe(0);
      expect(ran.stdout).toMatch(/^[0-9a-f]{64}$/);
      expect(ran.stderr).toContain('runs no process');
      expect(await interfacesOf('web1')).toEqual(['eth0 10.90.0.10/24']);
      expect(await ping('web1', '10.90.0.1')).toBe(true);
    });

    test('is shown by inspect and ps as Docker shows a container', async () => {
      const shown = await inspect('web1');
      expect(shown).toMatchObject({
        Name: '/web1',
        State: { Status: 'running', Running: true, ExitCode: 0 },
        Config: {
          Hostname: 'web1',
          Image: 'no-such/image:1',
          Cmd: ['sleep', '9'],
          Labels: { tier: 'front' },
        },
        HostConfig: { NetworkMode: 'lab' },
        NetworkSettings: {
          SandboxKey: '/run/netns/web1',
          Networks: {
            lab: {
              IPAMConfig: { IPv4Address: '10.90.0.10' },
              Aliases: ['www'],
              IPAddress: '10.90.0.10',
              IPPrefixLen: 24,
              Gateway: '10.90.0.1',
              DNSNames: ['web1', 'www', shown.Id.slice(0, 12)],
            },
          },
        },
      });
      const row = await docker(
        'ps',
        '--format',
        '{{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Networks}}',
      );
      expect(row).toBe('web1 no-such/image:1 "sleep 9" running lab');
    });

    test('joins several networks: that of the mode first, as eth0', async () => {
      await docker(
        ...['run', '-d', '--name', 'multi', '--network', 'name=lab,alias=one'],
        ...['--network', 'name=back,ip=10.91.0.9,mac-address=02:aa:00:00:00:01,gw-priority=7', 'image'],
      );
      expect(await interfacesOf('multi')).toEqual(['eth0 10.90.0.2/24', 'eth1 10.91.0.9/24']);
      const eth1 = (await linksOf('multi')).find(({ ifname }) => ifname === 'eth1');
      expect(eth1?.address).toBe('02:aa:00:00:00:01');
      const { Networks: networks } = (await inspect('multi')).NetworkSettings;
      expect(networks.back).toMatchObject({ GwPriority: 7, MacAddress: '02:aa:00:00:00:01' });
      await docker('rm', '-f', 'multi');
      expect(listNetns()).not.toContain('multi');
    });

    test('passes the name inside and sysctls of an interface on', async () => {
      const options = [
        'driver-opt=com.docker.network.endpoint.ifname=lan0',
        '"driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.forwarding=0"',
      ];
      await docker('run', '-d', '--name', 'opts', '--network', `name=lab,${options.join(',')}`, 'image');
      expect(await interfacesOf('opts')).toEqual(['lan0 10.90.0.2/24']);
      const value = await run('ip', [
        ...['netns', 'exec', 'opts', 'cat'],
        '/proc/sys/net/ipv4/conf/lan0/log_martians',
        '/proc/sys/net/ipv4/conf/lan0/forwarding',
      ]);
      expect(value).toBe('1\n0');
      await docker('rm', '-f', 'opts');
    });

    test.each([
      [['--network', 'nosuch'], 'network nosuch not found'],
      [['--network', 'lab', '--ip', '10.99.0.1'], 'no configured subnet contains IP address 10.99.0.1'],
      [['--network', 'lab', '--ip', '10.90.0.1'], 'Address already in use'],
      [['--network', 'container:nosuch'], 'No such container: nosuch'],
      [['--name', 'web1'], 'Conflict. The container name "/web1" is already in use by container'],
      [['--name', 'a b'], 'Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed'],
    ])('%j fails and says why', async (flags, message) => {
      const before = await docker('ps', '-aq');
      const failed = await tryDocker('run', '-d', '--rm', ...flags, 'image');
      expect(failed.exitCode).toBe(125);
      expect(failed.stderr).toContain(message);
      expect(await docker('ps', '-aq')).toBe(before);
    });
  });

  describe('run in the foreground', () => {
    async function attached(...flags: string[]) {
      const child = daemon.startDocker('run', ...flags, '--network', 'lab', 'image');
      const output = Promise.all([child.stdout, child.stderr].map((stream) => (stream ? text(stream) : '')));
      const closed = once(child, 'close');
      await until('it runs', async () => (await statusOf('fore')) === 'running');
      return {
        child,
        ended: async () => {
          const [code] = await closed;
          return { code, stderr: (await output)[1] };
        },
      };
    }

    test('lasts until docker stop, says what it is, and is removed with --rm', async () => {
      const { ended } = await attached('--rm', '--name', 'fore');
      expect(await ping('fore', '10.90.0.10')).toBe(true);
      await docker('stop', 'fore');
      const { code, stderr } = await ended();
      expect(code).toBe(0);
      expect(stderr).toContain('fore is a network namespace without a process');
      expect(await statusOf('fore')).toBe('');
    });

    test('is ended by Ctrl-C with the exit code of an interrupted process', async () => {
      const { child, ended } = await attached('--name', 'fore');
      child.kill('SIGINT');
      expect((await ended()).code).toBe(130);
      expect((await inspect('fore')).State).toMatchObject({ Status: 'exited', ExitCode: 130 });
      await docker('rm', 'fore');
    });
  });

  describe('stop, start, restart, kill, wait, rename, rm', () => {
    test('stop takes the namespace away and keeps address, MAC and configuration for start', async () => {
      const before = (await inspect('web1')).NetworkSettings.Networks.lab;
      await docker('stop', 'web1');
      expect(listNetns()).not.toContain('web1');
      const stopped = await inspect('web1');
      expect(stopped.State).toMatchObject({ Status: 'exited', Running: false, ExitCode: 0 });
      expect(stopped.NetworkSettings.Networks.lab).toMatchObject({
        IPAMConfig: { IPv4Address: '10.90.0.10' },
        Aliases: ['www'],
        IPAddress: '',
        EndpointID: '',
      });
      await docker('start', 'web1');
      expect((await inspect('web1')).NetworkSettings.Networks.lab).toEqual(before);
      expect(await ping('web1', '10.90.0.1')).toBe(true);
    });

    test('an address that was not asked for is kept over stop and start as well', async () => {
      await docker('run', '-d', '--name', 'auto', '--network', 'lab', 'image');
      const { IPAddress: address, MacAddress: mac } = (await inspect('auto')).NetworkSettings.Networks.lab;
      await docker('stop', 'auto');
      await docker('run', '-d', '--name', 'other', '--network', 'lab', 'image');
      await docker('restart', 'auto');
      const again = (await inspect('auto')).NetworkSettings.Networks.lab;
      expect([again.IPAddress, again.MacAddress]).toEqual([address, mac]);
      await docker('rm', '-f', 'auto', 'other');
    });

    test('restart keeps what --rm would remove', async () => {
      await docker('run', '-d', '--rm', '--name', 'brief', '--network', 'lab', 'image');
      await docker('restart', 'brief');
      expect(await statusOf('brief')).toBe('running');
      await docker('stop', 'brief');
      expect(await statusOf('brief')).toBe('');
    });

    test('only a signal that would end a process ends the container', async () => {
      await docker('run', '-d', '--name', 'sig', '--network', 'lab', 'image');
      await docker('kill', '-s', 'WINCH', 'sig');
      await docker('kill', '-s', 'CONT', 'sig');
      expect(await statusOf('sig')).toBe('running');
      await docker('kill', '-s', 'HUP', 'sig');
      expect((await inspect('sig')).State).toMatchObject({ Status: 'exited', ExitCode: 129 });
      const again = await tryDocker('kill', 'sig');
      expect(again.stderr).toContain('is not running');
      await docker('start', 'sig');
      expect((await tryDocker('kill', '-s', 'NOPE', 'sig')).stderr).toContain('invalid signal: NOPE');
      await docker('kill', 'sig');
      expect((await inspect('sig')).State.ExitCode).toBe(137);
      await docker('rm', 'sig');
    });

    test('wait prints the exit code when the container ends', async () => {
      await docker('run', '-d', '--name', 'waited', '--network', 'lab', 'image');
      const child = daemon.startDocker('wait', 'waited');
      const printed = child.stdout ? text(child.stdout) : '';
      await once(child, 'spawn');
      await docker('kill', 'waited');
      expect(await printed).toBe('137\n');
      expect(await docker('wait', 'waited')).toBe('137');
      await docker('rm', 'waited');
    });

    test('rm refuses a running container without -f', async () => {
      const refused = await tryDocker('rm', 'web1');
      expect(refused.stderr).toContain(
        'cannot remove container "web1": container is running: stop the container before removing or force remove',
      );
    });

    test('rename moves the namespace too, without touching its connections', async () => {
      await docker('run', '-d', '--name', 'old', '--network', 'lab', 'image');
      const before = (await linksOf('old')).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`);
      await docker('rename', 'old', 'new');
      expect(listNetns()).toContain('new');
      expect(listNetns()).not.toContain('old');
      expect((await linksOf('new')).map(({ ifindex, ifname }) => `${ifindex} ${ifname}`)).toEqual(before);
      await docker('run', '-d', '--name', 'old', '--network', 'lab', 'image');
      expect(await ping('old', (await inspect('new')).NetworkSettings.Networks.lab.IPAddress)).toBe(true);
      const taken = await tryDocker('rename', 'old', 'new');
      expect(taken.stderr).toContain('The container name "/new" is already in use');
      await docker('rm', '-f', 'old', 'new');
      expect(listNetns()).toEqual(['web1']);
    });
  });

  describe('network modes', () => {
    test('host shows the membership and plumbs nothing', async () => {
      const before = (await linksOf()).map(({ ifname }) => ifname);
      await docker('run', '-d', '--name', 'hosted', '--network', 'host', 'image');
      const shown = await inspect('hosted');
      expect(Object.keys(shown.NetworkSettings.Networks)).toEqual(['host']);
      expect(shown.NetworkSettings.Networks.host).toMatchObject({ IPAddress: '', MacAddress: '' });
      expect(Object.keys(JSON.parse(await docker('network', 'inspect', 'host'))[0].Containers)).toEqual([
        shown.Id,
      ]);
      // Links of earlier tests may just be reaped; none is new.
      expect(before).toEqual(expect.arrayContaining((await linksOf()).map(({ ifname }) => ifname)));
      expect((await tryDocker('network', 'disconnect', 'host', 'hosted')).stderr).toContain(
        'cannot disconnect container from host network',
      );
      expect((await tryDocker('network', 'connect', 'host', 'web1')).stderr).toContain(
        'cannot connect container to host network - container must be created in host network mode',
      );
      await docker('rm', '-f', 'hosted');
    });

    test('none has lo alone and leaves none before it joins another', async () => {
      await docker('run', '-d', '--name', 'alone', '--network', 'none', 'image');
      expect((await linksOf('alone')).map(({ ifname }) => ifname)).toEqual(['lo']);
      expect((await tryDocker('network', 'connect', 'lab', 'alone')).stderr).toContain('private (none) mode');
      await docker('network', 'disconnect', 'none', 'alone');
      await docker('network', 'connect', 'lab', 'alone');
      expect(await ping('alone', '10.90.0.10')).toBe(true);
      await docker('rm', '-f', 'alone');
    });

    test('no network at all is the predefined bridge', async () => {
      await docker('run', '-d', '--name', 'plain', 'image');
      const { NetworkSettings: settings } = await inspect('plain');
      expect(Object.keys(settings.Networks)).toEqual(['bridge']);
      expect(settings.IPAddress).toBe(settings.Networks.bridge.IPAddress);
      expect(settings.Networks.bridge.DNSNames).toBeNull();
      const refused = await tryDocker('network', 'connect', '--alias', 'x', 'bridge', 'web1');
      expect(refused.stderr).toContain('network-scoped aliases are only supported for user-defined networks');
      await docker('rm', '-f', 'plain');
    });

    test('container:X is in the namespace of X and ends with it', async () => {
      await docker('run', '-d', '--name', 'owner', '--network', 'lab', 'image');
      await docker('run', '-d', '--name', 'guest', '--network', 'container:owner', 'image');
      const guest = await inspect('guest');
      expect(guest.HostConfig.NetworkMode).toBe('container:owner');
      expect(guest.NetworkSettings).toMatchObject({ SandboxKey: '/run/netns/owner', Networks: {} });
      expect((await tryDocker('network', 'connect', 'back', 'guest')).stderr).toContain(
        'container sharing network namespace with another container or host cannot be connected to any other network',
      );
      await docker('stop', 'owner');
      expect(await statusOf('guest')).toBe('exited');
      expect((await tryDocker('start', 'guest')).stderr).toContain(
        'cannot join network of a non running container',
      );
      await docker('start', 'owner');
      await docker('start', 'guest');
      expect(await statusOf('guest')).toBe('running');
      await docker('rm', '-f', 'owner', 'guest');
    });
  });

  test('container:X takes a namespace that somebody else made, and remembers it for as long', async () => {
    await addNetns('theirs');
    await docker('run', '-d', '--name', 'guest', '--network', 'container:theirs', 'image');
    expect((await inspect('guest')).NetworkSettings.SandboxKey).toBe('/run/netns/theirs');
    await docker('network', 'connect', 'lab', 'theirs');
    await docker('network', 'disconnect', 'lab', 'theirs');
    await docker('run', '-d', '--name', 'third', '--network', 'container:guest', 'image');
    await docker('rm', '-f', 'guest', 'third');
    await removeNetns('theirs');
    await until('it is forgotten', async () => (await statusOf('theirs')) === '');
  });

  describe('reading', () => {
    beforeAll(async () => {
      await addNetns('bare');
      await docker('create', '--name', 'made', '--label', 'tier=back', '--network', 'back', 'some:tag');
    });
    afterAll(async () => {
      await docker('rm', '-f', 'made');
      await removeNetns('bare');
    });

    test.each([
      [[], 'bare web1'],
      [['-a'], 'bare made web1'],
      [['-a', '-f', 'status=created'], 'made'],
      [['-f', 'name=eb'], 'web1'],
      [['-a', '-f', 'label=tier'], 'made web1'],
      [['-a', '-f', 'label=tier=back'], 'made'],
      [['-a', '-f', 'network=back'], 'made'],
      [['-f', 'network=lab'], 'web1'],
      [['-a', '-f', 'ancestor=some:tag'], 'made'],
      [['-a', '-f', 'before=made', '-f', 'label=tier'], 'web1'],
      [['-a', '-f', 'since=web1'], 'bare made'],
      [['-a', '-f', 'exited=0'], ''],
      [['-n', '1', '-f', 'label=tier'], 'made'],
    ])('ps %j', async (flags, names) => {
      const lines = (await docker('ps', '--format', '{{.Names}}', ...flags)).split('\n');
      expect(lines.sort().join(' ')).toBe(names);
    });

    test('ps refuses a filter that it does not know', async () => {
      expect((await tryDocker('ps', '-f', 'nosuch=1')).stderr).toContain("invalid filter 'nosuch'");
    });

    test('docker inspect finds containers, then networks, then nothing', async () => {
      expect(JSON.parse(await docker('inspect', 'web1'))[0].Name).toBe('/web1');
      expect(JSON.parse(await docker('inspect', 'lab'))[0].Driver).toBe('bridge');
      const none = await tryDocker('inspect', 'nosuch');
      expect([none.exitCode, none.stdout]).toEqual([1, '[]']);
      expect(none.stderr).toContain('No such object: nosuch');
    });

    test('stats counts what went through the interfaces', async () => {
      await ping('web1', '10.90.0.1');
      const row = await docker('stats', '--no-stream', '--format', '{{.Name}} {{.NetIO}}', 'web1');
      expect(row).toMatch(/^web1 [1-9][0-9.]*[kM]?B \/ [1-9][0-9.]*[kM]?B$/);
      const all = await docker('stats', '--no-stream', '--format', '{{.Name}}');
      expect(all.split('\n').sort()).toEqual(['bare', 'web1']);
    });

    test('top, logs and port answer; what needs a process or files says that there is none', async () => {
      expect(await docker('top', 'web1')).toContain('PID');
      expect(await docker('logs', 'web1')).toBe('');
      expect(await docker('port', 'web1')).toBe('');
      for (const command of [
        ['pause', 'web1'],
        ['diff', 'web1'],
        ['cp', 'web1:/etc/hosts', daemon.folder],
      ]) {
        const refused = await tryDocker(...command);
        expect(refused.stderr).toContain('web1 is a network namespace; it has neither processes nor files');
      }
    });

    test('network connect and disconnect work on a container that does not run, for its next start', async () => {
      await docker('network', 'connect', '--ip', '10.90.0.77', 'lab', 'made');
      await docker('network', 'disconnect', 'back', 'made');
      await docker('start', 'made');
      expect(await interfacesOf('made')).toEqual(['eth1 10.90.0.77/24']);
    });

    test('its address goes to whoever asks for it, and its next start then fails', async () => {
      await docker('create', '--name', 'first', '--network', 'lab', '--ip', '10.90.0.60', 'image');
      await docker('run', '-d', '--name', 'second', '--network', 'lab', '--ip', '10.90.0.60', 'image');
      expect(await interfacesOf('second')).toEqual(['eth0 10.90.0.60/24']);
      expect((await inspect('first')).NetworkSettings.Networks.lab.IPAMConfig).toEqual({
        IPv4Address: '10.90.0.60',
      });
      expect((await tryDocker('start', 'first')).stderr).toContain('Address already in use');
      await docker('rm', '-f', 'second');
      await docker('start', 'first');
      expect(await interfacesOf('first')).toEqual(['eth0 10.90.0.60/24']);
      await docker('rm', '-f', 'first');
    });

    test('its address stays its own when who asked for it cannot be plumbed', async () => {
      await docker('create', '--name', 'first', '--network', 'lab', '--ip', '10.90.0.60', 'image');
      const before = await inspect('first');
      await docker('run', '-d', '--name', 'second', '--network', 'back', 'image');
      const options = ['--driver-opt', 'com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.nosuch=1'];
      const refused = await tryDocker(
        'network',
        'connect',
        '--ip',
        '10.90.0.60',
        ...options,
        'lab',
        'second',
      );
      expect(refused.stderr).toContain('the kernel refused');
      expect(await inspect('first')).toEqual(before);
      await docker('rm', '-f', 'first', 'second');
    });

    test('the address of one that runs does not', async () => {
      await docker('run', '-d', '--name', 'first', '--network', 'lab', '--ip', '10.90.0.60', 'image');
      const refused = await tryDocker(
        'create',
        '--name',
        'third',
        '--network',
        'lab',
        '--ip',
        '10.90.0.60',
        'i',
      );
      expect(refused.stderr).toContain('Address already in use');
      await docker('rm', '-f', 'first');
    });

    test('its wishes outlive the network that it was on', async () => {
      await docker('network', 'create', '--subnet', '10.92.0.0/24', 'brief');
      await docker(
        ...[
          'create',
          '--name',
          'kept',
          '--network',
          'brief',
          '--ip',
          '10.92.0.9',
          '-p',
          '127.0.0.1:18092:80/tcp',
        ],
        ...['--network-alias', 'nick', '--mac-address', '02:00:00:00:00:09', 'image'],
      );
      await docker('network', 'rm', 'brief');
      expect((await tryDocker('start', 'kept')).stderr).toContain('network brief not found');
      await docker('network', 'create', '--subnet', '10.92.0.0/24', 'brief');
      await docker('start', 'kept');
      expect((await inspect('kept')).NetworkSettings).toMatchObject({
        Ports: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '18092' }] },
        Networks: { brief: { IPAddress: '10.92.0.9', MacAddress: '02:00:00:00:00:09', Aliases: ['nick'] } },
      });
      await docker('rm', '-f', 'kept');
    });

    test('a network that it waits for can be connected and disconnected', async () => {
      await docker('create', '--name', 'kept', '--network', 'later', 'image');
      await docker('network', 'create', '--subnet', '10.93.0.0/24', 'later');
      await docker('network', 'connect', '--ip', '10.93.0.9', 'later', 'kept');
      await docker('start', 'kept');
      expect(await interfacesOf('kept')).toEqual(['eth0 10.93.0.9/24']);
      await docker('stop', 'kept');
      await docker('network', 'rm', 'later');
      await docker('network', 'create', '--subnet', '10.93.0.0/24', 'later');
      await docker('network', 'disconnect', 'later', 'kept');
      expect((await inspect('kept')).NetworkSettings.Networks).toEqual({});
      await docker('rm', 'kept');
      await docker('network', 'rm', 'later', 'brief');
    });

    test('ports that it was created with are those of whatever network it is connected to', async () => {
      await docker('create', '--name', 'kept', '--network', 'lab', '-p', '127.0.0.1:18093:80', 'image');
      await docker('network', 'disconnect', 'lab', 'kept');
      await docker('network', 'create', '--internal', 'inside');
      await docker('network', 'connect', 'inside', 'kept');
      await docker('network', 'connect', 'back', 'kept');
      await docker('network', 'connect', 'lab', 'kept');
      await docker('start', 'kept');
      expect(await docker('port', 'kept')).toBe('80/tcp -> 127.0.0.1:18093');
      await docker('network', 'disconnect', 'inside', 'kept');
      await docker('network', 'disconnect', 'lab', 'kept');
      expect(await docker('port', 'kept')).toBe('80/tcp -> 127.0.0.1:18093');
      await docker('network', 'disconnect', 'back', 'kept');
      expect(await docker('port', 'kept')).toBe('');
      await docker('network', 'connect', 'lab', 'kept');
      expect(await docker('port', 'kept')).toBe('80/tcp -> 127.0.0.1:18093');
      await docker('rm', '-f', 'kept');
      await docker('network', 'rm', 'inside');
    });

    test('container prune takes those that do not run', async () => {
      await docker('create', '--name', 'idle', '--network', 'lab', 'image');
      const { Id: id } = await inspect('idle');
      expect(await docker('container', 'prune', '-f')).toContain(id);
      expect(await statusOf('idle')).toBe('');
      expect(await statusOf('web1')).toBe('running');
    });
  });

  describe('names that others made', () => {
    test('are containers: stopped, started and forgotten, never deleted', async () => {
      await addNetns('theirs');
      await docker('network', 'connect', '--ip', '10.90.0.50', 'lab', 'theirs');
      expect(await ping('theirs', '10.90.0.1')).toBe(true);
      await docker('stop', 'theirs');
      expect((await linksOf('theirs')).map(({ ifname }) => ifname)).toEqual(['lo']);
      await docker('start', 'theirs');
      expect(await interfacesOf('theirs')).toEqual(['eth0 10.90.0.50/24']);
      await docker('rm', '-f', 'theirs');
      expect(listNetns()).toContain('theirs');
      expect((await linksOf('theirs')).map(({ ifname }) => ifname)).toEqual(['lo']);
      await removeNetns('theirs');
    });

    test('are as old as their namespace, whoever looks', async () => {
      await addNetns('theirs');
      const made = statSync('/run/netns/theirs').mtimeMs;
      const { Created: created, State: state, Config: config } = await inspect('theirs');
      expect(Math.abs(Date.parse(created) - made)).toBeLessThan(2);
      expect([state.StartedAt, config.Hostname]).toEqual([created, 'theirs']);
      await docker('network', 'connect', 'lab', 'theirs');
      expect((await inspect('theirs')).Created).toBe(created);
      await docker('network', 'disconnect', 'lab', 'theirs');
      await removeNetns('theirs');
    });

    test('cannot be taken for a new container', async () => {
      await addNetns('theirs');
      expect((await tryDocker('create', '--name', 'theirs', 'image')).stderr).toContain('is already in use');
      await removeNetns('theirs');
    });
  });

  test('pull says that nothing is pulled, and df and system prune go through', async () => {
    expect(await docker('pull', 'no-such/image')).toContain('no image is pulled');
    const rows = (await docker('system', 'df')).split('\n').map((line) => line.split(/\s{2,}/).slice(0, 3));
    expect(rows.slice(1)).toEqual([
      ['Images', '0', '0'],
      ['Containers', '1', '1'],
      ['Local Volumes', '0', '0'],
      ['Build Cache', '0', '0'],
    ]);
    await docker('create', '--name', 'idle', 'image');
    await docker('network', 'create', 'idle');
    const pruned = await docker('system', 'prune', '-f', '--volumes');
    expect(pruned).toContain('Deleted Networks:\nback\nidle\n');
    expect(pruned).toContain('Total reclaimed space: 0B');
    expect(await statusOf('idle')).toBe('');
    await docker('network', 'create', '--subnet', '10.91.0.0/24', 'back');
  });

  test('rm -f leaves no trace of the container', async () => {
    await docker('rm', '-f', 'web1');
    expect(listNetns()).toEqual([]);
    expect((await tryDocker('inspect', 'web1')).stdout).toBe('[]');
  });
});
