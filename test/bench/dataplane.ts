/**
 * What packets cost: TCP between two members, and from outside through a published port, on the daemon's network and on
 * the same paths built by hand with `ip` and three lines of nft in a host of their own. Both in turn, round by round,
 * so that whatever else the machine does concerns both. BENCH_ROUNDS gives another number of rounds, BENCH_SECONDS
 * another length of one transfer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { isInstalled, run } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { until } from '../helpers/until.ts';
import { format, median, percentile } from './harness/numbers.ts';
import { fromEnvironment } from './harness/run.ts';
import { printTable, say } from './harness/table.ts';

const ROUNDS = fromEnvironment('BENCH_ROUNDS', 7);
const SECONDS = fromEnvironment('BENCH_SECONDS', 2);
const INSIDE = 5201;
const PUBLISHED = 5301;

/** A transfer: whence, and to which address and port. */
interface Path {
  readonly from: string;
  readonly address: string;
  readonly port: number;
}

/** The paths of one contender; its servers listen. */
interface Host {
  readonly name: string;
  readonly paths: Readonly<Record<string, Path>>;
  close(): Promise<void>;
}

function ipIn(netns: string | undefined, lines: readonly string[]): Promise<string> {
  return run('ip', [...(netns === undefined ? [] : ['-n', netns]), '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
  });
}

/** A namespace behind an interface of the same name on the host (`netns`): where clients from outside are. */
async function addOutside(netns: string | undefined, name: string, prefix: string): Promise<void> {
  await ipIn(undefined, [`netns add ${name}`]);
  await ipIn(netns, [
    `link add ${name} type veth peer name eth0 netns ${name}`,
    `link set ${name} up`,
    `address add ${prefix}.1/24 dev ${name}`,
  ]);
  await ipIn(name, ['link set eth0 up', `address add ${prefix}.2/24 dev eth0`]);
}

const servers: ChildProcess[] = [];

async function serve(netns: string): Promise<void> {
  servers.push(spawn('ip', ['netns', 'exec', netns, 'iperf3', '-s', '-p', `${INSIDE}`], { stdio: 'ignore' }));
  await until('the server listens', async () =>
    (await run('ip', ['netns', 'exec', netns, 'ss', '-Htln', `sport = ${INSIDE}`])).includes('LISTEN'),
  );
}

async function byHand(): Promise<Host> {
  await ipIn(undefined, ['netns add hand', 'netns add hand-a', 'netns add hand-b']);
  await ipIn('hand', [
    'link set lo up',
    'link add br0 type bridge',
    'link set br0 up',
    'address add 10.66.0.1/24 dev br0',
  ]);
  for (const [name, address] of [
    ['hand-a', '10.66.0.2'],
    ['hand-b', '10.66.0.3'],
  ] as const) {
    await ipIn('hand', [
      `link add ${name} type veth peer name eth0 netns ${name}`,
      `link set ${name} master br0 up`,
    ]);
    await ipIn(name, [
      'link set eth0 up',
      `address add ${address}/24 dev eth0`,
      'route add default via 10.66.0.1',
    ]);
  }
  await addOutside('hand', 'hand-out', '198.51.100');
  await run('ip', ['netns', 'exec', 'hand', 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  await run('ip', ['netns', 'exec', 'hand', 'nft', '-f', '-'], {
    input: [
      'table ip hand {',
      `chain in { type nat hook prerouting priority dstnat; tcp dport ${PUBLISHED} dnat to 10.66.0.2:${INSIDE}; }`,
      'chain out { type nat hook postrouting priority srcnat; ip saddr 10.66.0.0/24 oifname != "br0" masquerade; }',
      '}\n',
    ].join('\n'),
  });
  await serve('hand-a');
  const paths = {
    'member to member': { from: 'hand-b', address: '10.66.0.2', port: INSIDE },
    'outside to published port': { from: 'hand-out', address: '198.51.100.1', port: PUBLISHED },
  };
  return { name: 'by hand', paths, close: async () => undefined };
}

async function byVethd(): Promise<Host> {
  const daemon = new Daemon({ args: ['--log-level', 'warn'] });
  await daemon.start();
  await ipIn(undefined, ['netns add vethd-a', 'netns add vethd-b']);
  await addOutside(undefined, 'vethd-out', '203.0.113');
  await daemon.call('POST', '/networks/create', {
    Name: 'bench',
    IPAM: { Config: [{ Subnet: '10.67.0.0/24' }] },
  });
  await daemon.call('POST', '/networks/bench/connect', {
    Container: 'vethd-a',
    EndpointConfig: { PortBindings: { [`${INSIDE}/tcp`]: [{ HostPort: `${PUBLISHED}` }] } },
  });
  await daemon.call('POST', '/networks/bench/connect', { Container: 'vethd-b' });
  await serve('vethd-a');
  const paths = {
    'member to member': { from: 'vethd-b', address: '10.67.0.2', port: INSIDE },
    'outside to published port': { from: 'vethd-out', address: '203.0.113.1', port: PUBLISHED },
  };
  return { name: 'vethd', paths, close: () => daemon.dispose() };
}

/** Gbit/s that arrived. */
async function transfer({ from, address, port }: Path): Promise<number> {
  const client = ['iperf3', '-c', address, '-p', `${port}`, '-t', `${SECONDS}`, '-J'];
  const report = JSON.parse(await run('ip', ['netns', 'exec', from, ...client]));
  return report.end.sum_received.bits_per_second / 1e9;
}

async function measure(hosts: readonly Host[]): Promise<void> {
  const names = Object.keys(hosts[0]?.paths ?? {});
  const rates = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      // Who was first is second in the next round.
      for (const host of round % 2 === 0 ? hosts : [...hosts].reverse()) {
        const path = host.paths[name];
        if (path === undefined) continue;
        const key = `${host.name} ${name}`;
        rates.set(key, [...(rates.get(key) ?? []), await transfer(path)]);
      }
    }
    say(`round ${round + 1} of ${ROUNDS}`);
  }
  const of = (host: string, name: string) => rates.get(`${host} ${name}`) ?? [];
  const shown = (all: readonly number[]) =>
    `${format(median(all))} (${format(percentile(all, 0))} to ${format(percentile(all, 1))})`;
  const rows = names.map((name) => {
    const [hand, ours] = [of('by hand', name), of('vethd', name)];
    return [name, shown(hand), shown(ours), `${format((median(ours) / median(hand)) * 100)} %`];
  });
  printTable(
    `Data plane: TCP in Gbit/s, median (least to most), n=${ROUNDS}, ${SECONDS} s each`,
    ['path', 'by hand', 'vethd', 'vethd beside by hand'],
    rows,
  );
}

if (isInstalled('iperf3')) {
  const hosts = [await byHand(), await byVethd()];
  try {
    await measure(hosts);
  } finally {
    for (const server of servers) server.kill();
    for (const host of hosts) await host.close();
  }
} else say('SKIPPED: iperf3 is not installed');
