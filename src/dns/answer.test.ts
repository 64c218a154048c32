import { type DecodedPacket, decode, encode, RECURSION_DESIRED, type RecordType } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fakeSource } from '../../test/helpers/zone-source.ts';
import { formatAddress } from '../model/address.ts';
import { addressOfReverseName, answer } from './answer.ts';
import { type Zone, zoneOf } from './zone.ts';

const source = fakeSource(
  { lan: { names: true, internal: false }, closed: { names: true, internal: true } },
  [
    { network: 'lan', container: 'web1', names: ['web1', 'web'], ipv4: '10.0.0.2', ipv6: 'fd00::2' },
    { network: 'lan', container: 'web2', names: ['web2', 'web'], ipv4: '10.0.0.3' },
    { network: 'closed', container: 'vault', names: ['vault'], ipv4: '10.1.0.2' },
    { network: 'lan', container: `${'x'.repeat(70)}`, names: ['long'], ipv4: '10.0.0.9' },
  ],
);
const zone = zoneOf(source, 'web1');

function query(name: string, type: RecordType | 'ANY', extra: Parameters<typeof encode>[0] = {}): Buffer {
  // ANY is a question type alone, which dns-packet's types leave out.
  const question = { name, type: type as RecordType };
  return encode({ type: 'query', id: 0x1234, flags: RECURSION_DESIRED, questions: [question], ...extra });
}

const opt = (udpPayloadSize: number, ednsVersion = 0, flags = 0) => ({
  additionals: [
    {
      type: 'OPT' as const,
      name: '.',
      udpPayloadSize,
      extendedRcode: 0,
      ednsVersion,
      flags,
      flag_do: false,
      options: [],
    },
  ],
});

interface Replied extends DecodedPacket {
  readonly bytes: Uint8Array;
  readonly rcode: string;
}

function replyTo(
  packet: Uint8Array,
  asked: Zone = zone,
  transport: 'udp' | 'tcp' = 'udp',
  rotation = 0,
): Replied {
  const verdict = answer(packet, asked, transport, rotation);
  if (verdict.kind !== 'reply') throw new Error(`no reply but ${verdict.kind}`);
  const decoded = decode(Buffer.from(verdict.bytes));
  return { ...decoded, bytes: verdict.bytes, rcode: 'rcode' in decoded ? String(decoded.rcode) : '' };
}

function dataOf(packet: Replied): unknown[] {
  return (packet.answers ?? []).map((record) => ('data' in record ? record.data : undefined));
}

describe('names of the zone', () => {
  test.each([
    ['A', 'web1', ['10.0.0.2']],
    ['AAAA', 'web1', ['fd00::2']],
    ['A', 'WEB2.lan', ['10.0.0.3']],
    ['AAAA', 'web2', []],
    ['ANY', 'web1', ['10.0.0.2', 'fd00::2']],
    ['TXT', 'web1', []],
    ['MX', 'web1', []],
    ['SRV', 'web1', []],
    ['PTR', '3.0.0.10.in-addr.arpa', ['web2.lan']],
    ['PTR', '2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F.ip6.ARPA', ['web1.lan']],
    ['PTR', '9.0.0.10.in-addr.arpa', []],
  ] as const)('%s %s', (type, name, expected) => {
    const packet = replyTo(query(name, type));
    expect(packet.rcode).toBe('NOERROR');
    expect(dataOf(packet)).toEqual(expected);
    expect(packet.id).toBe(0x1234);
    expect(packet.questions?.[0]?.name).toBe(name);
    expect([packet.flag_qr, packet.flag_aa, packet.flag_tc, packet.flag_rd, packet.flag_ra]).toEqual([
      true,
      false,
      false,
      true,
      true,
    ]);
    for (const record of packet.answers ?? []) expect(record).toMatchObject({ name, ttl: 0, class: 'IN' });
  });

  test('several addresses in changing order', () => {
    const orders = [0, 1, 2].map((rotation) => dataOf(replyTo(query('web', 'A'), zone, 'udp', rotation)));
    expect(orders).toEqual([
      ['10.0.0.2', '10.0.0.3'],
      ['10.0.0.3', '10.0.0.2'],
      ['10.0.0.2', '10.0.0.3'],
    ]);
  });

  test('literal bytes', () => {
    const bytes = replyTo(query('web2', 'A')).bytes;
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '123481800001000100000000' + // header: QR RD RA
        '0477656232000001' + // web2, A
        '0001' +
        'c00c00010001000000000004' + // pointer, A, IN, TTL 0, 4 bytes
        '0a000003',
    );
  });
});

describe('names of others', () => {
  test.each([
    ['A', 'example.org'],
    ['A', 'vault'],
    ['PTR', '1.0.0.10.in-addr.arpa'],
    ['PTR', '10.in-addr.arpa'],
    ['SOA', '.'],
  ] as const)('%s %s is passed on', (type, name) => {
    expect(answer(query(name, type), zone, 'udp', 0)).toMatchObject({
      kind: 'forward',
      query: { id: 0x1234, type },
    });
  });

  test('another class is passed on, even for our names', () => {
    const packet = encode({ type: 'query', id: 1, questions: [{ name: 'web1', type: 'A', class: 'CH' }] });
    expect(answer(packet, zone, 'udp', 0).kind).toBe('forward');
  });

  test('from internal networks nothing is passed on', () => {
    const packet = replyTo(query('example.org', 'A'), zoneOf(source, 'vault'));
    expect(packet.rcode).toBe('SERVFAIL');
    expect(dataOf(packet)).toEqual([]);
  });
});

