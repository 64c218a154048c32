/**
 * A crash and the next start: time from the start of the process until it answers, by when it has compared everything
 * with the kernel. Nothing is to be repaired.
 */
import { memberAt, networkAt } from './contenders/contender.ts';
import { Vethd } from './contenders/vethd.ts';
import { formatSamples, type Samples, timed } from './harness/numbers.ts';
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

async function measure(vethd: Vethd): Promise<Samples> {
  const samples: Samples = [];
  for (let round = 0; round < ROUNDS; round++) {
    await vethd.daemon.kill();
    samples.push((await timed(() => vethd.daemon.start()))[1]);
    await vethd.settle();
  }
  return samples;
}

const vethd = await Vethd.open();
try {
  const row: string[] = [];
  let networks = 0;
  for (const size of SIZES) {
    await grow(vethd, networks, size);
    networks = size[1];
    row.push(formatSamples(await measure(vethd)));
    say(`${size[0]} endpoints`);
  }
  printTable(
    `Restart after SIGKILL: median ms (p95) from start to answer, nothing to repair, n=${ROUNDS}`,
    SIZES.map(([endpoints, networks]) => `${endpoints} endpoints, ${networks} networks`),
    [row],
  );
} finally {
  await vethd.close();
}
