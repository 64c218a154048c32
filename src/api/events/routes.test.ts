import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/helpers/api.ts';
import { EVENTS, LAB, WEB } from '../../../test/helpers/memory-engine.ts';
import type { StoredEvent } from '../../model/event.ts';
import { DEFAULT_LIMITS } from '../context.ts';
import { passes } from './filter.ts';
import { parseMoment } from './wire.ts';

let api: TestApp;
beforeEach(() => {
  api = buildTestApp();
});
afterEach(() => api.app.close());

function eventAt(index: number): StoredEvent {
  const event = EVENTS[index];
  if (event === undefined) throw new Error(`no event ${index}`);
  return event;
}

async function actionsOf(query: string): Promise<string[]> {
  const response = await api.send('GET', `/events?${query}`);
  expect(response.statusCode).toBe(200);
  const lines = response.body.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line).Action);
}

describe('the past', () => {
  test('lines in Docker’s words, to the nanosecond', async () => {
    const response = await api.send('GET', '/v1.44/events?since=0&until=1700000001');
    expect(response.headers).toMatchObject({ 'content-type': 'application/json', 'api-version': '1.50' });
    expect(response.body).toBe(
      `{"Type":"network","Action":"connect","Actor":{"ID":"${LAB.id}","Attributes":{"name":"lab","type":"bridge","container":"${WEB.id}"}},"scope":"local","time":1700000000,"timeNano":1700000000123456789}\n` +
        `{"status":"start","id":"${WEB.id}","from":"nginx:1","Type":"container","Action":"start","Actor":{"ID":"${WEB.id}","Attributes":{"name":"web1","image":"nginx:1","role":"web"}},"scope":"local","time":1700000001,"timeNano":1700000001000000000}\n`,
    );
  });

  test.each([
    ['since=0&until=1800000000.5', ['connect', 'start', 'repair']],
    ['until=1700000001.5', ['connect', 'start']],
    ['since=1700000000.123456789&until=1700000001', ['connect', 'start']],
    ['since=1700000000.12345679&until=1700000001', ['start']],
    ['until=1700000009&filters={"type":{"network":true}}', ['connect']],
  ])('%s', async (query, actions) => {
    expect(await actionsOf(query.replace('1800000000.5', '1700000009'))).toEqual(actions);
  });

  test.each([
    ['since=x', "invalid value for 'since': x: want Unix seconds like 1700000000.5"],
    ['until=1e3', "invalid value for 'until': 1e3: want Unix seconds like 1700000000.5"],
    ['since=5&until=4', '`since` time (5) cannot be after `until` time (4)'],
    ['filters={"nosuch":["x"]}', "invalid filter 'nosuch'"],
  ])('%s', async (query, message) => {
    const response = await api.send('GET', `/events?${query}`);
    expect([response.statusCode, response.json()]).toEqual([400, { message }]);
  });
});

test.each([
  ['5', 5_000_000_000n],
  ['5.5', 5_500_000_000n],
  ['5.000000001', 5_000_000_001n],
  ['5.0000000019', 5_000_000_001n],
])('the moment %s', (text, nanoseconds) => {
  expect(parseMoment('since', text)).toBe(nanoseconds);
});

describe('filters', () => {
  const [connect, start, repair] = [eventAt(0), eventAt(1), eventAt(2)];
  const exec: StoredEvent = { ...start, action: 'exec_create: ip a' };

  test.each([
    [connect, { type: ['network'] }, true],
    [connect, { type: ['container', 'network'] }, true],
    [connect, { type: ['container'] }, false],
    [connect, { event: ['connect'] }, true],
    [connect, { event: ['conn'] }, false],
    [exec, { event: ['exec_create'] }, true],
    [connect, { network: ['la'] }, true],
    [connect, { network: [LAB.id.slice(0, 12)] }, true],
    [connect, { container: ['web1'] }, false],
    [start, { container: ['web'] }, true],
    [start, { label: ['role'] }, true],
    [start, { label: ['role=web', 'x'] }, false],
    [start, { image: ['nginx:1'] }, true],
    [connect, { scope: ['swarm'] }, false],
    [repair, { type: ['vethd'] }, true],
    [connect, { type: [] }, true],
  ])('%#', (event, filters, expected) => {
    expect(passes(event, new Map(Object.entries(filters)))).toBe(expected);
  });
});

describe('the present', () => {
  test('headers come at once, then each event', async () => {
    const response = await api.app.inject({
      url: '/events?filters={"type":["network"]}',
      payloadAsStream: true,
    });
    expect(response.statusCode).toBe(200);
    api.engine.emit(eventAt(1));
    api.engine.emit(eventAt(0));
    const chunks = response.stream()[Symbol.asyncIterator]();
    expect(JSON.parse(String((await chunks.next()).value))).toMatchObject({ Action: 'connect' });
    await api.app.close();
    expect(api.engine.listeners.size).toBe(0);
  });

  test('so many streams and no more', async () => {
    const few = buildTestApp({ limits: { ...DEFAULT_LIMITS, eventStreams: 1 } });
    await few.app.inject({ url: '/events', payloadAsStream: true });
    const refused = await few.send('GET', '/events');
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
    expect((await few.send('GET', '/info')).json().NEventsListener).toBe(1);
    await few.app.close();
  });
});
