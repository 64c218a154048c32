/**
 * The daemon's resident memory: at rest, with 1,000 endpoints, and after many connects and disconnects
 * (500; 10,000 with BENCH_LONG=1); at the end of the work, and when it has been quiet for a while (kernel/memory.ts).
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { memberAt, networkAt } from './contenders/contender.ts';
import { Vethd } from './contenders/vethd.ts';
import { fromEnvironment } from './harness/run.ts';
import { printTable, say } from './harness/table.ts';
import { addTargets, fill, forEachAtOnce } from './harness/targets.ts';

const ENDPOINTS = 1000;
const CYCLES = process.env['BENCH_LONG'] === '1' ? 10_000 : fromEnvironment('BENCH_CYCLES', 500);
/** Longer than the daemon waits before it gives back what it does not need. */
const QUIET_MS = 10_000;
/** Members that come and go at once in the cycles. */
const AT_ONCE = 8;

/** proc(5): VmRSS. */
function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kib) / 1024;
}

async function cycle(vethd: Vethd, targets: readonly string[], cycles: number): Promise<void> {
  const network = networkAt(0, 1);
  const perTarget = Math.ceil(cycles / targets.length);
  await forEachAtOnce(targets, targets.length, async (target) => {
    const member = memberAt(network, target, 0);
    for (let round = 0; round < perTarget; round++) {
      await vethd.connect(network, member);
      await vethd.disconnect(network, member);
    }
  });
  await vethd.settle();
}

const vethd = await Vethd.open();
try {
  await vethd.settle();
  const rows: string[][] = [];
  const note = (when: string): void => {
    rows.push([when, residentMiB(vethd.daemon.pid).toFixed(1)]);
    say(`${when}: ${rows.at(-1)?.[1]} MiB`);
  };
  const noteWhenQuiet = async (when: string): Promise<void> => {
    await setTimeout(QUIET_MS);
    note(`${when}, when it is quiet`);
  };
  note('after start');
  await noteWhenQuiet('after start');
  const churned = await addTargets('bench-churn', AT_ONCE);
  await vethd.createNetwork(networkAt(0, 1));
  for (const share of [1, 2, 3, 4]) {
    await cycle(vethd, churned, CYCLES / 4);
    note(`after ${(CYCLES / 4) * share} connects and disconnects`);
  }
  await noteWhenQuiet(`after ${CYCLES} connects and disconnects`);
  await vethd.createNetwork(networkAt(0, 0));
  await fill(vethd, networkAt(0, 0), await addTargets('bench', ENDPOINTS));
  await vethd.settle();
  note(`${ENDPOINTS} endpoints connected`);
  await noteWhenQuiet(`${ENDPOINTS} endpoints`);
  printTable('Resident memory of the daemon', ['when', 'MiB'], rows);
} finally {
  await vethd.close();
}
