import { describe, expect, test } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import { parseAddress } from '../../model/address.ts';
import { decodeMessages, encodeMessage } from './message.ts';
import {
  decodeNeighbour,
  decodeNeighbourState,
  encodeAddFdbEntry,
  encodeAddNeighbour,
  encodeDumpFdb,
  encodeDumpNeighbours,
  encodeFlushFdb,
  encodeGetFdbEntry,
  encodeGetNeighbour,
  encodeRemoveFdbEntry,
  encodeRemoveNeighbour,
} from './neighbour.ts';

const ADDRESS = parseAddress('10.0.0.3');
const MAC = '02:42:0a:00:00:03';

function entriesOf(name: string) {
  return decodeMessages(recording(name))
    .filter(({ type }) => type === 28)
    .map(decodeNeighbour)
    .filter((entry) => entry !== undefined);
}

describe('neighbours', () => {
  test('permanent ones alone, as iproute2 is told', () => {
    expect(entriesOf('neighbours')).toEqual([
      {
        table: 'ip',
        ifindex: 2,
        address: parseAddress('10.0.0.2'),
        mac: '02:42:0a:00:00:02',
        ours: false,
      },
    ]);
  });

  test('static entries of the bridge alone, as bridge(8) is told', () => {
    expect(entriesOf('fdb')).toEqual([{ table: 'bridge', ifindex: 3, mac: '02:42:0a:00:00:02' }]);
  });

  test('what is added is what is read', () => {
    const [message] = decodeMessages(encodeMessage(encodeAddNeighbour(2, ADDRESS, MAC), 7));
    const entry = { table: 'ip', ifindex: 2, address: ADDRESS, mac: MAC, ours: true };
    expect(message && decodeNeighbour(message)).toEqual(entry);
  });

  test('the state of any entry', () => {
    const body = hex('07 00 0000 03000000 0200 02 00 0a00 0200 02420a000003 0000');
    const [message] = decodeMessages(encodeMessage({ type: 28, flags: 0, body }, 7));
    const forwarding = { mac: '02:42:0a:00:00:03', bridgeIndex: 0 };
    const state = { table: 'bridge', ifindex: 3, fixed: false, forwarding };
    expect(message && decodeNeighbourState(message)).toEqual(state);
    expect(message && decodeNeighbour(message)).toBeUndefined();
  });

  const dst = '0800 0100 0a000003';
  const lladdr = '0a00 0200 02420a000003 0000';
  test.for([
    [
      'add',
      encodeAddNeighbour(2, ADDRESS, MAC),
      28,
      `02 00 0000 02000000 8000 00 00 ${dst} ${lladdr} 0500 0c00 76000000`,
    ],
    ['remove', encodeRemoveNeighbour(2, ADDRESS), 29, `02 00 0000 02000000 0000 00 00 ${dst}`],
    ['get', encodeGetNeighbour(2, ADDRESS), 30, `02 00 0000 02000000 0000 00 00 ${dst}`],
    ['dump a link’s', encodeDumpNeighbours(2), 30, '00 00 0000 00000000 0000 00 00 0800 0800 02000000'],
    // Recorded from `bridge fdb replace 02:42:0a:00:00:03 dev veth0 master static`.
    ['add to a bridge', encodeAddFdbEntry(3, MAC), 28, `07 00 0000 03000000 4000 04 00 ${lladdr}`],
    ['remove from a bridge', encodeRemoveFdbEntry(3, MAC), 29, `07 00 0000 03000000 0000 04 00 ${lladdr}`],
    // Recorded from `bridge fdb flush dev veth0 master`.
    ['flush a port', encodeFlushFdb(3), 29, '07 00 0000 03000000 0000 04 00'],
    ['get from a bridge', encodeGetFdbEntry(3, MAC), 30, `07 00 0000 03000000 0000 04 00 ${lladdr}`],
    ['dump bridges’', encodeDumpFdb(), 30, '07 00 0000 00000000 0000 00 00'],
  ] as const)('%s, byte for byte', ([, request, type, bytes]) => {
    expect(request.type).toBe(type);
    expect(Buffer.from(request.body)).toEqual(hex(bytes));
  });
});
