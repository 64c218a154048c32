/**
 * Crashes at named places, each followed by a restart and an audit: the kernel is as the rows say, nothing is
 * left over, what was acknowledged is there, and everything can be done again.
 *
 * One round of steps is gone through again and again. Each start recovers from one crash and has the next one
 * ahead of it, so that recovering is crashed into as well.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { audit, type Model } from '../helpers/audit.ts';
import { run } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { addNetns, ip, linksOf, listNetns, removeNetns } from '../helpers/host.ts';
import type { Answer } from '../helpers/http.ts';
import { until } from '../helpers/until.ts';

/** A place, and at which of the times that the daemon comes there; the short form takes the last one listed. */
type Place = readonly [place: string, ...visits: number[]];

/** By the step that comes to them, in the order of the steps. */
const PLACES: readonly (readonly Place[])[] = [
  // Create a network.
  [
    ['apply.changeElements', 3, 1],
    ['apply.createBridge', 1],
    ['commit.before', 2, 3, 4, 5, 6, 7, 8, 1],
    ['commit.after', 2, 3, 4, 5, 6, 7, 8, 1],
    ['pass.planned', 1, 3, 4, 5, 6, 2],
  ],
  // Start a container: its namespace, its pair, the host's forwarding.
  [
    ['netns.file', 1],
    ['netns.made', 1],
    ['netns.prepared', 1],
    ['apply.createNetns', 1],
    ['forwarding.remembered', 1],
    ['apply.setSysctl', 1],
    ['resolv-conf.temporary', 1],
  ],
  // Connect what the kernel refuses: taken back by the daemon, or by the start after a crash.
  [
    ['undo.begin', 1],
    ['undo.written', 1],
    ['undo.done', 1],
  ],
  // Connect.
  [
    ['apply.createVeth', 1, 2],
    ['birth.unmarked', 1, 2],
    ['apply.changeLink', 3, 1],
    ['apply.addAddress', 3, 1],
    ['apply.addRoute', 1],
    ['apply.addNeighbour', 1],
    ['apply.addFdbEntry', 1],
    ['apply.settleCarrier', 1],
  ],
  // Publish other ports.
  [['apply.dropConnections', 1]],
  [['rename.bound', 1]],
  // Drift.
  [
    ['apply.removeFdbEntry', 1],
    ['apply.removeRoute', 1],
  ],
  // A namespace that goes away and comes back.
  [['follow.written', 1]],
  // Disconnect.
  [
    ['apply.retireLink', 2, 1],
    ['apply.removeNeighbour', 1],
    ['apply.shut', 1],
    ['apply.forgetSenders', 1],
    ['answer', 3, 5, 7, 1],
    ['reap.begin', 1],
    ['reap.done', 1],
  ],
  // Stop a container.
  [
    ['apply.removeNetns', 1],
    ['netns.unmounted', 1],
    ['resolv-conf.leaving', 1],
    ['forwarding.forgotten', 1],
    ['pass.observed', 1, 3, 5, 2],
    ['pass.applied', 3, 4, 5, 6, 2],
  ],
];

/** The first start, with a new database, and every start. */
const STARTING: readonly Place[] = [
  ['migration.run', 1],
  ['migration.done', 1],
  ['start.store', 1],
  ['start.kernel', 1],
  ['start.reconciled', 1],
  ['start.listening', 1],
  ['apply.applyRuleset', 1],
];

/** Only a start that follows a crash there comes to that place. */
const AFTER: Readonly<Record<string, readonly Place[]>> = { 'undo.begin': [['start.taken-back', 1]] };

/** Visited by other tests (purge, recover), or by nothing that can be done from outside. */
const ELSEWHERE = [
  'purge.rows',
  'purge.links',
  'purge.tables',
  'purge.files',
  'recover.written',
  // An address of ours on a link of ours that no row asks for: a link is made anew before that.
  'apply.removeAddress',
];

/** One place of each step, then another one of each, and so on: few steps lie between two crashes. */
function inRounds(): readonly Place[] {
  const rounds = Math.max(...PLACES.map((places) => places.length));
  return Array.from({ length: rounds }, (_, round) =>
    PLACES.flatMap((places) => places.slice(round, round + 1)),
  ).flat();
}

const ORDERED = [...STARTING, ...inRounds()].flatMap((place) => [place, ...(AFTER[place[0]] ?? [])]);

function visits(): readonly string[] {
  const soak = process.env['VETHD_SOAK'] === '1';
  return ORDERED.flatMap(([place, ...nths]) =>
    (soak ? nths : nths.slice(-1)).map((nth) => (nth === 1 ? place : `${place}:${nth}`)),
  );
}

