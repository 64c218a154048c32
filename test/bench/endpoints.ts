/** Growth of one network: what the next connect costs when it has 1, 100, 500 and 1,000 members, and what reads do. */
import { type BenchNetwork, type Contender, memberAt, networkAt } from './contenders/contender.ts';
import { floor } from './contenders/floor.ts';
import { vethd } from './contenders/vethd.ts';
import { formatSamples, type Samples, timed } from './harness/numbers.ts';
import { Pinger } from './harness/pinger.ts';
import { rest } from './harness/rest.ts';
import { fromEnvironment, withContenders } from './harness/run.ts';
import { printTable, say } from './harness/table.ts';
import { addTargets, fill } from './harness/targets.ts';

const SIZES = [1, 100, 500, 1000] as const;
const ROUNDS = fromEnvironment('BENCH_ROUNDS', 20);
const PROBE = 'bench-probe';

interface Shown {
  readonly connect: Samples;
  readonly disconnect: Samples;
  readonly inspect: Samples;
  lostEchoes: number;
}

async function measureAt(
  contender: Contender,
  network: BenchNetwork,
  size: number,
  pinger: Pinger,
): Promise<Shown> {
  const shown: Shown = { connect: [], disconnect: [], inspect: [], lostEchoes: 0 };
  const member = memberAt(network, PROBE, size);
  for (let round = 0; round < ROUNDS; round++) {
    await rest(contender);
    const start = performance.now();
    await contender.connect(network, member);
    shown.lostEchoes += pinger.ping(network.gateway).lost;
    shown.connect.push(performance.now() - start);
    await rest(contender);
    const { inspect } = contender;
    if (inspect !== undefined) shown.inspect.push((await timed(() => inspect(network)))[1]);
    shown.disconnect.push((await timed(() => contender.disconnect(network, member)))[1]);
  }
  await rest(contender);
  return shown;
}

async function measure(
  contender: Contender,
  place: number,
  targets: readonly string[],
): Promise<readonly Shown[]> {
  const network = networkAt(place, 0);
  const pinger = new Pinger(`/run/netns/${PROBE}`);
  await contender.createNetwork(network);
  const all: Shown[] = [];
  let filled = 0;
  for (const size of SIZES) {
    await fill(contender, network, targets.slice(filled, size), filled);
    filled = size;
    all.push(await measureAt(contender, network, size, pinger));
    say(`${contender.name}: ${size} endpoints`);
  }
  pinger.close();
  return all;
}

await withContenders([floor, vethd], async (contenders) => {
  const rows: string[][] = [];
  for (const [place, contender] of contenders.entries()) {
    const targets = await addTargets(`bench-${place}`, Math.max(...SIZES));
    if (place === 0) await contender.addTarget(PROBE);
    const all = await measure(contender, place, targets);
    rows.push([
      contender.name,
      'connect, to answered echo',
      ...all.map((shown) => formatSamples(shown.connect)),
    ]);
    rows.push(['', 'disconnect, answer sent', ...all.map((shown) => formatSamples(shown.disconnect))]);
    rows.push(['', 'inspect', ...all.map((shown) => formatSamples(shown.inspect))]);
    rows.push(['', 'echoes lost', ...all.map((shown) => String(shown.lostEchoes))]);
  }
  printTable(
    `Growth of one network: median ms (p95) at so many endpoints, n=${ROUNDS}`,
    ['contender', 'step', ...SIZES.map(String)],
    rows,
  );
});
