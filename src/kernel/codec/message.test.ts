import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import { decodeAck } from './ack.ts';
import { decodeAddress } from './address.ts';
import { decodeFlow } from './conntrack.ts';
import { decodeLink, decodeLinkName } from './link.ts';
import {
  AttributeReader,
  BodyWriter,
  decodeMessages,
  encodeMessage,
  type NetlinkMessage,
  NLM_F_ACK,
} from './message.ts';
import { decodeNeighbour } from './neighbour.ts';
import { decodeNftablesEvent } from './nftables.ts';
import { decodeNsid } from './nsid.ts';
import { decodeRoute } from './route.ts';

const RECORDINGS: readonly (readonly [name: string, decode: (message: NetlinkMessage) => unknown])[] = [
  ['ack-done', decodeAck],
  ['ack-refused', decodeAck],
  ['address-ipv4', decodeAddress],
  ['address-ipv6', decodeAddress],
  ['fdb', decodeNeighbour],
  ['flow-ipv4', decodeFlow],
  ['flow-ipv6', decodeFlow],
  ['link-bridge', decodeLink],
  ['link-veth-port', decodeLink],
  ['links-dump', decodeLinkName],
  ['neighbours', decodeNeighbour],
  ['nftables-events', decodeNftablesEvent],
  ['nsid', decodeNsid],
  ['routes-ipv4', decodeRoute],
  ['routes-ipv6', decodeRoute],
];

/** Cut to `length` bytes, with a header that says so. */
function shortened(message: NetlinkMessage, length: number): Buffer {
  const bytes = Buffer.from(message.bytes.subarray(message.start - 16, message.start - 16 + length));
  bytes.writeUInt32LE(length, 0);
  return bytes;
}

describe('messages', () => {
  test('a request is a header and its body', () => {
    const request = { type: 18, flags: NLM_F_ACK, body: hex('01 02 03 04 05') };
    expect(encodeMessage(request, 9)).toEqual(
      hex('15000000 1200 0500 09000000 00000000', '01 02 03 04 05 000000'),
    );
  });

  test.for(RECORDINGS)('%s: every truncation throws', ([name]) => {
    const datagram = recording(name);
    const ends = new Set(decodeMessages(datagram).map(({ end }) => end));
    for (let length = 1; length < datagram.length; length++) {
      if (ends.has(length)) continue;
      expect(() => decodeMessages(datagram.subarray(0, length)), `${length} bytes`).toThrow();
    }
  });

  test.for(RECORDINGS)('%s: a body that ends early ends in a value or an Error', ([name, decode]) => {
    const first = decodeMessages(recording(name))[0];
    if (first === undefined) throw new Error('an empty recording');
    for (let length = 16; length < first.end; length++) {
      try {
        decodeMessages(shortened(first, length)).map(decode);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
  });

  test.for(RECORDINGS)('%s: damaged bytes end in a value or an Error', ([name, decode]) => {
    const datagram = recording(name);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(datagram.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (damage) => {
          const bytes = Buffer.from(datagram);
          for (const [at, byte] of damage) bytes.writeUInt8(byte, at);
          try {
            for (const message of decodeMessages(bytes)) decode(message);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        },
      ),
    );
  });
});

describe('attributes', () => {
  test('what is written is read', () => {
    const body = new BodyWriter()
      .u8Attribute(1, 200)
      .u32Attribute(2, 4_000_000_000)
      .textAttribute(3, 'eth0')
      .nest(4, (writer) => writer.u8Attribute(5, 6))
      .finish();
    const reader = new AttributeReader(Buffer.from(body), 0, body.length);
    expect([reader.next(), reader.type, reader.u8()]).toEqual([true, 1, 200]);
    expect([reader.next(), reader.type, reader.u32()]).toEqual([true, 2, 4_000_000_000]);
    expect([reader.next(), reader.type, reader.text()]).toEqual([true, 3, 'eth0']);
    expect([reader.next(), reader.type]).toEqual([true, 4]);
    const nested = reader.nested();
    expect([nested.next(), nested.type, nested.u8(), nested.next()]).toEqual([true, 5, 6, false]);
    expect(reader.next()).toBe(false);
  });

  test('a body larger than the first buffer keeps what was written', () => {
    const long = 'x'.repeat(2000);
    const body = Buffer.from(new BodyWriter().textAttribute(1, 'a').textAttribute(2, long).finish());
    const reader = new AttributeReader(body, 0, body.length);
    expect([reader.next(), reader.text(), reader.next(), reader.text()]).toEqual([true, 'a', true, long]);
  });

  test('flags in the type are not part of it', () => {
    const bytes = hex('0500 0180 07000000');
    const reader = new AttributeReader(bytes, 0, bytes.length);
    expect([reader.next(), reader.type]).toEqual([true, 1]);
  });

  test('a value too short for what is read throws', () => {
    const bytes = hex('0500 0100 07000000');
    const reader = new AttributeReader(bytes, 0, bytes.length);
    reader.next();
    expect(() => reader.u16()).toThrow('attribute 1');
    expect(() => reader.u32()).toThrow('attribute 1');
    expect(() => reader.u64(0)).toThrow('attribute 1');
  });

  test.for([
    ['a length below the header’s', '0300 0100'],
    ['a length beyond the end', '0900 0100 07000000'],
    ['half a header', '0800'],
  ] as const)('%s throws', ([, text]) => {
    const bytes = hex(text);
    expect(() => new AttributeReader(bytes, 0, bytes.length).next()).toThrow('an attribute of');
  });

  test('64-bit numbers are exact below 2^53', () => {
    const bytes = hex('0c00 0100 ffffffff ffff1f00');
    const reader = new AttributeReader(bytes, 0, bytes.length);
    reader.next();
    expect(reader.u64(0)).toBe(Number.MAX_SAFE_INTEGER);
  });
});

test('what is written is all that is sent, whatever the memory held before', () => {
  const spy = vi.spyOn(Buffer, 'allocUnsafe').mockImplementation((size) => Buffer.alloc(size, 0xff));
  const body = new BodyWriter()
    .u8(1)
    .u8(0)
    .u16(2)
    .textAttribute(3, 'ab')
    .u8Attribute(4, 7)
    .u32Attribute(5, 9)
    .nest(6, (inner) => inner.attribute(7, Uint8Array.of(1, 2, 3, 4, 5)))
    .finish();
  const message = encodeMessage({ type: 16, flags: 0, body: body.subarray(0, 13) }, 8);
  spy.mockRestore();
  expect(Buffer.from(body).toString('hex')).toBe(
    [
      '01000200',
      '0700030061620000',
      '0500040007000000',
      '0800050009000000',
      '10000600',
      '0900070001020304',
      '05000000',
    ].join(''),
  );
  expect(message.toString('hex')).toBe(
    ['1d000000', '1000', '0100', '08000000', '00000000', '01000200', '0700030061620000', '05000000'].join(''),
  );
});
