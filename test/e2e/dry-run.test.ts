/** The command lines of a dry run: they change nothing, and typed by a person they do what vethd does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, removeNetns, snapshot } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';
import { difference, world } from '../helpers/world.ts';

const vethd = daemonForFile();

/** A set of nft's as a line for each element: among ids that are drawn anew their order says nothing. */
function elementLines(line: string): string[] {
  if (!line.startsWith('{')) return [line];
  const [[kind, { elem = [], ...rest }] = ['', {}]] = Object.entries<{ name?: string; elem?: string[] }>(
    JSON.parse(line),
  );
  return [JSON.stringify({ [kind]: rest }), ...elem.map((element) => `${kind} ${rest.name}: ${element}`)];
}

/** Everything but what is drawn anew each time: ids, and the digits of host ends. */
async function steadyWorld(): Promise<readonly string[]> {
  const fdb = (await run('bridge', ['fdb', 'show'])).split('\n').filter((line) => line.endsWith(' static'));
  const lines = [...(await world('/nonexistent')), ...fdb];
  const steady = lines.map((line) => line.replaceAll(/vethd:[0-9a-f]{64}|veth[0-9a-f]{7}/g, 'ANEW'));
  return steady.flatMap(elementLines).sort();
}

describe('typed by a person', () => {
  const name = (bridge: string) => ['-o', `com.docker.network.bridge.name=${bridge}`];
  const STEPS: readonly (readonly string[])[] = [
    ['network', 'create', 'lab', '--subnet', '10.9.0.0/24', ...name('lab.0')],
    ['network', 'connect', 'lab', 'web', '--publish', '8080:80'],
    ['network', 'connect', 'bridge', 'web', '--gw-priority', '7'],
    ['ns', 'add', 'db', '--network', 'lab', '--ip', '10.9.0.50'],
    [
      'network',
      'create',
      'dual',
      '--ipv6',
      '--subnet',
      '10.10.0.0/24',
      '--subnet',
      'fd00:9::/64',
      ...name('dual0'),
    ],
    ['network', 'connect', 'dual', 'web', '--mac-address', '02:42:00:00:00:09'],
    [
      ...['network', 'create', 'apart', '--internal', '--subnet', '10.11.0.0/24', ...name('apart0')],
      ...['-o', 'com.docker.network.bridge.enable_icc=false', '-o', 'com.docker.network.driver.mtu=1400'],
    ],
    ['network', 'connect', 'apart', 'db'],
  ];
  const UNDO: readonly (readonly string[])[] = [
    ['ns', 'rm', 'db'],
    ['network', 'disconnect', 'dual', 'web'],
    ['network', 'disconnect', 'bridge', 'web'],
    ['network', 'disconnect', 'lab', 'web'],
    ['network', 'rm', 'lab', 'dual', 'apart'],
  ];

  beforeAll(async () => {
    await addNetns('web');
    // A namespace of somebody else's keeps a loopback that is up, when its members are gone.
    await run('ip', ['-n', 'web', 'link', 'set', 'lo', 'up']);
  });
  afterAll(() => removeNetns('web'));

  test('the lines do what vethd does, and it takes what they made for its own', async () => {
    const before = await steadyWorld();
    const there: string[] = [];
    for (const words of STEPS) {
      there.push(await vethd.vethctl(...words, '--dry-run'));
      await vethd.vethctl(...words);
    }
    const byVethd = await until('carriers are up', async () => {
      const now = await steadyWorld();
      return !now.some((line) => /operstate="(UNKNOWN|DOWN)" master="." .*veth/.test(line)) && now;
    });
    for (const words of UNDO) await vethd.vethctl(...words);
    await expect.poll(async () => difference(before, await steadyWorld()), { timeout: 10_000 }).toEqual([]);

    // What is typed while the daemon runs would be drift to it.
    await vethd.kill();
    await run('sh', ['-euc', there.join('\n')]);
    await expect.poll(async () => difference(byVethd, await steadyWorld()), { timeout: 10_000 }).toEqual([]);
    // The switches alone are not marked as vethd's: a daemon that starts now takes them for the host's own.
    await run('sysctl', ['-qw', 'net.ipv4.ip_forward=0', 'net.ipv6.conf.all.forwarding=0']);
    await vethd.start();
    await expect.poll(async () => difference(before, await steadyWorld()), { timeout: 10_000 }).toEqual([]);
  });
});

describe('changes nothing', () => {
  beforeAll(async () => {
    await addNetns('web');
    await vethd.vethctl('network', 'create', 'lab', '--subnet', '10.9.0.0/24');
    await vethd.vethctl('network', 'create', 'unused');
    await vethd.vethctl('network', 'connect', 'lab', 'web');
    await vethd.vethctl('ns', 'add', 'db', '--network', 'lab');
    await addNetns('bare');
    await vethd.call('POST', '/containers/create?name=idle', { HostConfig: { NetworkMode: 'lab' } });
  });

  afterAll(async () => {
    await vethd.vethctl('network', 'disconnect', 'lab', 'web');
    await vethd.vethctl('ns', 'rm', 'db', 'idle');
    await vethd.vethctl('network', 'rm', 'lab', 'unused');
    for (const name of ['web', 'bare']) await removeNetns(name);
  });

  async function everything(): Promise<object> {
    return {
      kernel: await snapshot(),
      networks: await vethd.call('GET', '/networks'),
      members: (await vethd.call('GET', '/networks/lab')).Containers,
      containers: await vethd.vethctl('ns', 'ls', '--no-trunc'),
      events: await vethd.events({}),
    };
  }

  test.each<[method: string, path: string, body: object | undefined, line: RegExp]>([
    ['POST', '/networks/create', { Name: 'new' }, /^ip link add br-/],
    ['DELETE', '/networks/unused', undefined, /^ip link delete dev br-/],
    ['POST', '/networks/prune', undefined, /^ip link delete dev br-/],
    ['POST', '/networks/lab/connect', { Container: 'bare' }, /^ip link add veth.* netns bare$/],
    ['POST', '/networks/lab/disconnect', { Container: 'web' }, /^ip link delete dev veth/],
    ['POST', '/containers/create?name=new', { HostConfig: { NetworkMode: 'lab' } }, /^ip netns add new$/],
    ['POST', '/containers/idle/start', undefined, /^ip netns add idle$/],
    ['POST', '/containers/db/stop', undefined, /^ip netns delete db$/],
    ['POST', '/containers/db/kill', undefined, /^ip netns delete db$/],
    ['POST', '/containers/db/rename?name=new', undefined, /^mount --bind .*netns.db .*netns.new$/],
    ['DELETE', '/containers/db?force=1', undefined, /^ip netns delete db$/],
  ])('%s %s', async (method, path, body, line) => {
    const before = await everything();
    const query = path.includes('?') ? '&' : '?';
    const { Commands } = await vethd.call(method, `${path}${query}dry-run=true`, body);
    expect(Commands).toContainEqual(expect.stringMatching(line));
    expect(await everything()).toEqual(before);
  });
});