describe('EDNS', () => {
  test('OPT is answered by OPT, without it there is none', () => {
    expect(replyTo(query('web1', 'A', opt(4096))).additionals).toMatchObject([
      { type: 'OPT', udpPayloadSize: 1232 },
    ]);
    expect(replyTo(query('web1', 'A')).additionals).toEqual([]);
  });

  test('DO is given back', () => {
    expect(replyTo(query('web1', 'A', opt(4096, 0, 0x8000))).additionals).toMatchObject([{ flag_do: true }]);
  });

  test('a later version: BADVERS', () => {
    const packet = replyTo(query('web1', 'A', opt(4096, 1)));
    expect(packet.rcode).toBe('NOERROR');
    expect(packet.additionals).toMatchObject([{ type: 'OPT', extendedRcode: 1, ednsVersion: 0 }]);
  });

  test('two of them: FORMERR', () => {
    const two = [...opt(512).additionals, ...opt(512).additionals];
    expect(replyTo(query('web1', 'A', { additionals: two })).rcode).toBe('FORMERR');
  });
});

describe('length', () => {
  const crowd = fakeSource(
    { lan: { names: true, internal: false } },
    Array.from({ length: 1000 }, (_, index) => ({
      network: 'lan',
      container: `c${index}`,
      names: ['crowd'],
      ipv4: `10.0.${index >> 8}.${index & 255}`,
    })),
  );
  const crowdZone = zoneOf(crowd, 'c0');

  test.each([
    ['512 bytes without EDNS', {}, 'udp', 30, true],
    ['what the client takes', opt(1232), 'udp', 74, true],
    ['at least 512', opt(100), 'udp', 29, true],
    ['all of it in 64 KiB', opt(65535), 'udp', 1000, false],
    ['all of it over TCP', {}, 'tcp', 1000, false],
  ] as const)('%s', (_case, extra, transport, count, truncated) => {
    const packet = replyTo(query('crowd', 'A', extra), crowdZone, transport);
    expect(packet.answers).toHaveLength(count);
    expect(packet.flag_tc).toBe(truncated);
  });
});

describe('what is no query', () => {
  const good = query('web1', 'A');
  const patched = (offset: number, ...bytes: number[]) => {
    const copy = Buffer.from(good);
    copy.set(bytes, offset);
    return copy;
  };

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['less than a header', good.subarray(0, 11)],
    ['a response', patched(2, 0x81)],
  ])('%s is ignored', (_case, packet) => {
    expect(answer(packet, zone, 'udp', 0)).toEqual({ kind: 'ignore' });
  });

  test.each([
    ['no question', patched(4, 0, 0)],
    ['two questions', patched(4, 0, 2)],
    ['65,535 records', patched(6, 0xff, 0xff)],
    ['a record that is not there', patched(10, 0, 1)],
    ['a compressed name', patched(12, 0xc0, 0x0c)],
    ['a label beyond the end', patched(12, 63)],
    ['a label type of its own', patched(12, 0x44)],
  ])('%s: FORMERR', (_case, packet) => {
    expect(replyTo(packet)).toMatchObject({ id: 0x1234, rcode: 'FORMERR', questions: [] });
  });

  test('every truncation: FORMERR', () => {
    for (let length = 12; length < good.length; length++) {
      expect(replyTo(good.subarray(0, length)).rcode).toBe('FORMERR');
    }
  });

  test.each([1, 2, 4, 5, 6, 15])('opcode %i: NOTIMP', (opcode) => {
    expect(replyTo(patched(2, opcode << 3)).rcode).toBe('NOTIMP');
  });

  test('random bytes never throw; an answer fits and carries the id', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, plausible) => {
        if (plausible && bytes.length >= 12) bytes.set([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0], 2);
        const verdict = answer(bytes, zone, 'udp', 1);
        if (verdict.kind !== 'reply') return;
        expect(verdict.bytes.length).toBeLessThanOrEqual(65_507);
        expect(verdict.bytes.subarray(0, 2)).toEqual(Buffer.from(bytes.subarray(0, 2)));
      }),
      { numRuns: 2000 },
    );
  });

  test('a flipped byte anywhere never throws', () => {
    const base = query('web1', 'A', opt(1232));
    fc.assert(
      fc.property(fc.nat(base.length - 1), fc.nat(255), (offset, byte) => {
        const copy = Buffer.from(base);
        copy[offset] = byte;
        answer(copy, zone, 'tcp', 0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('addressOfReverseName', () => {
  test.each([
    ['1.2.3.4.in-addr.arpa', '4.3.2.1'],
    ['01.2.3.4.in-addr.arpa', undefined],
    ['256.2.3.4.in-addr.arpa', undefined],
    ['2.3.4.in-addr.arpa', undefined],
    ['in-addr.arpa', undefined],
    [`${'1.'.repeat(31)}ip6.arpa`, undefined],
    [`${'g.'.repeat(32)}ip6.arpa`, undefined],
    [`${'10.'.repeat(16)}${'1.'.repeat(16)}ip6.arpa`, undefined],
    [`1.${'0.'.repeat(31)}ip6.arpa`, '::1'],
    ['', undefined],
  ])('%s', (name, expected) => {
    const address = addressOfReverseName(name);
    expect(address === undefined ? undefined : formatAddress(address)).toBe(expected);
  });
});
