/** Growth of the host: what a life of one more network costs beside 1, 50, 200 and 500 others with a member each. */
import { type Contender, memberAt, networkAt } from './contenders/contender.ts';
import { floor } from './contenders/floor.ts';
import { vethd } from './contenders/vethd.ts';
import { formatSamples, type Samples, timed } from './harness/numbers.ts';
import { Pinger } from './harness/pinger.ts';
import { rest } from './harness/rest.ts';
import { fromEnvironment, withContenders } from './harness/run.ts';
import { printTable, say } from './harness/table.ts';
import { addTargets, forEachAtOnce } from './harness/targets.ts';

const SIZES = [1, 50, 200, 500] as const;
const ROUNDS = fromEnvironment('BENCH_ROUNDS', 20);
const AT_ONCE = 16;
const PROBE = 'bench-probe';
const STEPS = [
  'create network',
  'connect, to answered echo',
  'disconnect, answer sent',
  'list',
  'delete network',
] as const;

type Step = (typeof STEPS)[number];
type Shown = ReadonlyMap<Step, Samples>;

/** The newest network's life, again and again. */
async function measureAt(contender: Contender, place: number, pinger: Pinger): Promise<Shown> {
  const shown = new Map<Step, Samples>(STEPS.map((step) => [step, []]));
  const network = networkAt(place, Math.max(...SIZES));
  const member = memberAt(network, PROBE, 0);
  const time = async (step: Step, work: () => Promise<unknown>): Promise<void> => {
    await rest(contender);
    const [, ms] = await timed(work);
    shown.get(step)?.push(ms);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await time('create network', () => contender.createNetwork(network));
    await time('connect, to answered echo', async () => {
      await contender.connect(network, member);
      pinger.ping(network.gateway);
    });
    if (contender.list !== undefined) await time('list', contender.list);
    await time('disconnect, answer sent', () => contender.disconnect(network, member));
    await time('delete network', () => contender.removeNetwork(network));
  }
  return shown;
}

async function grow(
  contender: Contender,
  place: number,
  targets: readonly string[],
  from: number,
  to: number,
): Promise<void> {
  const indexes = Array.from({ length: to - from }, (_, index) => from + index);
  await forEachAtOnce(indexes, AT_ONCE, async (index) => {
    const network = networkAt(place, index);
    await contender.createNetwork(network);
    await contender.connect(network, memberAt(network, targets[index] ?? '', 0));
  });
  await rest(contender);
}

async function measure(contender: Contender, place: number): Promise<readonly Shown[]> {
  const targets = await addTargets(`bench-${place}`, Math.max(...SIZES));
  const pinger = new Pinger(`/run/netns/${PROBE}`);
  const all: Shown[] = [];
  let grown = 0;
  for (const size of SIZES) {
    await grow(contender, place, targets, grown, size);
    grown = size;
    all.push(await measureAt(contender, place, pinger));
    say(`${contender.name}: ${size} networks`);
  }
  pinger.close();
  return all;
}

await withContenders([floor, vethd], async (contenders) => {
  const rows: string[][] = [];
  for (const [place, contender] of contenders.entries()) {
    if (place === 0) await contender.addTarget(PROBE);
    const all = await measure(contender, place);
    for (const [index, step] of STEPS.entries()) {
      rows.push([
        index === 0 ? contender.name : '',
        step,
        ...all.map((shown) => formatSamples(shown.get(step))),
      ]);
    }
  }
  printTable(
    `Growth of the host: median ms (p95) beside so many networks, n=${ROUNDS}`,
    ['contender', 'step', ...SIZES.map(String)],
    rows,
  );
});