const daemon = new Daemon();
const model = emptyModel();
let unknown = emptyModel();
/** The step that comes next: the one that the last crash cut short. */
let position = 0;

function emptyModel(): Model {
  return { networks: new Map(), containers: new Map(), members: new Map() };
}

/** One step: what is done, and what is true of the model once it is acknowledged. */
interface Step {
  /** Throws when it fails while the daemon lives; may throw anything when it dies. */
  readonly carryOut: () => Promise<void>;
  readonly learn?: (model: Model) => void;
}

const LAB = { Name: 'lab', IPAM: { Config: [{ Subnet: '10.60.0.0/24' }] } };
const PORTS = { '80/tcp': [{ HostPort: '8080' }], '53/udp': [{ HostPort: '8053' }] };
const BAD_SETTING = {
  DriverOpts: { 'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.forwarding=banana' },
};

/** The answer of a step that was carried out before the crash, without an answer. */
function isAgain({ status, body }: Answer): boolean {
  return [304, 403, 404, 409].includes(status) || String(body?.message).includes('is not connected to');
}

async function send(method: string, path: string, body?: unknown): Promise<void> {
  const answer = await daemon.request(method, path, body);
  if (answer.status < 400 || isAgain(answer)) return;
  throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

async function connectRefused(): Promise<void> {
  const body = { Container: 'named', EndpointConfig: BAD_SETTING };
  const answer = await daemon.request('POST', '/networks/lab/connect', body);
  expect(answer.body.message).toContain('banana');
}

async function publish(ports: object): Promise<void> {
  const { NetworkSettings: settings } = await daemon.call('GET', '/containers/man/json');
  await send('PATCH', `/vethd/endpoints/${settings.Networks.lab.EndpointID}`, { PortBindings: ports });
}

/** Waits for something that the daemon does, not for a daemon that is dead. */
async function untilTrue(what: string, probe: () => Promise<boolean>): Promise<void> {
  const outcome = await until(what, async () => (daemon.isAlive ? probe() : 'dead'));
  if (outcome === 'dead') throw new Error(`${what}: the daemon died`);
}

async function isAsItShouldBe(): Promise<boolean> {
  return (await daemon.call('POST', '/vethd/reconcile?dry-run=true')).Commands.length === 0;
}

/** Two things that carry the marks of vethd and that no row asks for. */
async function drift(): Promise<void> {
  const [pair] = await daemon.call('GET', '/vethd/trace?of=named');
  const veth = pair.Host.Ifname ?? pair.Host.Name;
  await run('bridge', ['fdb', 'replace', '02:00:00:00:00:99', 'dev', veth, 'master', 'static']);
  await ip(['route', 'replace', '10.99.0.0/16', 'dev', 'eth0', 'proto', '118'], 'named');
  await untilTrue('mended', isAsItShouldBe);
  expect(await ip(['route', 'show', '10.99.0.0/16'], 'named')).toBe('');
}

async function isMember(name: string): Promise<boolean> {
  const { Containers } = await daemon.call('GET', '/networks/lab');
  return Object.values<{ Name: string }>(Containers).some(({ Name }) => Name === name);
}

async function goAndComeBack(): Promise<void> {
  if (listNetns().includes('named')) await removeNetns('named');
  await untilTrue('named is gone', async () => !(await isMember('named')));
  await addNetns('named');
  await untilTrue('named is back', () => isMember('named'));
}

async function reaped(): Promise<void> {
  await daemon.behindAnswers();
  await untilTrue('what was retired is reaped', async () =>
    (await linksOf()).every(({ ifalias }) => ifalias !== 'vethd:retired'),
  );
}

/** Ends as it begins. */
const STEPS: readonly Step[] = [
  {
    carryOut: () => send('POST', '/networks/create', LAB),
    learn: ({ networks }) => networks.set('lab', true),
  },
  {
    carryOut: () =>
      send('POST', '/containers/create?name=man', {
        HostConfig: { NetworkMode: 'lab', PortBindings: PORTS },
      }),
    learn: ({ containers }) => containers.set('man', true),
  },
  {
    carryOut: () => send('POST', '/containers/man/start'),
    learn: ({ members }) => members.set('lab/man', true),
  },
  { carryOut: connectRefused, learn: ({ members }) => members.set('lab/named', false) },
  {
    carryOut: () => send('POST', '/networks/lab/connect', { Container: 'named' }),
    learn: ({ members }) => members.set('lab/named', true),
  },
  { carryOut: () => publish({}) },
  {
    carryOut: () => send('POST', '/containers/man/rename?name=man2'),
    learn: ({ containers, members }) => {
      for (const [name, present] of [
        ['man', false],
        ['man2', true],
      ] as const) {
        containers.set(name, present);
        members.set(`lab/${name}`, present);
      }
    },
  },
  { carryOut: drift },
  { carryOut: goAndComeBack, learn: ({ members }) => members.set('lab/named', true) },
  {
    carryOut: () => send('POST', '/networks/lab/disconnect', { Container: 'named' }),
    learn: ({ members }) => members.set('lab/named', false),
  },
  { carryOut: reaped },
  {
    carryOut: () => send('POST', '/containers/man2/stop'),
    learn: ({ members }) => members.set('lab/man2', false),
  },
  {
    carryOut: () => send('DELETE', '/containers/man2'),
    learn: ({ containers }) => containers.set('man2', false),
  },
  {
    carryOut: () => send('POST', '/networks/prune'),
    learn: ({ networks }) => networks.set('lab', false),
  },
];

/** Goes on from where the last crash was, until the daemon dies; gives whether it did within a whole round. */
async function walkUntilDeath(): Promise<boolean> {
  for (let done = 0; done <= STEPS.length; done++) {
    const step = STEPS[position];
    if (!(await survives(step))) return true;
    step?.learn?.(model);
    position = (position + 1) % STEPS.length;
  }
  return false;
}

/** Whether the daemon is dead; the end of a connection is heard of before that of the process. */
function isDead(): Promise<boolean> {
  return until('the daemon is dead', () => !daemon.isAlive, 1_000).catch(() => false);
}

/** What the step is about may be or not be once it was cut short. */
async function survives(step: Step | undefined): Promise<boolean> {
  try {
    await step?.carryOut();
    return true;
  } catch (error) {
    if (!(await isDead())) throw error;
    step?.learn?.(unknown);
    return false;
  }
}

/** The rules of a member that is away wait for it; the audit would take them for remains. */
async function bringBack(): Promise<void> {
  if (listNetns().includes('named')) return;
  await addNetns('named');
  if (model.members.get('lab/named') === true) await untilTrue('named is back', () => isMember('named'));
}

/** The audit of the last crash; false when the next one came in between. */
async function auditLastCrash(): Promise<boolean> {
  try {
    await bringBack();
    await audit(daemon, model, unknown);
  } catch (error) {
    if (!(await isDead())) throw error;
    return false;
  }
  unknown = emptyModel();
  return true;
}

beforeAll(() => addNetns('named'));

/** A visit that failed must not fail the next ones. */
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') {
    await daemon.kill();
    await daemon.start();
    for (const name of ['man', 'man2']) await daemon.request('DELETE', `/containers/${name}?force=true`);
    if (!listNetns().includes('named')) await addNetns('named');
    await daemon.request('POST', '/networks/lab/disconnect', { Container: 'named', Force: true });
    await daemon.request('DELETE', '/networks/lab');
    for (const part of [model.networks, model.containers, model.members]) part.clear();
    unknown = emptyModel();
    position = 0;
  }
  await daemon.kill();
});

