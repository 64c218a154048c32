/**
 * Connects and disconnects that are asked for at the same moment: 1, 8, 32 and 128. A connect counts as done when an
 * echo sent from inside is answered.
 */
import {
  type BenchNetwork,
  type Contender,
  type Member,
  memberAt,
  networkAt,
} from './contenders/contender.ts';
import { floor } from './contenders/floor.ts';
import { ipBatch } from './contenders/ip-batch.ts';
import { vethd } from './contenders/vethd.ts';
import { format, median, type Samples } from './harness/numbers.ts';
import { Pinger } from './harness/pinger.ts';
import { fromEnvironment, withContenders } from './harness/run.ts';
import { printTable, say } from './harness/table.ts';
import { addTargets } from './harness/targets.ts';

const COUNTS = [1, 8, 32, 128] as const;
const ROUNDS = fromEnvironment('BENCH_ROUNDS', 5);
const WARM_UP = 1;

/** What `count` requests at once came to; the first three in milliseconds a request. */
interface Shown {
  readonly connect: Samples;
  readonly disconnect: Samples;
  /** The longest of one caller's waits, as a share of the time until all were done. */
  readonly longest: Samples;
  lostEchoes: number;
}

async function round(
  contender: Contender,
  network: BenchNetwork,
  members: readonly Member[],
  pingers: ReadonlyMap<string, Pinger>,
  shown: Shown,
): Promise<void> {
  await contender.settle();
  const start = performance.now();
  let longest = 0;
  await Promise.all(
    members.map(async (member) => {
      await contender.connect(network, member);
      longest = performance.now() - start;
      shown.lostEchoes += pingers.get(member.target)?.ping(network.gateway).lost ?? 0;
    }),
  );
  const connected = performance.now() - start;
  shown.connect.push(connected / members.length);
  shown.longest.push(longest / connected);
  await contender.settle();
  const then = performance.now();
  await Promise.all(members.map((member) => contender.disconnect(network, member)));
  shown.disconnect.push((performance.now() - then) / members.length);
  await contender.settle();
}

async function measure(
  contender: Contender,
  place: number,
  targets: readonly string[],
  pingers: ReadonlyMap<string, Pinger>,
): Promise<readonly Shown[]> {
  const network = networkAt(place, 0);
  await contender.createNetwork(network);
  const all: Shown[] = [];
  for (const count of COUNTS) {
    const shown: Shown = { connect: [], disconnect: [], longest: [], lostEchoes: 0 };
    const members = targets.slice(0, count).map((target, index) => memberAt(network, target, index));
    for (let turn = 1 - WARM_UP; turn <= ROUNDS; turn++) {
      const kept = turn > 0 ? shown : { connect: [], disconnect: [], longest: [], lostEchoes: 0 };
      await round(contender, network, members, pingers, kept);
    }
    say(`${contender.name}: ${count} at once`);
    all.push(shown);
  }
  return all;
}

await withContenders([floor, ipBatch, vethd], async (contenders) => {
  const targets = await addTargets('bench', Math.max(...COUNTS));
  const pingers = new Map(targets.map((target) => [target, new Pinger(`/run/netns/${target}`)]));
  const rows: string[][] = [];
  for (const [place, contender] of contenders.entries()) {
    const all = await measure(contender, place, targets, pingers);
    const cells = (text: (shown: Shown) => string): string[] => all.map(text);
    rows.push([contender.name, 'connect', ...cells(({ connect }) => format(median(connect)))]);
    rows.push(['', 'disconnect', ...cells(({ disconnect }) => format(median(disconnect)))]);
    rows.push(['', 'longest caller / all', ...cells(({ longest }) => format(median(longest)))]);
    rows.push(['', 'echoes lost', ...cells(({ lostEchoes }) => String(lostEchoes))]);
  }
  printTable(
    `At once: ms each (time until all were done / their number), median of ${ROUNDS}`,
    ['contender', 'step', ...COUNTS.map(String)],
    rows,
  );
  for (const pinger of pingers.values()) pinger.close();
});
