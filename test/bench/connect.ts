/**
 * One network's life, contenders in turn: create it, connect two namespaces until an echo sent from inside is
 * answered, read it, disconnect, remove it. Twenty rounds after three to warm up; BENCH_ROUNDS and BENCH_WARM_UP give
 * other numbers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BenchNetwork,
  type Contender,
  type Member,
  memberAt,
  networkAt,
} from './contenders/contender.ts';
import { dockerd } from './contenders/dockerd.ts';
import { floor } from './contenders/floor.ts';
import { ipBatch } from './contenders/ip-batch.ts';
import { sameWork } from './contenders/same-work.ts';
import { stack } from './contenders/stack.ts';
import { vethd } from './contenders/vethd.ts';
import { callOneAtATime } from './harness/docker-client.ts';
import { formatSamples, median, type Samples, timed } from './harness/numbers.ts';
import { Pinger } from './harness/pinger.ts';
import { rest } from './harness/rest.ts';
import { fromEnvironment, withContenders } from './harness/run.ts';
import { printTable, say } from './harness/table.ts';

const ROUNDS = fromEnvironment('BENCH_ROUNDS', 20);
const WARM_UP = fromEnvironment('BENCH_WARM_UP', 3);

const STEPS = [
  'create network',
  'first connect, to answered echo',
  'connect, to answered echo',
  'connect, the call alone',
  'inspect, 2 endpoints',
  'list',
  'disconnect, answer sent',
  'disconnect, link gone',
  'last disconnect, answer sent',
  'delete network',
] as const;

type Step = (typeof STEPS)[number];

/** What one contender needs from round to round, and what it showed. */
class Lane {
  readonly contender: Contender;
  readonly times = new Map<Step, Samples>();
  /** Echo requests that got no answer within a millisecond after connect had answered. */
  lostEchoes = 0;
  /** Disconnects after whose answer an echo still came back. */
  stillAnswered = 0;
  readonly #network: BenchNetwork;
  readonly #members: readonly [Member, Member];
  readonly #pingers: readonly [Pinger, Pinger];

  private constructor(contender: Contender, place: number, paths: readonly [string, string]) {
    this.contender = contender;
    this.#network = networkAt(place, 0);
    this.#members = [
      memberAt(this.#network, targetName(place, 0), 0),
      memberAt(this.#network, targetName(place, 1), 1),
    ];
    this.#pingers = [new Pinger(paths[0]), new Pinger(paths[1])];
  }

  static async open(contender: Contender, place: number): Promise<Lane> {
    const first = await contender.addTarget(targetName(place, 0));
    const second = await contender.addTarget(targetName(place, 1));
    return new Lane(contender, place, [first, second]);
  }

  close(): void {
    for (const pinger of this.#pingers) pinger.close();
  }

  /** Forgets the rounds so far. */
  reset(): void {
    this.times.clear();
    this.lostEchoes = 0;
    this.stillAnswered = 0;
  }

  async round(): Promise<void> {
    const { contender } = this;
    const network = this.#network;
    await this.#time('create network', () => contender.createNetwork(network));
    await this.#connect(0, 'first connect, to answered echo', undefined);
    await this.#connect(1, 'connect, to answered echo', 'connect, the call alone');
    const { inspect, list } = contender;
    if (inspect !== undefined) await this.#time('inspect, 2 endpoints', () => inspect(network));
    if (list !== undefined) await this.#time('list', list);
    await this.#disconnect(1, 'disconnect, answer sent', 'disconnect, link gone');
    await this.#disconnect(0, 'last disconnect, answer sent', undefined);
    await this.#time('delete network', () => contender.removeNetwork(network));
    await rest(this.contender);
  }

  #note(step: Step, ms: number): void {
    const samples = this.times.get(step) ?? [];
    this.times.set(step, samples);
    samples.push(ms);
  }

  async #time(step: Step, work: () => Promise<unknown>): Promise<void> {
    await rest(this.contender);
    const [, ms] = await timed(work);
    this.#note(step, ms);
  }

  async #connect(index: 0 | 1, step: Step, callStep: Step | undefined): Promise<void> {
    await rest(this.contender);
    const start = performance.now();
    await this.contender.connect(this.#network, this.#members[index]);
    const answered = performance.now();
    this.lostEchoes += this.#pingers[index].ping(this.#network.gateway).lost;
    this.#note(step, performance.now() - start);
    if (callStep !== undefined) this.#note(callStep, answered - start);
  }

  async #disconnect(index: 0 | 1, step: Step, goneStep: Step | undefined): Promise<void> {
    await rest(this.contender);
    const start = performance.now();
    await this.contender.disconnect(this.#network, this.#members[index]);
    this.#note(step, performance.now() - start);
    const pinger = this.#pingers[index];
    if (pinger.answers(this.#network.gateway, 1)) this.stillAnswered++;
    while (pinger.links().length > 0) await sleep(1);
    if (goneStep !== undefined) this.#note(goneStep, performance.now() - start);
  }
}

function targetName(place: number, index: number): string {
  return `bench-${place}-${index}`;
}

function print(lanes: readonly Lane[]): void {
  const [first] = lanes;
  const rows = STEPS.map((step) => {
    const base = median(first?.times.get(step) ?? []);
    const cells = lanes.map((lane) => formatSamples(lane.times.get(step), lane === first ? undefined : base));
    return [step, ...cells];
  });
  const counts = [
    ['echoes lost after connect answered', ...lanes.map((lane) => String(lane.lostEchoes))],
    ['echoes answered after disconnect answered', ...lanes.map((lane) => String(lane.stillAnswered))],
  ];
  printTable(
    `One network's life: median ms (p95) and times the floor, n=${ROUNDS} after ${WARM_UP} to warm up`,
    ['step', ...lanes.map(({ contender }) => contender.name)],
    [...rows, ...counts],
  );
}

callOneAtATime();
await withContenders([floor, sameWork, stack, ipBatch, vethd, dockerd], async (contenders) => {
  const lanes: Lane[] = [];
  for (const [place, contender] of contenders.entries()) lanes.push(await Lane.open(contender, place));
  for (let round = 1 - WARM_UP; round <= ROUNDS; round++) {
    if (round === 1) for (const lane of lanes) lane.reset();
    for (const lane of lanes) await lane.round();
    if (round > 0 && round % 5 === 0) say(`round ${round} of ${ROUNDS}`);
  }
  print(lanes);
  for (const lane of lanes) lane.close();
});
