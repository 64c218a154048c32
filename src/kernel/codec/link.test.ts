import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import { type Link, RETIRED_GROUP } from '../../model/netstate.ts';
import {
  decodeCountedLink,
  decodeLink,
  decodeLinkName,
  encodeCreateBridge,
  encodeCreateVeth,
  encodeDeleteGroup,
  encodeDumpLinks,
  encodeGetLink,
  encodeSetLink,
  encodeSetPort,
  encodeShutPort,
  NEWBORN_GROUP,
} from './link.ts';
import { decodeMessages, encodeMessage, type NetlinkMessage, type NetlinkRequest } from './message.ts';

function only(datagram: Buffer): NetlinkMessage {
  const [message] = decodeMessages(datagram);
  if (message === undefined) throw new Error('an empty datagram');
  return message;
}

function asMessage(request: NetlinkRequest): NetlinkMessage {
  return only(encodeMessage(request, 7));
}

const HEADER = '00 00 0000 00000000 00000000 00000000';

const VETH: Link = {
  ifname: 'veth0',
  kind: 'veth',
  alias: 'vethd:e',
  up: true,
  mac: '',
  mtu: 1400,
  addrGenMode: 'none',
  master: 'br0',
  port: undefined,
  peer: undefined,
};
const PEER: Link = { ...VETH, ifname: 'eth0', up: true, mac: '02:42:0a:00:00:02', master: '' };

describe('links as iproute2 is told', () => {
  test('a port of a bridge, its peer in another namespace', () => {
    expect(decodeLink(only(recording('link-veth-port')))).toEqual({
      ifname: 'veth0',
      kind: 'veth',
      ifindex: 3,
      alias: 'vethd:ep',
      up: true,
      mac: '02:00:00:00:00:05',
      mtu: 1400,
      addrGenMode: 'eui64',
      masterIndex: 2,
      port: {
        state: 'disabled',
        isolated: true,
        locked: true,
        learning: false,
        neighSuppress: false,
        hairpin: false,
        guard: true,
      },
      group: 0,
      peerIndex: 2,
      peerNetnsid: 0,
      operstate: 'lowerlayerdown',
      carrier: false,
      counters: expect.objectContaining({ rxBytes: 0, txDropped: 0 }),
    });
  });

  test('a bridge', () => {
    expect(decodeLink(only(recording('link-bridge')))).toMatchObject({
      ifname: 'br0',
      kind: 'bridge',
      alias: 'vethd:net',
      mac: '02:42:00:00:00:01',
      masterIndex: 0,
      port: undefined,
      peerIndex: 0,
      peerNetnsid: -1,
      counters: { txDropped: 0 },
    });
  });

  test('its counters, where they are wanted', () => {
    const { counters, ...link } = decodeCountedLink(only(recording('link-bridge')));
    expect(counters).toMatchObject({ txDropped: 4, txPackets: 0 });
    expect(decodeLink(only(recording('link-bridge')))).toMatchObject(link);
  });

  test('two in one datagram of a dump', () => {
    const links = decodeMessages(recording('links-dump')).map(decodeLink);
    expect(links.map(({ ifname, kind }) => [ifname, kind])).toEqual([
      ['lo', 'loopback'],
      ['br0', 'bridge'],
    ]);
  });

  test('index and name alone', () => {
    expect(decodeLinkName(only(recording('link-bridge')))).toEqual({ ifindex: 2, ifname: 'br0' });
  });
});

