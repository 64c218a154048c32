/** The units under a real systemd as process 1: readiness, the socket, the sandbox, crashes, the watchdog. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../helpers/describe-with.ts';
import { SystemdMachine } from '../helpers/systemd-machine.ts';

// The machine has this one's /usr and nothing else of it.
const node = process.execPath.startsWith('/usr/') ? process.execPath : '/usr/bin/node';

describeWith(['systemd-nspawn', node], 'the units', () => {
  const machine = new SystemdMachine();
  const vethctl = (...words: readonly string[]) => machine.run('vethctl', ...words);

  const pidOf = (unit: string) => machine.run('systemctl', 'show', '--property=MainPID', '--value', unit);

  const isActive = async (unit: string): Promise<string> =>
    (await machine.attempt('systemctl', 'is-active', unit)).stdout;

  const namesOfNetworks = async (): Promise<string[]> =>
    (await vethctl('network', 'ls', '--format', 'json')).split('\n').map((line) => JSON.parse(line).Name);

  beforeAll(() => machine.boot());
  afterAll(() => machine.end());

  test('start the daemon on the socket that systemd made', async () => {
    expect([await isActive('vethd.socket'), await isActive('vethd.service')]).toEqual(['active', 'active']);
    const places = ['/run/vethd', '/run/vethd/vethd.sock', '/run/vethd/read.sock'];
    const modes = await machine.run('stat', '--format=%A %U:%G %n', ...places);
    expect(modes.split('\n')).toEqual([
      'drwxr-s--- root:vethd /run/vethd',
      'srw-rw---- root:vethd /run/vethd/vethd.sock',
      'srw-rw---- root:vethd /run/vethd/read.sock',
    ]);
    expect(await machine.run('stat', '--format=%A %U', '/var/lib/vethd')).toBe('drwx------ root');
    expect(await namesOfNetworks()).toEqual(['bridge', 'host', 'none']);
    const asMember = ['setpriv', '--reuid=65534', '--clear-groups'];
    const list = ['vethctl', 'network', 'ls', '--quiet'];
    expect(await machine.run(...asMember, '--regid=vethd', ...list)).toMatch(/^([0-9a-f]{12}\n?){3}$/);
    const other = await machine.attempt(...asMember, '--regid=65534', ...list);
    expect(other.stderr).toContain('permission denied');
  });

  test('leave it all that its work needs', async () => {
    // The resolver's file goes over one that the machine must have.
    await machine.run('touch', '/etc/resolv.conf');
    await vethctl('network', 'create', '--subnet', '10.9.0.0/24', '--ipv6', '--subnet', 'fd00:9::/64', 'lab');
    await machine.run('ip', 'netns', 'add', 'web');
    await vethctl('network', 'connect', '-p', '8080:80', 'lab', 'web');
    await vethctl('ns', 'add', 'db', '--network', 'lab', '--ip', '10.9.0.50');
    for (const address of ['10.9.0.50', 'fd00:9::1']) {
      const ping = await machine.run('ip', 'netns', 'exec', 'web', 'ping', '-c', '1', '-W', '2', address);
      expect(ping).toContain(' 0% packet loss');
    }
    expect(await machine.run('ip', 'netns', 'exec', 'web', 'getent', 'ahostsv4', 'db')).toContain(
      '10.9.0.50',
    );
    expect(await machine.run('nft', 'list', 'map', 'inet', 'vethd', 'publish4_any')).toContain(
      '10.9.0.2 . 80',
    );
    // A service with a network of its own, which has no name.
    await machine.run(
      'systemd-run',
      '-p',
      'Type=exec',
      '-p',
      'PrivateNetwork=yes',
      '--unit=job',
      'sleep',
      '60',
    );
    const job = await pidOf('job');
    await vethctl('network', 'connect', 'lab', `pid:${job}`);
    const enter = ['nsenter', `--net=/proc/${job}/ns/net`];
    expect(await machine.run(...enter, 'ping', '-c', '1', '-W', '2', '10.9.0.50')).toContain(
      ' 0% packet loss',
    );
    await machine.run('systemctl', 'stop', 'job');
    await vethctl('ns', 'rm', 'db');
    expect(await machine.run('ls', '/run/netns')).toBe('web');
  });

  test('start it again after a crash and after a hang, while requests wait and packets flow', async () => {
    const ping = machine.spawn('ip', 'netns', 'exec', 'web', 'ping', '-i', '0.05', '-q', '10.9.0.1');
    const output = text(ping.stdout);
    for (const signal of ['KILL', 'STOP']) {
      const before = await pidOf('vethd');
      await machine.run('kill', '-s', signal, before);
      expect(await namesOfNetworks()).toContain('lab');
      expect(await pidOf('vethd')).not.toBe(before);
    }
    const ended = once(ping, 'exit');
    ping.kill('SIGINT');
    await ended;
    expect(await output).toContain(' 0% packet loss');
  });

  test('start it for a request', async () => {
    await machine.run('systemctl', 'stop', 'vethd.service');
    expect(await isActive('vethd.service')).toBe('inactive');
    expect(await namesOfNetworks()).toContain('lab');
    expect(await isActive('vethd.service')).toBe('active');
  });
});
