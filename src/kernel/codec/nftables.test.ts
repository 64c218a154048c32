import { describe, expect, test } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import type { ElementChange } from '../../model/nft-sets.ts';
import { decodeMessages, encodeMessage } from './message.ts';
import {
  concernsOurTables,
  decodeNftablesEvent,
  encodeElementBatch,
  encodeGetGeneration,
} from './nftables.ts';

/** What the requests between the marks hold, as hex without blanks. */
function bodies(...changes: ElementChange[]): string[] {
  return encodeElementBatch(changes)
    .slice(1, -1)
    .map(({ body }) => Buffer.from(body).toString('hex'));
}

function add(set: ElementChange['set'], ...elements: string[]): ElementChange {
  return { set, add: elements, remove: [] };
}

function text(...lines: string[]): string {
  return hex(...lines).toString('hex');
}

describe('an element batch', () => {
  test('is framed by marks of the subsystem', () => {
    const requests = encodeElementBatch([add('bridges', '"br-a"')]);
    expect(requests.map(({ type, flags }) => [type, flags])).toEqual([
      [0x10, 0],
      [0x0a0c, 0x404],
      [0x11, 0],
    ]);
    expect(requests.map(({ body }) => body[3])).toEqual([10, 0, 10]);
  });

  test('names table, set and key, each field of it padded to four bytes', () => {
    expect(bodies(add('open4', '10.0.0.2 . tcp . 80'))).toEqual([
      text(
        '01000000',
        '0a000100 76657468640000 00',
        '0a000200 6f70656e340000 00',
        '1c000300 18000100 14000100 10000100',
        '0a000002 06000000 00500000',
      ),
    ]);
  });

  test('gives a map a value, and an interface name its sixteen bytes', () => {
    expect(bodies(add('snat4', '"br-a" : 192.0.2.1'))).toEqual([
      text(
        '01000000',
        '0a000100 76657468640000 00',
        '0a000200 736e6174340000 00',
        '2c000300 28000100',
        '18000100 14000100 62722d61 00000000 00000000 00000000',
        '0c000200 08000100 c0000201',
      ),
    ]);
  });

  test('gives a verdict its code and its chain', () => {
    expect(bodies(add('members', '"v" : goto checked_both'))).toEqual([
      text(
        '07000000',
        '0a000100 76657468640000 00',
        '0c000200 6d656d6265727300',
        '44000300 40000100',
        '18000100 14000100 76000000 00000000 00000000 00000000',
        '24000200 20000200 08000100 fffffffc 11000200 636865636b65645f626f746800 000000',
      ),
    ]);
  });

  test('gives an interval both its ends', () => {
    expect(bodies(add('open4_range', '10.0.0.2 . udp . 5-6'))[0]).toContain(
      text('14000100 10000100 0a000002 11000000 00050000', '14000a00 10000100 0a000002 11000000 00060000'),
    );
  });

  test('removes first, by the key alone', () => {
    const change = {
      set: 'publish4_any',
      add: ['tcp . 1 : 10.0.0.3 . 2'],
      remove: ['tcp . 1 : 10.0.0.2 . 2'],
    } as const;
    const requests = encodeElementBatch([change]).slice(1, -1);
    expect(requests.map(({ type }) => type)).toEqual([0x0a0e, 0x0a0c]);
    const [removal, addition] = requests.map(({ body }) => Buffer.from(body).toString('hex'));
    expect(removal).not.toContain('0a000002');
    expect(addition).toContain('0a000003');
  });

  test('takes as many messages as it needs', () => {
    const elements = Array.from({ length: 1000 }, (_, index) => `tcp . ${index + 1} : 10.0.0.2 . 80`);
    const requests = encodeElementBatch([add('publish4_any', ...elements)]).slice(1, -1);
    expect(requests).toHaveLength(4);
    for (const { body } of requests) expect(body.length).toBeLessThan(65_536);
  });

  test.for([
    ['too few fields', add('within', '"br-a"')],
    ['no name', add('bridges', 'br-a')],
    ['no port', add('open4', '10.0.0.2 . tcp . 65536')],
    ['no protocol', add('open4', '10.0.0.2 . icmp . 1')],
    ['no verdict', add('members', '"v" : fly')],
  ] as const)('of an element with %s is a fault of ours', ([, change]) => {
    expect(() => encodeElementBatch([change])).toThrow();
  });
});

describe('events', () => {
  const decode = (datagram: Buffer) => decodeMessages(datagram).map(decodeNftablesEvent);

  test('a removed table of ours, and the generation behind it', () => {
    const datagram = hex(
      '20000000 020a 0000 00000000 00000000 01000005 0a000100 7665746864000000',
      '2c000000 0f0a 0000 00000000 00000000 00000005 08000100 00000005 08000200 00000033 08000300 6e667400',
    );
    const events = decode(datagram);
    expect(events).toMatchObject([
      { kind: 'table', family: 'inet', table: 'vethd' },
      { kind: 'generation', id: 5 },
    ]);
    expect(events.map((event) => event !== undefined && concernsOurTables(event))).toEqual([true, false]);
  });

  test('table, set, chain, rule and element of a transaction, as the kernel told them', () => {
    expect(decode(recording('nftables-events'))).toEqual(
      new Array(5).fill({ kind: 'table', family: 'inet', table: 'vethd' }),
    );
  });

  test('of other tables do not concern us', () => {
    expect(concernsOurTables({ kind: 'table', family: 'other', table: 'vethd' })).toBe(false);
    expect(concernsOurTables({ kind: 'table', family: 'inet', table: 'filter' })).toBe(false);
  });

  test('of other subsystems are nothing', () => {
    const message = encodeMessage({ type: 0x0100, flags: 0, body: new Uint8Array(4) }, 1);
    expect(decode(message)).toEqual([undefined]);
  });

  test('cut off at any byte throw', () => {
    const message = encodeMessage({ type: 0x0a0f, flags: 0, body: Buffer.alloc(4) }, 1);
    for (let length = 1; length < message.length; length++) {
      expect(() => decode(message.subarray(0, length))).toThrow();
    }
  });
});

test('the generation is asked for with a header alone', () => {
  const { type, flags, body } = encodeGetGeneration();
  // linux/nf_tables.h: NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN; NLM_F_ACK.
  expect([type, flags, [...body]]).toEqual([0x0a10, 4, [0, 0, 0, 0]]);
});
