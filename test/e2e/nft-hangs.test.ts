/**
 * The program `nft` hangs: it is killed after 5 s, the client is told, nothing of the change stays, and what could
 * not be done is tried again by itself, long before everything is looked at anyway.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attempt, run } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { linksOfVethd } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'vethd-nft-'));
const hangs = join(folder, 'hangs');
const path = process.env['PATH'] ?? '';
const daemon = new Daemon({ env: { PATH: `${folder}:${path}` } });

beforeAll(async () => {
  const script = `#!/bin/sh\nPATH=${path}\n[ -e ${hangs} ] && exec sleep 60\nexec nft "$@"\n`;
  writeFileSync(join(folder, 'nft'), script);
  chmodSync(join(folder, 'nft'), 0o755);
});

afterAll(async () => {
  await daemon.dispose();
  rmSync(folder, { recursive: true });
});

function hang(): void {
  writeFileSync(hangs, '');
}

/** Lets nft hang, breaks something that only nft can mend, and waits until a repair has failed. */
async function breakWhileHanging(args: readonly string[]): Promise<void> {
  const before = daemon.logs.length;
  hang();
  await run('nft', args);
  await until('nft was killed', () => daemon.logs.slice(before).includes('could not repair'));
}

async function hasTables(): Promise<boolean> {
  const tables = (await attempt('nft', ['list', 'tables'])).stdout;
  return tables.includes('inet vethd') && tables.includes('bridge vethd');
}

test('at the start: the daemon answers, and makes its tables once nft works', async () => {
  hang();
  await daemon.start();
  expect(await hasTables()).toBe(false);
  expect(daemon.logs).toContain('nft did not end within 5000 ms');
  rmSync(hangs);
  await until('the tables are there', hasTables);
});

test('somebody flushes everything meanwhile: a request is answered 503, and all is as before once nft works', async () => {
  await breakWhileHanging(['flush', 'ruleset']);
  expect(await hasTables()).toBe(false);
  const answer = await daemon.request('POST', '/networks/create', { Name: 'lab' });
  rmSync(hangs);
  expect([answer.status, answer.body.message]).toEqual([
    503,
    expect.stringContaining('nft did not end within 5000 ms'),
  ]);
  await until('the tables are there', hasTables);
  expect(await linksOfVethd()).toEqual(['vethd0']);
  expect((await daemon.request('POST', '/networks/create', { Name: 'lab' })).status).toBe(201);
  await daemon.call('DELETE', '/networks/lab');
});
