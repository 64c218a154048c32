/**
 * Drift: what vethd made is broken by hand, kind after kind, and the world is waited for until it is as before.
 * Prints how long each took. Other people's objects stand beside ours all the time: none may change or come back.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { ip, linksOf, ping, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';
import { difference, world } from '../helpers/world.ts';

// The same few objects are broken again and again: the budget of repairs is another test's.
const daemon = new Daemon({ args: ['--repairs-per-minute', '100000'] });
let bridge = '';
let veth = '';
/** Of the first member. */
const mac = '02:42:0a:3c:00:02';
let before: readonly string[] = [];
const times: { kind: string; repairMs: number; worldMs: number }[] = [];

interface RepairEvent {
  readonly timeNano: number;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

async function repairsSince(sinceMs: number): Promise<readonly RepairEvent[]> {
  const filters = encodeURIComponent(JSON.stringify({ type: ['vethd'], event: ['repair'] }));
  const path = `/events?since=${(sinceMs / 1_000 - 1).toFixed(3)}&until=${(Date.now() / 1_000).toFixed(3)}`;
  const answer = await daemon.request('GET', `${path}&filters=${filters}`, undefined, { lines: true });
  return answer.body.filter(({ timeNano }: RepairEvent) => timeNano / 1e6 >= sinceMs - 1);
}

function shell(script: string): Promise<string> {
  return run('sh', ['-ec', script]);
}

/** Runs the script, waits until the world is as before, and notes how long that took. */
async function heals(kind: string, script: string): Promise<void> {
  const begun = Date.now();
  await shell(script);
  const broken = performance.now();
  let now: readonly string[] = [];
  await until(
    `repaired: ${kind}`,
    async () => {
      now = await world();
      return difference(before, now).length === 0;
    },
    5_000,
  ).catch((error: unknown) => {
    console.error(daemon.logs.slice(-3_000));
    throw new Error(`${kind} was not repaired:\n${difference(before, now).join('\n')}`, { cause: error });
  });
  const worldMs = performance.now() - broken;
  const first = (await repairsSince(begun))[0];
  times.push({ kind, repairMs: first === undefined ? Number.NaN : first.timeNano / 1e6 - begun, worldMs });
}

/** What other people have in the same host: beside ours, and on links of ours. */
const FOREIGN = `
  ip link add fbr0 address 02:00:00:00:00:77 type bridge; ip link set fbr0 up
  ip link add fpa type veth peer name fpb; ip link set fpb up; ip link set fpa master fbr0 up; ip address add 10.77.0.1/24 dev fbr0
  ip link add fva type veth peer name fvb netns one; ip link set fva up
  ip -n one link set fvb up; ip -n one address add 10.77.1.2/24 dev fvb
  ip -n two address add 10.77.2.2/24 dev eth0
  ip -n one route add 10.78.0.0/16 via 10.77.1.1 dev fvb
  ip route add 10.79.0.0/16 dev fbr0
  nft 'table inet foreign { chain c { type filter hook input priority 10; policy accept; counter accept; }; }'
`;

beforeAll(async () => {
  await daemon.start();
  const { Id } = await daemon.call('POST', '/networks/create', {
    Name: 'lab',
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '10.60.0.0/24' }, { Subnet: 'fd60::/64' }] },
  });
  bridge = `br-${Id.slice(0, 12)}`;
  for (const name of ['one', 'two']) {
    await ip(['netns', 'add', name]);
    await daemon.call('POST', '/networks/lab/connect', { Container: name });
  }
  await daemon.call('POST', '/containers/create?name=man', { HostConfig: { NetworkMode: 'lab' } });
  await daemon.call('POST', '/containers/man/start');
  await shell(FOREIGN);
  await ip(['address', 'add', '10.77.3.1/24', 'dev', bridge]);
  const [pair] = await daemon.call('GET', '/vethd/trace?of=one');
  veth = pair.Host.Ifname ?? pair.Host.Name;
  before = await until('a quiet world', async () => {
    const [first, second] = [await world(), await world()];
    return difference(first, second).length === 0 && first;
  });
});