describe('requests, byte for byte', () => {
  test.for([
    ['one by name', encodeGetLink({ ifname: 'br0' }), 18, 0x004, `${HEADER} 0800 0300 62723000`],
    ['one by index', encodeGetLink({ ifindex: 2 }), 18, 0x004, '00 00 0000 02000000 00000000 00000000'],
    ['all', encodeDumpLinks(), 18, 0x300, HEADER],
    ['a group deleted', encodeDeleteGroup(RETIRED_GROUP), 17, 0x004, `${HEADER} 0800 1b00 72746572`],
    [
      'up by name',
      encodeSetLink({ ifname: 'lo' }, { up: true }),
      19,
      0x004,
      '00 00 0000 00000000 01000000 01000000 0700 0300 6c6f0000',
    ],
    [
      'down, out of its bridge, in a group',
      encodeSetLink({ ifindex: 3 }, { up: false, masterIndex: 0, group: 5 }),
      19,
      0x004,
      '00 00 0000 03000000 00000000 01000000 0800 0a00 00000000 0800 1b00 05000000',
    ],
    [
      'no link-local addresses',
      encodeSetLink({ ifindex: 3 }, { addrGenMode: 'none' }),
      19,
      0x004,
      '00 00 0000 03000000 00000000 00000000 1000 1a00 0c00 0a00 0500 0800 01000000',
    ],
    [
      'a bridge',
      encodeCreateBridge({ ...VETH, ifname: 'br0', kind: 'bridge', mtu: 0, up: false }),
      16,
      0x60c,
      `00 00 0000 00000000 00000000 01000000 0800 1b00 6277656e 0800 0300 62723000 1000 1200 0b00 0100 62726964676500 00`,
    ],
  ] as const)('%s', ([, request, type, flags, body]) => {
    expect(Buffer.from(request.body)).toEqual(hex(body));
    expect([request.type, request.flags]).toEqual([type, flags]);
  });

  test('a pair, its peer in the namespace of descriptor 9', () => {
    const { body } = encodeCreateVeth(VETH, PEER, 2, 9);
    const peer = [
      '00 00 0000 00000000 00000000 00000000',
      '0900 0300 6574683000 000000 0a00 0100 02420a000002 0000 0800 0400 78050000',
      '0800 1f00 01000000 0800 2000 01000000 0800 1c00 09000000',
    ].join('');
    expect(Buffer.from(body)).toEqual(
      hex(
        '00 00 0000 00000000 01000000 01000000 0800 1b00 6277656e',
        '0a00 0300 766574683000 0000 0800 0400 78050000',
        '0800 1f00 01000000 0800 2000 01000000 0800 0a00 02000000',
        '6000 1200 0900 0100 7665746800 000000 5000 0200 4c00 0100',
        peer,
      ),
    );
  });

  test('what a port may do', () => {
    const port = {
      isolated: true,
      locked: false,
      learning: true,
      neighSuppress: false,
      hairpin: false,
      guard: true,
    };
    expect(Buffer.from(encodeSetPort({ ifindex: 3 }, port).body)).toEqual(
      hex(
        '00 00 0000 03000000 00000000 00000000 4c00 1200 0b00 0400 62726964676500 00 3c00 0500',
        '0500 0400 00000000 0500 0500 01000000 0500 0600 01000000 0500 0800 01000000',
        '0500 2000 00000000 0500 2100 01000000 0500 2700 00000000',
      ),
    );
  });

  test('a port that lets nothing through', () => {
    expect(Buffer.from(encodeShutPort(3).body)).toEqual(
      hex(
        '00 00 0000 03000000 00000000 00000000 3c00 1200 0b00 0400 62726964676500 00 2c00 0500',
        '0500 2700 01000000 0500 0800 00000000 0500 0900 00000000 0500 1b00 00000000 0500 1e00 00000000',
      ),
    );
  });
});

test('what is asked for is what is read', () => {
  const byte = fc.integer({ min: 0, max: 255 }).map((value) => value.toString(16).padStart(2, '0'));
  const wishes = fc.record({
    up: fc.boolean(),
    alias: fc.string({ minLength: 1, maxLength: 200 }).filter((text) => !text.includes('\0')),
    mac: fc.array(byte, { minLength: 6, maxLength: 6 }).map((bytes) => bytes.join(':')),
    mtu: fc.integer({ min: 1, max: 0xffffffff }),
    group: fc.integer({ min: 0, max: 0xffffffff }),
    masterIndex: fc.integer({ min: 0, max: 0x7fffffff }),
    addrGenMode: fc.constantFrom('eui64', 'none'),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0x7fffffff }), wishes, (ifindex, wish) => {
      const read = decodeLink(asMessage(encodeSetLink({ ifindex }, wish)));
      expect(read).toMatchObject({ ifindex, ...wish });
    }),
  );
});

test('a port’s attributes are read as they were asked for', () => {
  const port = {
    isolated: true,
    locked: true,
    learning: false,
    neighSuppress: true,
    hairpin: true,
    guard: true,
  };
  expect(decodeLink(asMessage(encodeSetPort({ ifindex: 3 }, port))).port).toMatchObject(port);
});

test('a root block alone is no guard', () => {
  const body = hex(
    '00 00 0000 03000000 00000000 00000000 2400 1200 0b00 0400 62726964676500 00 1400 0500',
    '0500 0600 01000000 0500 0100 03000000',
  );
  const link = decodeLink(asMessage({ type: 16, flags: 0, body }));
  expect(link.port).toMatchObject({ guard: false });
});

test('a link is born in the group of those not yet marked', () => {
  expect(decodeLink(asMessage(encodeCreateVeth(VETH, PEER, 2, 9))).group).toBe(NEWBORN_GROUP);
});
