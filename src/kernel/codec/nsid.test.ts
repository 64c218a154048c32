import { expect, test } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import { decodeMessages } from './message.ts';
import { decodeNsid, encodeAssignNsid, encodeGetNsid } from './nsid.ts';

test('the number of a namespace, as iproute2 is told', () => {
  expect(decodeMessages(recording('nsid')).map(decodeNsid)).toEqual([0]);
});

test('none', () => {
  expect(decodeMessages(hex('14000000 5800 0000 07000000 00000000 00000000')).map(decodeNsid)).toEqual([-1]);
});

test('requests, byte for byte', () => {
  expect(Buffer.from(encodeGetNsid(6).body)).toEqual(hex('00000000 0800 0300 06000000'));
  expect(Buffer.from(encodeAssignNsid(6).body)).toEqual(
    hex('00000000 0800 0100 ffffffff 0800 0300 06000000'),
  );
});
