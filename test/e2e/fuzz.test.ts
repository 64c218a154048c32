/**
 * Whatever is asked of a real daemon: no 5xx but those that are Docker's own answers, always a message, and a refused
 * request (or a dry run) changes neither the API's answers nor the kernel. The daemon does not die, and does not grow
 * without bound. VETHD_FUZZ_RUNS sets how many requests, VETHD_SEED which ones: the same each time unless told, so that a
 * failure is of the change at hand; others are for the long form.
 */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { daemonForFile, expectSnapshot } from '../helpers/daemon-for-file.ts';
import { type FuzzRequest, fuzzRequest } from '../helpers/fuzz-requests.ts';
import { addNetns, linksOf, removeNetns, snapshot } from '../helpers/host.ts';
import type { Answer } from '../helpers/http.ts';
import { mebibytes, residentBytes } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';

const RUNS = Number(process.env['VETHD_FUZZ_RUNS'] ?? 2_000);
const SEED = Number(process.env['VETHD_SEED'] ?? 1);
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;
/** A look with `ip` and `nft` costs much more than a request: one for so many. */
const RUNS_PER_SNAPSHOT = 40;

// Docker answers these with 500 as well; what is not there is 501, and swarm 503.
const DOCKERS_OWN =
  /is not connected to (the )?network|no available IPv[46] addresses on this network's address pools/;

const daemon = daemonForFile({ args: ['--log-level', 'error'] });

beforeAll(async () => {
  await addNetns('b1');
  await addNetns('b2');
});

afterAll(async () => {
  const containers = await daemon.call('GET', '/containers/json?all=1');
  for (const { Id: id } of containers) await daemon.call('DELETE', `/containers/${id}?force=1`);
  for (let left = 1; left > 0; ) {
    await daemon.call('POST', '/networks/prune');
    const networks = await daemon.call('GET', '/networks?filters={"type":["custom"]}');
    for (const { Id: id } of networks) await daemon.request('DELETE', `/networks/${id}`);
    left = networks.length;
  }
  await removeNetns('b1');
  await removeNetns('b2');
});

/** What the API shows, without what passes by itself. Below 1.28 the list of networks holds the members. */
async function shownState(): Promise<unknown> {
  const networks = await daemon.call('GET', '/v1.27/networks');
  const containers = await daemon.call('GET', '/containers/json?all=1');
  return [networks, containers.map(({ Status: _, Created: __, ...rest }: Record<string, unknown>) => rest)];
}

/** Our devices and the named namespaces, read without starting a program. */
function seenState(): unknown {
  const links = readdirSync('/sys/class/net').filter((name) =>
    /^(br-[0-9a-f]{12}|veth[0-9a-f]{7}|vethd0)$/.test(name),
  );
  return [links.sort(), readdirSync('/run/netns').sort()];
}

/** What follows behind earlier answers (the reap, the host's forwarding) is done before the look. */
async function settledSnapshot(): Promise<unknown> {
  await daemon.call('POST', '/vethd/reconcile');
  await until('what was retired is reaped', async () =>
    (await linksOf()).every(({ ifalias }) => ifalias !== 'vethd:retired'),
  );
  return snapshot();
}

function expectProper(request: FuzzRequest, answer: Answer): void {
  if (answer.status < 400) return;
  expect(Object.keys(answer.body), JSON.stringify(request)).toEqual(['message']);
  expect(answer.body.message).not.toBe('');
  if (answer.status < 500 || answer.status === 501) return;
  expect(answer.body.message, JSON.stringify(request)).toMatch(DOCKERS_OWN);
}

/** A restart that fails has stopped the container, as in Docker. */
function mayChange({ method, path, dryRun }: FuzzRequest, { status }: Answer): boolean {
  if (method === 'GET' || dryRun) return false;
  return status < 300 || path.includes('/restart');
}

test(`${RUNS} generated requests`, { timeout: 3_600_000 }, async () => {
  let runs = 0;
  const { pid } = daemon;
  const times: number[] = [];
  let memory = 0;
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fuzzRequest, async (request) => {
      runs += 1;
      const kernel = runs % RUNS_PER_SNAPSHOT === 0 ? await settledSnapshot() : undefined;
      const before = [await shownState(), seenState()];
      const begun = performance.now();
      const answer = await daemon.request(request.method, request.path, request.body);
      times.push(performance.now() - begun);
      // The first requests warm up what all later ones use.
      if (runs === RUNS_PER_SNAPSHOT * 10) memory = residentBytes(pid);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      expectProper(request, answer);
      if (mayChange(request, answer)) return await daemon.behindAnswers();
      expect([await shownState(), seenState()], JSON.stringify([request, answer])).toEqual(before);
      if (kernel !== undefined) await expectSnapshot(kernel);
    }),
    // Each run builds on those before: a shorter request alone would show nothing.
    { numRuns: RUNS, endOnFailure: true, seed: SEED },
  );
  // Requests that all fail would prove little.
  const changed = (statuses.get(200) ?? 0) + (statuses.get(201) ?? 0) + (statuses.get(204) ?? 0);
  expect(changed).toBeGreaterThan(RUNS / 10);
  expect(daemon.pid).toBe(pid);
  const growth = residentBytes(pid) - memory;
  expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
  times.sort((a, b) => a - b);
  const [p99, longest] = [times[Math.floor(times.length * 0.99)], times.at(-1)].map((ms) =>
    Math.round(ms ?? 0),
  );
  console.log(`p99 ${p99} ms, longest ${longest} ms, memory grew by ${mebibytes(growth)}`);
  console.log(
    [...statuses]
      .sort()
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  );
});
