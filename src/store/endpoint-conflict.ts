/**
 * Which constraint refused an endpoint, in words for a client. SQLite is the judge; this only looks for whom
 * the row collides with, after the refusal.
 */
import { type ErrorKind, VethdError } from '../errors.ts';
import type { Connection } from './database.ts';
import type { EndpointRow } from './endpoint-row.ts';

interface Collision {
  /** True where another endpoint has the same; parameters are the columns of the refused row. */
  readonly where: string;
  readonly kind: ErrorKind;
  /** `holder` is the container of the other endpoint. */
  readonly words: (row: EndpointRow, names: Names) => string;
}

interface Names {
  readonly network: string;
  readonly container: string;
  readonly holder: string;
}

const COLLISIONS: readonly Collision[] = [
  {
    where: 'e.network_id = @network_id AND e.container_id = @container_id',
    kind: 'forbidden',
    words: (_row, { container, network }) =>
      `endpoint with name ${container} already exists in network ${network}`,
  },
  {
    where: "e.container_id = @container_id AND e.ifname = @ifname AND e.ifname <> ''",
    kind: 'conflict',
    words: ({ ifname }, { container }) =>
      `interface name ${ifname} is in use in container ${container}: choose another`,
  },
  {
    where: 'e.network_id = @network_id AND (e.ipv4 = @ipv4 OR e.ipv6 = @ipv6)',
    kind: 'forbidden',
    words: () => 'Address already in use',
  },
  {
    where: "e.network_id = @network_id AND e.mac = @mac AND e.mac <> ''",
    kind: 'conflict',
    words: ({ mac }, { network, holder }) =>
      `MAC address ${mac} is in use on network ${network} by container ${holder}: choose another`,
  },
  {
    where: "e.veth = @veth AND e.veth <> ''",
    kind: 'conflict',
    words: ({ veth }, { holder }) => `host interface ${veth} is in use by container ${holder}`,
  },
];

/** Prepares the look-ups. What no known collision explains comes back as it was. */
export function prepareExplain(database: Connection): (error: unknown, row: EndpointRow) => unknown {
  const lookups = COLLISIONS.map(({ where, kind, words }) => ({
    kind,
    words,
    find: database.prepare<[EndpointRow], Names>(
      `SELECT n.name AS network, c.name AS container, h.name AS holder
       FROM endpoints e JOIN containers h ON h.id = e.container_id
       JOIN networks n ON n.id = @network_id JOIN containers c ON c.id = @container_id
       WHERE ${where} AND e.id <> @id LIMIT 1`,
    ),
  }));
  return (error, row) => {
    for (const { find, kind, words } of lookups) {
      const names = find.get(row);
      if (names !== undefined) return new VethdError(kind, words(row, names), { cause: error });
    }
    return error;
  };
}
