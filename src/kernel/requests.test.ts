import { describe, expect, test } from 'vitest';
import type { LinkChange } from '../model/operation.ts';
import { decodeLink } from './codec/link.ts';
import { decodeMessages, encodeMessage, type NetlinkRequest } from './codec/message.ts';
import { changeLink, retiredName, retireHostEnd } from './requests.ts';

const PORT = {
  isolated: true,
  locked: false,
  learning: true,
  neighSuppress: false,
  hairpin: false,
  guard: false,
};

/** What a request sets, in words. */
function told(request: NetlinkRequest): string {
  const [message] = decodeMessages(encodeMessage(request, 1));
  if (message === undefined) throw new Error('no message');
  const link = decodeLink(message);
  const touchesState = message.bytes.readUInt32LE(message.start + 12) !== 0;
  return [
    link.ifindex === 0 ? '' : `#${link.ifindex}`,
    link.ifname,
    link.alias,
    link.port === undefined ? '' : 'port',
    touchesState ? (link.up ? 'up' : 'down') : '',
  ]
    .filter((word) => word !== '')
    .join(' ');
}

function changes(change: LinkChange, wasUp = false): string[] {
  return changeLink({ ifindex: 3 }, change, undefined, wasUp).map(told);
}

describe('a change of a link', () => {
  test.for<readonly [name: string, change: LinkChange, wasUp: boolean, expected: readonly string[]]>([
    ['nothing', {}, true, []],
    ['up', { up: true }, false, ['#3 up']],
    ['up comes last', { alias: 'vethd:x', up: true }, false, ['#3 vethd:x', '#3 up']],
    ['down comes first', { alias: 'vethd:x', up: false }, true, ['#3 down', '#3 vethd:x']],
    ['a new name goes down and up again', { ifname: 'n' }, true, ['#3 down', '#3 n', '#3 up']],
    ['a new name of a link that is down', { ifname: 'n' }, false, ['#3 down', '#3 n']],
    ['a new name, and down', { ifname: 'n', up: false }, true, ['#3 down', '#3 n']],
    ['a port', { port: PORT, up: true }, false, ['#3 port', '#3 up']],
  ])('%s', ([, change, wasUp, expected]) => {
    expect(changes(change, wasUp)).toEqual(expected);
  });

  test('by name where the ifindex is not known', () => {
    const requests = changeLink({ ifname: 'eth0' }, { alias: 'vethd:x' }, undefined, false);
    expect(requests.map(told)).toEqual(['eth0 vethd:x']);
  });
});

test('a retired link is down before it gets another name', () => {
  const [first, second] = retireHostEnd(3).map(told);
  expect(first).toContain('down');
  expect(second).toContain(retiredName(3));
});

test('a retired name fits an interface name, whatever the ifindex', () => {
  expect(retiredName(0x7fffffff).length).toBeLessThanOrEqual(15);
});