afterAll(async () => {
  await daemon.dispose();
  await removeNetns('named');
});

test.each(visits())('a crash at %s', async (visit) => {
  const isReady = await daemon.start({ VETHD_FAILPOINT: visit }).then(
    () => true,
    () => false,
  );
  if (!isReady || !(await auditLastCrash())) return;
  expect(await walkUntilDeath(), `${visit} was never come to`).toBe(true);
});

test('after all of them everything can be done again, and undone', async () => {
  await daemon.start();
  await audit(daemon, model, unknown);
  unknown = emptyModel();
  expect(await walkUntilDeath()).toBe(false);
  await audit(daemon, model, undefined);
});

test('no place in the source is left out', () => {
  const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.test)\.ts$/.test(file))
    .map((file) => readFileSync(join('src', file), 'utf8'));
  const places = source.flatMap((text) => [...text.matchAll(/\bfailpoint\('([a-z.-]+)'/g)]);
  const operations = source.flatMap((text) => [...text.matchAll(/OperationOf<'(\w+)'>/g)]);
  const named = [...places.map(([, name]) => name), ...operations.map(([, op]) => `apply.${op}`)];
  expect(named.length).toBeGreaterThan(40);
  const visited = new Set([...ORDERED.map(([place]) => place), ...ELSEWHERE]);
  expect([...new Set(named)].filter((name) => !visited.has(name ?? ''))).toEqual([]);
});
