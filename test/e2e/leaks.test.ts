/**
 * Nothing grows: connect and disconnect again and again, and what the daemon holds and what is in the host are as
 * before. 200 cycles; with VETHD_SOAK=1, 10,000.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { daemonForFile, expectSnapshot } from '../helpers/daemon-for-file.ts';
import { addNetns, linksOf, removeNetns, snapshot } from '../helpers/host.ts';
import { childrenOf, descriptorCount, mebibytes, residentBytes } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';

const CYCLES = process.env['VETHD_SOAK'] === '1' ? 10_000 : 200;
const WARM_UP = Math.min(1_000, CYCLES);
const NAMES = ['l0', 'l1', 'l2', 'l3'];
const MIB = 1024 * 1024;

const daemon = daemonForFile();

beforeAll(async () => {
  for (const name of NAMES) await addNetns(name);
  await daemon.call('POST', '/networks/create', { Name: 'lab' });
});

afterAll(async () => {
  await daemon.call('DELETE', '/networks/lab');
  for (const name of NAMES) await removeNetns(name);
});

async function cycles(count: number): Promise<void> {
  await Promise.all(
    NAMES.map(async (name) => {
      for (let cycle = 0; cycle < count / NAMES.length; cycle++) {
        await daemon.call('POST', '/networks/lab/connect', { Container: name });
        await daemon.call('POST', '/networks/lab/disconnect', { Container: name });
      }
    }),
  );
}

function held(): { rss: number; descriptors: number; children: readonly number[] } {
  const { pid } = daemon;
  return { rss: residentBytes(pid), descriptors: descriptorCount(pid), children: childrenOf(pid) };
}

function bytesOf(file: string): number {
  return statSync(join(daemon.stateDir, file)).size;
}

test(`${CYCLES} cycles`, { timeout: 3_600_000 }, async () => {
  await cycles(WARM_UP);
  // Links are deleted behind the answers.
  await daemon.behindAnswers();
  await until('what was retired is gone', async () =>
    (await linksOf()).every(({ ifname }) => !/^vd[0-9a-f]+$/.test(ifname)),
  );
  const clean = await snapshot();
  const before = held();
  await cycles(CYCLES);
  await expectSnapshot(clean);
  await until('descriptors are closed', () => Math.abs(held().descriptors - before.descriptors) <= 4);
  const after = held();
  console.log(
    `${CYCLES} cycles: memory ${mebibytes(before.rss)} -> ${mebibytes(after.rss)}, ` +
      `descriptors ${before.descriptors} -> ${after.descriptors}, ` +
      `database ${mebibytes(bytesOf('vethd.db'))}, its log ${mebibytes(bytesOf('vethd.db-wal'))}`,
  );
  expect(after.children).toEqual([]);
  // The short form ends before the garbage collector has settled.
  expect(after.rss - before.rss).toBeLessThan((CYCLES > 1_000 ? 16 : 48) * MIB);
  expect(bytesOf('vethd.db')).toBeLessThan(4 * MIB);
  expect(bytesOf('vethd.db-wal')).toBeLessThan(4 * MIB);
});
