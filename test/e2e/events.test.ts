/** `GET /events`: what is told, in which order and words, and that the past survives a restart. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const daemon = daemonForFile();
let networkId = '';
let containerId = '';
/** Before the first change of this file, and between the changes of its first and second half. */
const marks = { start: '', middle: '' };

function now(): string {
  return (Date.now() / 1000).toFixed(6);
}

// biome-ignore lint/suspicious/noExplicitAny: as Answer.body
function brief({ Type, Action, Actor }: any): string {
  const { name, container, signal, exitCode, oldName } = Actor.Attributes;
  const more = [signal, exitCode, oldName, container === undefined ? undefined : 'member'];
  return [Type, Action, name, ...more].filter((word) => word !== undefined).join(' ');
}

beforeAll(async () => {
  marks.start = now();
  networkId = (
    await daemon.call('POST', '/networks/create', {
      Name: 'lab',
      IPAM: { Config: [{ Subnet: '10.100.0.0/24' }] },
    })
  ).Id;
  const body = { Image: 'img:1', Labels: { tier: 'front' }, HostConfig: { NetworkMode: 'lab' } };
  containerId = (await daemon.call('POST', '/containers/create?name=web1', body)).Id;
  await daemon.call('POST', '/containers/web1/start');
  await daemon.call('POST', '/containers/web1/rename?name=web2');
  await daemon.call('POST', '/containers/web2/kill?signal=WINCH');
  await daemon.call('POST', '/containers/web2/stop');
  marks.middle = now();
  await daemon.call('POST', '/containers/web2/start');
  await daemon.call('POST', '/containers/web2/kill');
  await daemon.call('DELETE', '/containers/web2');
  await daemon.call('POST', '/networks/create', { Name: 'idle' });
  await daemon.call('POST', '/networks/prune');
});

/** What vethd mends by itself is told as well, with a type of its own, whenever it happens. */
const DOCKERS = { type: ['network', 'container'] };

const FIRST = [
  'network create lab',
  'container create web1',
  'network connect lab member',
  'container start web1',
  'container rename web2 /web1',
  'container kill web2 28',
  'container kill web2 15',
  'container die web2 0',
  'network disconnect lab member',
  'container stop web2',
];
const SECOND = [
  'network connect lab member',
  'container start web2',
  'container kill web2 9',
  'container die web2 137',
  'network disconnect lab member',
  'container destroy web2',
  'network create idle',
];

describe('the past', () => {
  test('is told in the order and words of Docker', async () => {
    const events = await daemon.events(DOCKERS, marks.start);
    expect(events.map(brief).slice(0, 17)).toEqual([...FIRST, ...SECOND]);
    const last = events.slice(17).map(brief);
    expect(last.slice(0, -1).sort()).toEqual(['network destroy idle', 'network destroy lab']);
    expect(events.at(-1)).toMatchObject({
      Type: 'network',
      Action: 'prune',
      Actor: { ID: '', Attributes: { reclaimed: '0' } },
    });
  });

  test('has Docker’s members, to the nanosecond', async () => {
    const [created, , connected] = await daemon.events(DOCKERS, marks.start);
    expect(created).toEqual({
      Type: 'network',
      Action: 'create',
      Actor: { ID: networkId, Attributes: { name: 'lab', type: 'bridge' } },
      scope: 'local',
      time: expect.any(Number),
      timeNano: expect.any(Number),
    });
    expect(connected.Actor).toEqual({
      ID: networkId,
      Attributes: { container: containerId, name: 'lab', type: 'bridge' },
    });
    const [made] = await daemon.events({ event: ['create'], type: ['container'] }, marks.start);
    expect(made).toMatchObject({
      status: 'create',
      id: containerId,
      from: 'img:1',
      Actor: { ID: containerId, Attributes: { image: 'img:1', name: 'web1', tier: 'front' } },
    });
  });

  test('is cut by since and until', async () => {
    expect((await daemon.events(DOCKERS, marks.start, marks.middle)).map(brief)).toEqual(FIRST);
    expect((await daemon.events(DOCKERS, marks.middle)).map(brief).slice(0, 7)).toEqual(SECOND);
  });

  test('is the same after a crash and a restart', async () => {
    const before = await daemon.events(DOCKERS, marks.start);
    await daemon.kill();
    await daemon.start();
    expect((await daemon.events(DOCKERS, marks.start)).slice(0, before.length)).toEqual(before);
  });

  test.each([
    [{ type: ['network'] }, 9],
    [{ type: { network: true }, event: { connect: true, disconnect: true } }, 4],
    [{ container: ['web2'] }, 9],
    [{ container: ['web'] }, 11],
    [{ network: ['lab'] }, 6],
    [{ label: ['tier=front'] }, 11],
    [{ label: ['tier=back'] }, 0],
    [{ scope: ['swarm'] }, 0],
    [{ event: ['die'] }, 2],
  ])('filtered by %j', async (filters, count) => {
    expect(await daemon.events(filters, marks.start)).toHaveLength(count);
  });

  test.each([
    ['since=10&until=9', '`since` time (10) cannot be after `until` time (9)'],
    ['since=yesterday', "invalid value for 'since': yesterday: want Unix seconds like 1700000000.5"],
    ['filters={"nosuch":["x"]}', "invalid filter 'nosuch'"],
    ['filters=x', 'invalid filter'],
  ])('%s is refused', async (query, message) => {
    const answer = await daemon.request('GET', `/events?${query}`);
    expect([answer.status, answer.body]).toEqual([400, { message }]);
  });
});

describe('the present', () => {
  beforeAll(() => addNetns('red'));
  afterAll(() => removeNetns('red'));

  test('is told as it happens, each event on its line, to a reader who came before', async () => {
    const lines: string[] = [];
    const filters = encodeURIComponent('{"type":["network"]}');
    const sent = request({ socketPath: daemon.socket, path: `/events?filters=${filters}`, agent: false });
    sent.end();
    const answer = await new Promise<import('node:http').IncomingMessage>((resolve) =>
      sent.once('response', resolve),
    );
    answer.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trimEnd().split('\n')));
    await daemon.call('POST', '/networks/create', {
      Name: 'live',
      IPAM: { Config: [{ Subnet: '10.101.0.0/24' }] },
    });
    await daemon.call('POST', '/networks/live/connect', { Container: 'red' });
    await daemon.call('POST', '/networks/live/disconnect', { Container: 'red' });
    await daemon.call('DELETE', '/networks/live');
    await until('four events', () => lines.length === 4);
    expect(lines.map((line) => brief(JSON.parse(line)))).toEqual([
      'network create live',
      'network connect live member',
      'network disconnect live member',
      'network destroy live',
    ]);
    sent.destroy();
  });

  test('nothing is told of what was refused', async () => {
    const since = now();
    await daemon.request('POST', '/networks/create', {
      Name: 'bad',
      IPAM: { Config: [{ Subnet: '10.1.2.3/24' }] },
    });
    await daemon.request('POST', '/networks/nosuch/connect', { Container: 'red' });
    await daemon.request('DELETE', '/networks/bridge');
    expect(await daemon.events(DOCKERS, since)).toEqual([]);
  });

  test('ends by itself at until', async () => {
    const soon = (Date.now() / 1000 + 0.2).toFixed(3);
    const answer = await daemon.request('GET', `/events?since=${now()}&until=${soon}`, undefined, {
      lines: true,
    });
    expect([answer.status, answer.body]).toEqual([200, []]);
  });
});
