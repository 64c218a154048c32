/**
 * Many clients, and clients that take no part: everybody is answered, nothing is done twice, and who does not read
 * or does not finish his request costs the others nothing but a bounded amount of memory. Prints how long answers
 * took; asserts nothing about time. VETHD_SOAK=1 for more of each, and for the processor time at rest.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';
import type { Answer } from '../helpers/http.ts';
import { mebibytes, processorSeconds, residentBytes } from '../helpers/process.ts';
import { openRaw, type RawConnection } from '../helpers/raw-socket.ts';
import { until } from '../helpers/until.ts';

const SOAK = process.env['VETHD_SOAK'] === '1';
const WRITERS = 32;
const CYCLES_EACH = SOAK ? 50 : 5;
const MIB = 1024 * 1024;
const GET_EVENTS = 'GET /events HTTP/1.1\r\nHost: x\r\n\r\n';

const daemon = daemonForFile();
const names = Array.from({ length: WRITERS }, (_, index) => `w${index}`);
let open: RawConnection[] = [];

beforeAll(async () => {
  for (const name of names) await addNetns(name);
  await daemon.call('POST', '/networks/create', { Name: 'lab' });
});

afterEach(async () => {
  for (const { socket } of open) socket.destroy();
  open = [];
});

afterAll(async () => {
  await daemon.call('DELETE', '/networks/lab');
  for (const name of names) await removeNetns(name);
});

async function openMany(count: number, bytes: string): Promise<readonly RawConnection[]> {
  const connections = await Promise.all(Array.from({ length: count }, () => openRaw(daemon.socket, bytes)));
  open.push(...connections);
  return connections;
}

/** Runs it and notes how long it took, in ms. */
async function timed<Result>(times: number[], work: () => Promise<Result>): Promise<Result> {
  const begun = performance.now();
  const result = await work();
  times.push(performance.now() - begun);
  return result;
}

function told(what: string, times: readonly number[], sinceMs: number): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  const rate = (times.length * 1_000) / (performance.now() - sinceMs);
  const figures = `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, ${rate.toFixed(0)} a second`;
  console.log(`${what}: ${times.length} answers, ${figures}`);
}

function statuses(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Connects and disconnects the namespace; gives the answers. */
async function cycle(name: string, times: number[], count: number): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let nth = 0; nth < count; nth++) {
    for (const verb of ['connect', 'disconnect']) {
      const path = `/networks/lab/${verb}`;
      answers.push(await timed(times, () => daemon.request('POST', path, { Container: name })));
    }
  }
  return answers;
}

describe('many clients', () => {
  test('1,000 readers at once', async () => {
    const times: number[] = [];
    const begun = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, () => timed(times, () => daemon.request('GET', '/networks'))),
    );
    told('1,000 readers', times, begun);
    expect(statuses(answers)).toEqual({ 200: 1_000 });
  });

  test(`${WRITERS} writers, none of whom is refused`, { timeout: 600_000 }, async () => {
    const times: number[] = [];
    const begun = performance.now();
    const answers = (await Promise.all(names.map((name) => cycle(name, times, CYCLES_EACH)))).flat();
    told(`${WRITERS} writers`, times, begun);
    expect(statuses(answers)).toEqual({ 200: WRITERS * CYCLES_EACH * 2 });
    expect((await daemon.call('POST', '/vethd/reconcile?dry-run=true')).Commands).toEqual([]);
  });

  test('of 16 that create one name at once, one does', async () => {
    const create = () => daemon.request('POST', '/networks/create', { Name: 'wanted' });
    const answers = await Promise.all(Array.from({ length: 16 }, create));
    expect(statuses(answers)).toEqual({ 201: 1, 409: 15 });
    await daemon.call('DELETE', '/networks/wanted');
  });
});

describe('clients that take no part', () => {
  test('50 readers of events that never read cost a bounded amount of memory', async () => {
    const quiet: number[] = [];
    const begunQuiet = performance.now();
    await cycle('w0', quiet, 20);
    told('nobody else', quiet, begunQuiet);
    const before = residentBytes(daemon.pid);
    for (const { socket } of await openMany(50, GET_EVENTS)) socket.pause();
    await until('they listen', async () => (await daemon.call('GET', '/info')).NEventsListener === 50);
    const times: number[] = [];
    const begun = performance.now();
    const answers = await cycle('w0', times, SOAK ? 500 : 100);
    told('beside 50 that never read', times, begun);
    expect(statuses(answers)).toEqual({ 200: answers.length });
    const growth = residentBytes(daemon.pid) - before;
    console.log(`memory grew by ${mebibytes(growth)}`);
    expect(growth).toBeLessThan(32 * MIB);
  });

  test('300 that never end their headers are hung up on; others are served meanwhile', async () => {
    const begun = performance.now();
    const slow = await openMany(300, 'GET /_ping HTTP/1.1\r\nHost: ');
    const drip = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write('x');
    }, 100);
    const times: number[] = [];
    const endings = Promise.all(slow.map(({ ended }) => ended));
    let over = false;
    void endings.then(() => {
      over = true;
    });
    while (!over) {
      const { status } = await timed(times, () => daemon.request('GET', '/networks'));
      expect(status).toBe(200);
      await sleep(20);
    }
    clearInterval(drip);
    told('beside 300 that drip', times, begun);
    console.log(`the last was hung up on after ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
    for (const text of await endings) expect(text).toMatch(/^HTTP\/1\.1 408 .*"message":/s);
  });
});

/** Not in the short form: for a minute the machine must have nothing else to do. */
function atRest(): void {
  const members = Array.from({ length: 100 }, (_, index) => `rest${index}`);

  afterAll(async () => {
    for (const name of members) await daemon.call('DELETE', `/containers/${name}?force=true`);
  });

  async function shareOver(seconds: number): Promise<number> {
    const before = processorSeconds(daemon.pid);
    const begun = performance.now();
    await sleep(seconds * 1_000);
    return (processorSeconds(daemon.pid) - before) / ((performance.now() - begun) / 1_000);
  }

  test('100 members, with and without readers of events', { timeout: 600_000 }, async () => {
    for (const name of members) {
      await daemon.call('POST', `/containers/create?name=${name}`, { HostConfig: { NetworkMode: 'lab' } });
      await daemon.call('POST', `/containers/${name}/start`);
    }
    // Past the first look at everything: the second finds warm code.
    await sleep(35_000);
    const alone = await shareOver(60);
    await openMany(32, GET_EVENTS);
    const read = await shareOver(60);
    const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
    console.log(`processor at rest: ${percent(alone)}, with 32 idle readers ${percent(read)}`);
    expect(Math.max(alone, read)).toBeLessThan(0.01);
  });
}

if (SOAK) describe('at rest', atRest);
