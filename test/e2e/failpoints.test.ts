/**
 * Crashes at named places, each followed by a restart and an audit: the kernel is as the rows say, nothing is
 * left over, what was acknowledged is there, and everything can be done again.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { audit, type Model } from '../helpers/audit.ts';
import { Daemon } from '../helpers/daemon.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';
import type { Answer } from '../helpers/http.ts';

/** A place, and the how manieth time that the daemon comes there. */
const EVERY_VISIT: readonly string[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((nth) => `commit.before:${nth}`),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((nth) => `commit.after:${nth}`),
  ...[1, 2, 3, 5].map((nth) => `pass.observed:${nth}`),
  ...[1, 2, 3, 4, 5, 6].map((nth) => `pass.planned:${nth}`),
  ...[2, 3, 4, 5, 6].map((nth) => `pass.applied:${nth}`),
  ...[1, 3, 5, 7].map((nth) => `answer:${nth}`),
  'undo.begin',
  'undo.written',
  'undo.done',
  'start.store',
  'start.kernel',
  'start.reconciled',
  'start.listening',
  'netns.file',
  'netns.made',
  'netns.prepared',
  'netns.unmounted',
  'birth.unmarked:1',
  'birth.unmarked:2',
  'reap.begin',
  'reap.done',
  'resolv-conf.temporary',
  'apply.applyRuleset',
  'apply.changeElements:1',
  'apply.changeElements:3',
  'apply.createBridge',
  'apply.createNetns',
  'apply.removeNetns',
  'apply.createVeth:1',
  'apply.createVeth:2',
  'apply.changeLink:1',
  'apply.changeLink:3',
  'apply.addAddress:1',
  'apply.addAddress:3',
  'apply.addRoute',
  'apply.addNeighbour',
  'apply.addFdbEntry',
  'apply.setSysctl',
  'apply.settleCarrier',
  'apply.retireLink:1',
  'apply.retireLink:2',
  'apply.removeNeighbour',
];

/** The short form comes to each place once: the last time of those listed. VETHD_SOAK=1: every visit. */
const VISITS =
  process.env['VETHD_SOAK'] === '1'
    ? EVERY_VISIT
    : [...new Map(EVERY_VISIT.map((visit) => [visit.split(':')[0], visit])).values()];

const daemon = new Daemon();

beforeAll(async () => {
  await addNetns('named');
  await daemon.start();
  await daemon.kill();
});

afterAll(async () => {
  await daemon.dispose();
  await removeNetns('named');
});

/** A visit that failed must not fail the next ones. */
afterEach(async () => {
  for (const { method, path, body } of STEPS.slice(5)) {
    await daemon.request(method, path, body).catch(() => undefined);
  }
  await daemon.kill();
});

/** One step: the request, and what is true of the model once it is acknowledged. */
interface Step {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly learn: (model: Model) => void;
  /** The kernel refuses it: its answer is an error, and nothing of it may stay. */
  readonly refused?: boolean;
}

const LAB = { Name: 'lab', IPAM: { Config: [{ Subnet: '10.60.0.0/24' }] } };
const BAD_SETTING = {
  DriverOpts: { 'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.forwarding=banana' },
};

const STEPS: readonly Step[] = [
  { method: 'POST', path: '/networks/create', body: LAB, learn: (model) => model.networks.set('lab', true) },
  {
    method: 'POST',
    path: '/containers/create?name=man',
    body: { HostConfig: { NetworkMode: 'lab' } },
    learn: (model) => model.containers.set('man', true),
  },
  { method: 'POST', path: '/containers/man/start', learn: (model) => model.members.set('lab/man', true) },
  {
    method: 'POST',
    path: '/networks/lab/connect',
    body: { Container: 'named', EndpointConfig: BAD_SETTING },
    learn: (model) => model.members.set('lab/named', false),
    refused: true,
  },
  {
    method: 'POST',
    path: '/networks/lab/connect',
    body: { Container: 'named' },
    learn: (model) => model.members.set('lab/named', true),
  },
  {
    method: 'POST',
    path: '/networks/lab/disconnect',
    body: { Container: 'named' },
    learn: (model) => model.members.set('lab/named', false),
  },
  { method: 'POST', path: '/containers/man/stop', learn: (model) => model.members.set('lab/man', false) },
  { method: 'DELETE', path: '/containers/man', learn: (model) => model.containers.set('man', false) },
  { method: 'DELETE', path: '/networks/lab', learn: (model) => model.networks.set('lab', false) },
];

/** A step that was carried out before the crash, without an answer. */
function isAgain({ status, body }: Answer): boolean {
  return [403, 404, 409].includes(status) || String(body?.message).includes('is not connected to');
}

/** Carries out the steps until the daemon dies; gives how many were answered. */
async function walk(model: Model, from: number): Promise<number> {
  for (const [index, step] of STEPS.entries()) {
    if (index < from) continue;
    const answer = await daemon.request(step.method, step.path, step.body).catch(() => undefined);
    if (answer === undefined) return index;
    const isDone = answer.status < 400 || isAgain(answer);
    expect(step.refused ? answer.status >= 400 : isDone, `${step.path}: ${JSON.stringify(answer.body)}`).toBe(
      true,
    );
    step.learn(model);
  }
  return STEPS.length;
}

test.each(VISITS)('a crash at %s', async (visit) => {
  const model: Model = { networks: new Map(), containers: new Map(), members: new Map() };
  const died = await daemon.start({ VETHD_FAILPOINT: visit }).then(
    () => walk(model, 0),
    () => 0,
  );
  await daemon.kill();
  // What the step that was cut short is about may be or not be.
  const cut = STEPS[died];
  const unknown: Model = { networks: new Map(), containers: new Map(), members: new Map() };
  cut?.learn(unknown);
  await daemon.start();
  await audit(daemon, model, unknown);
  expect(await walk(model, died)).toBe(STEPS.length);
  await audit(daemon, model, undefined);
  expect(died, `${visit} was never come to`).toBeLessThan(STEPS.length);
});
