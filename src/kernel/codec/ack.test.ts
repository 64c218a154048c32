import { describe, expect, test } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import { decodeAck, decodeDone, refusalOf } from './ack.ts';
import { describeErrnoName } from './errno.ts';
import { decodeMessages, type NetlinkMessage } from './message.ts';

function only(datagram: Buffer): NetlinkMessage {
  const [message] = decodeMessages(datagram);
  if (message === undefined) throw new Error('an empty datagram');
  return message;
}

describe('acknowledgements', () => {
  test('error 0 is done', () => {
    expect(decodeAck(only(recording('ack-done')))).toBeUndefined();
  });

  test('the kernel’s own words, behind the whole request', () => {
    const words = { errno: 'EEXIST', reason: 'ipv4: Address already assigned' };
    expect(decodeAck(only(recording('ack-refused')))).toEqual(words);
  });

  test('the kernel’s own words, behind the request’s header alone', () => {
    const datagram = hex(
      '2c000000 0200 0003 07000000 00000000',
      'efffffff 28000000 1400 0506 07000000 00000000',
      '0800 0100 4e6f0000',
    );
    expect(decodeAck(only(datagram))).toEqual({ errno: 'EEXIST', reason: 'No' });
  });

  test('strerror’s words where the kernel has none', () => {
    const datagram = hex(
      '24000000 0200 0001 07000000 00000000',
      'edffffff 20000000 1000 0500 07000000 00000000',
    );
    expect(decodeAck(only(datagram))).toEqual({ errno: 'ENODEV', reason: 'No such device' });
  });

  test('the end of a dump', () => {
    expect(decodeDone(only(hex('14000000 0300 0200 07000000 00000000 00000000')))).toBeUndefined();
    const refused = only(hex('14000000 0300 0200 07000000 00000000 feffffff'));
    expect(decodeDone(refused)).toEqual({ errno: 'ENOENT', reason: 'No such file or directory' });
  });
});

describe('error numbers', () => {
  test('those that Node has no name for', () => {
    expect(refusalOf(116).errno).toBe('ESTALE');
    expect(refusalOf(95).errno).toBe('EOPNOTSUPP');
  });

  test('an unknown one is said to be so', () => {
    expect(refusalOf(4095)).toEqual({ errno: 'EUNKNOWN', reason: 'error 4095' });
    expect(describeErrnoName('EWHAT')).toBe('EWHAT');
  });
});