afterAll(async () => {
  const sorted = times.map(({ worldMs }) => worldMs).sort((a, b) => a - b);
  const rows = times.map(({ kind, repairMs, worldMs }) => ({
    kind,
    'repaired after ms': Math.round(repairMs),
    'seen after ms': Math.round(worldMs),
  }));
  console.table(rows);
  console.log(
    `median seen after ${Math.round(sorted[sorted.length >> 1] ?? 0)} ms, worst ${Math.round(sorted.at(-1) ?? 0)} ms`,
  );
  await daemon.dispose();
  for (const name of ['one', 'two']) await removeNetns(name).catch(() => undefined);
});

describe('repaired when broken by hand', () => {
  test.each<[string, () => string]>([
    ['veth deleted', () => `ip link del ${veth}`],
    ['veth renamed', () => `ip link set ${veth} name other0`],
    ['veth down', () => `ip link set ${veth} down`],
    ['veth out of its bridge', () => `ip link set ${veth} nomaster`],
    ['veth in another bridge', () => `ip link set ${veth} master fbr0`],
    ['veth with another MTU', () => `ip link set ${veth} mtu 1400`],
    ['port learning', () => `bridge link set dev ${veth} learning on`],
    ['port isolated', () => `bridge link set dev ${veth} isolated on`],
    ['port without guard', () => `bridge link set dev ${veth} guard off root_block off`],
    ['port without its FDB entry', () => `bridge fdb del ${mac} dev ${veth} master`],
    ['port with an FDB entry more', () => `bridge fdb add 02:00:00:00:00:99 dev ${veth} master static`],
    ['FDB entry at another port', () => `bridge fdb replace 02:42:0a:3c:00:03 dev ${veth} master static`],
    ['bridge down', () => `ip link set ${bridge} down`],
    ['bridge with another MAC', () => `ip link set ${bridge} address 02:00:00:00:00:01`],
    ['bridge with another MTU', () => `ip link set ${bridge} mtu 1300`],
    ['bridge renamed', () => `ip link set ${bridge} name other1`],
    ['bridge without its address', () => `ip address del 10.60.0.1/24 dev ${bridge}`],
    ['bridge without its IPv6 address', () => `ip address del fd60::1/64 dev ${bridge}`],
    ['bridge without its route', () => `ip route del 10.60.0.0/24 dev ${bridge}`],
    [
      'bridge with a neighbour changed',
      () => `ip neigh replace 10.60.0.2 lladdr 02:00:00:00:00:02 dev ${bridge} nud permanent`,
    ],
    ['bridge with a neighbour deleted', () => `ip neigh del 10.60.0.2 dev ${bridge}`],
    ['bridge with IPv6 off', () => `sysctl -qw net.ipv6.conf.${bridge}.disable_ipv6=1`],
    ['peer deleted', () => 'ip -n one link del eth0'],
    ['peer down', () => 'ip -n one link set eth0 down'],
    ['peer renamed', () => 'ip -n one link set eth0 name other2'],
    ['peer with another MAC', () => 'ip -n one link set eth0 address 02:00:00:00:00:03'],
    ['peer with another MTU', () => 'ip -n one link set eth0 mtu 1400'],
    ['peer without its address', () => 'ip -n one address del 10.60.0.2/24 dev eth0'],
    ['peer without its IPv6 address', () => 'ip -n one address del fd60::2/64 dev eth0'],
    ['default route deleted', () => 'ip -n one route del default'],
    ['default route by another gateway', () => 'ip -n one route replace default via 10.77.1.9'],
    ['IPv6 default route deleted', () => 'ip -n one -6 route del default'],
    ['connected route deleted', () => 'ip -n one route del 10.60.0.0/24'],
    [
      'peer with a neighbour changed',
      () => 'ip -n one neigh replace 10.60.0.1 lladdr 02:00:00:00:00:04 dev eth0 nud permanent',
    ],
    ['peer with a neighbour deleted', () => 'ip -n one neigh del 10.60.0.1 dev eth0'],
    ['lo down', () => 'ip -n one link set lo down'],
    ['nft table deleted', () => 'nft delete table inet vethd'],
    ['nft element deleted', () => `nft delete element inet vethd bridges "{ \\"${bridge}\\" }"`],
    ['nft chain flushed', () => 'nft flush chain inet vethd forward'],
    ['nft rule added', () => 'nft insert rule inet vethd forward accept'],
    ['nft bridge table deleted', () => 'nft delete table bridge vethd'],
    ['resolv.conf removed', () => 'rm /etc/netns/one/resolv.conf'],
    // Moved away in one step: rm -r would race with the repair that it provokes.
    [
      'resolv.conf removed with its folder',
      () => 'mv /etc/netns/one /etc/netns/one.gone && rm -r /etc/netns/one.gone',
    ],
    ['resolv.conf changed', () => 'echo nameserver 9.9.9.9 >> /etc/netns/one/resolv.conf'],
    ['managed namespace deleted', () => 'ip netns del man'],
    ['managed namespace unmounted', () => 'umount /run/netns/man'],
    [
      'managed namespace unmounted, and kept by a program',
      () => 'nsenter --net=/run/netns/man sleep 60 >/dev/null 2>&1 & sleep 0.2; umount /run/netns/man',
    ],
  ])('%s', (kind, script) => heals(kind, script()));

  test('the bridge deleted with its members there', async () => {
    before = before.filter((one) => !one.includes('10.77.3.'));
    await heals('bridge deleted', `ip link del ${bridge}`);
    expect(await ping('one', '10.60.0.3')).toBe(true);
  });

  test('the whole ruleset flushed: only ours comes back', async () => {
    before = before.filter((one) => !one.includes('"foreign"'));
    await heals('nft ruleset flushed', 'nft flush ruleset');
  });

  test('a managed namespace renamed', async () => {
    await heals(
      'managed namespace renamed',
      'touch /run/netns/x; mount --bind /run/netns/man /run/netns/x; umount /run/netns/man; rm /run/netns/man; umount /run/netns/x; rm /run/netns/x',
    );
  });

  test('a named namespace remade: foreign things in it aside', async () => {
    const foreign = /fvb|fva|10\.77\.1\.|10\.78\./;
    before = before.filter((one) => !foreign.test(one));
    await heals('named namespace remade', 'ip netns del one; ip netns add one');
    expect(await ping('one', '10.60.0.3')).toBe(true);
  });

  test('a named namespace that goes away and comes back', async () => {
    before = before.filter((one) => !one.includes('10.77.2.'));
    await shell(
      'touch /run/netns/x; mount --bind /run/netns/two /run/netns/x; umount /run/netns/two; rm /run/netns/two',
    );
    await until(
      'its pair is gone',
      async () => (await ip(['-n', 'x', '-j', 'link', 'show'])).includes('eth0') === false,
    );
    await heals(
      'named namespace back',
      'touch /run/netns/two; mount --bind /run/netns/x /run/netns/two; umount /run/netns/x; rm /run/netns/x',
    );
    expect(await ping('two', '10.60.0.2')).toBe(true);
  });

  test('ip_forward turned off, where vethd turned it on', async () => {
    if (!before.includes('sysctl ipv4/ip_forward=1')) return;
    await heals('ip_forward turned off', 'sysctl -qw net.ipv4.ip_forward=0');
  });
});

describe('at rest', () => {
  test('nothing is left to do', async () => {
    const { Commands } = await daemon.call('POST', '/vethd/reconcile?dry-run=true');
    expect(Commands).toEqual([]);
  });

  test('what others delete stays deleted', async () => {
    await shell('ip link del fbr0');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await linksOf()).map(({ ifname }) => ifname)).not.toContain('fbr0');
  });

  test('repairs are events that say what and how', async () => {
    const repairs = await repairsSince(0);
    const text = repairs.map(({ Actor }) => `${Actor.Attributes['what']} ${Actor.Attributes['how']}`);
    expect(text.some((one) => one.includes(`endpoint ip link set dev ${veth} up`))).toBe(true);
    expect(repairs.length).toBeGreaterThan(20);
  });
});
