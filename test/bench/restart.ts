/**
 * A crash and the next start: time from the start of the process until it answers, by when it has compared everything
 * with the kernel. Nothing is to be repaired. The floor is what no such program can do without: Node's own start, and
 * the kernel's tables of the host and of each namespace, read once by a program that has long been running.
 */
import { execFileSync } from 'node:child_process';
import { watch } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Namespaces } from '../../src/kernel/netns.ts';
import { observe } from '../../src/kernel/observe.ts';
import { NetlinkSocket } from '../../src/kernel/socket.ts';
import type { Daemon } from '../helpers/daemon.ts';
import { request } from '../helpers/http.ts';
import { memberAt, networkAt } from './contenders/contender.ts';
import { Vethd } from './contenders/vethd.ts';
import { formatSamples, median, type Samples, timed } from './harness/numbers.ts';
import { fromEnvironment } from './harness/run.ts';
import { printTable, say } from './harness/table.ts';
import { addTargets, forEachAtOnce } from './harness/targets.ts';

const ROUNDS = fromEnvironment('BENCH_ROUNDS', 5);
/** Members and networks. */
const SIZES: readonly (readonly [endpoints: number, networks: number])[] = [
  [0, 0],
  [100, 10],
  [1000, 100],
];

/** What was measured at one size. */
interface Measured {
  readonly node: Samples;
  readonly reading: Samples;
  readonly vethd: Samples;
}

async function grow(
  vethd: Vethd,
  from: number,
  [endpoints, networks]: (typeof SIZES)[number],
): Promise<void> {
  const share = networks === 0 ? 0 : endpoints / networks;
  const indexes = Array.from({ length: networks }, (_, index) => index);
  await forEachAtOnce(indexes.slice(from), 16, (index) => vethd.createNetwork(networkAt(0, index)));
  const targets = await addTargets(`bench-${endpoints}`, (networks - from) * share);
  await forEachAtOnce([...targets.entries()], 64, ([index, target]) => {
    const network = networkAt(0, from + Math.floor(index / share));
    return vethd.connect(network, memberAt(network, target, index));
  });
  await vethd.settle();
}

/** Reads the kernel's tables as the daemon does, in this thread. */
function readTables(): void {
  const namespaces = new Namespaces({ netnsDir: '/run/netns', allowedPaths: [] });
  const host = new NetlinkSocket();
  const netns = namespaces
    .listEntries()
    .map((name) => ({ key: name, ref: { kind: 'name', name } as const, sysctls: [] }));
  observe(namespaces, host, { host: 'all', hostSysctls: [], netns, scanNames: false }, []);
  host.close();
  namespaces.close();
}

async function doesAnswer({ socket }: Daemon): Promise<boolean> {
  const answer = await request(socket, 'GET', '/_ping').catch(() => undefined);
  return answer?.status === 200;
}

/** How long it is asked nothing where its folder tells of nothing: it is there before it listens. */
const PATIENCE_MS = 50;

/** Starts the daemon; asks it when the folder of its socket has changed, so that asking takes next to nothing from it. */
async function start(daemon: Daemon): Promise<void> {
  let wake = (): void => undefined;
  const watcher = watch(dirname(daemon.socket), () => wake());
  try {
    daemon.begin();
    do {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([changed, sleep(PATIENCE_MS)]);
    } while (!(await doesAnswer(daemon)));
  } finally {
    watcher.close();
  }
}

async function measure(vethd: Vethd): Promise<Measured> {
  const measured: Measured = { node: [], reading: [], vethd: [] };
  for (let round = 0; round < ROUNDS; round++) {
    await vethd.daemon.kill();
    measured.node.push((await timed(async () => execFileSync(process.execPath, ['-e', '0'])))[1]);
    measured.reading.push((await timed(async () => readTables()))[1]);
    measured.vethd.push((await timed(() => start(vethd.daemon)))[1]);
    await vethd.settle();
  }
  return measured;
}

const vethd = await Vethd.open();
try {
  const columns: Measured[] = [];
  let networks = 0;
  for (const size of SIZES) {
    await grow(vethd, networks, size);
    networks = size[1];
    columns.push(await measure(vethd));
    say(`${size[0]} endpoints`);
  }
  const row = (name: string, cell: (measured: Measured) => string) => [name, ...columns.map(cell)];
  printTable(
    `Restart after SIGKILL: median ms (p95) from start to answer and times the floor, nothing to repair, n=${ROUNDS}`,
    ['', ...SIZES.map(([endpoints, count]) => `${endpoints} endpoints, ${count} networks`)],
    [
      row('floor: Node alone', ({ node }) => formatSamples(node)),
      row('floor: the kernel read once', ({ reading }) => formatSamples(reading)),
      row('vethd', ({ node, reading, vethd: started }) =>
        formatSamples(started, median(node) + median(reading)),
      ),
    ],
  );
} finally {
  await vethd.close();
}
