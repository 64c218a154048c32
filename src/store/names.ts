/** Who is meant by a name or an address on a network. The names are kept by triggers (migration 0002). */
import { type Address, formatAddress } from '../model/address.ts';
import type { NamedMember, StoreReader } from './contract.ts';
import type { Connection } from './database.ts';
import { addressFromText } from './json.ts';

interface MemberRow {
  readonly container_id: string;
  readonly name: string;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

/** A named namespace can be away while somebody still wants it to run: its `inode` is null then. */
const RUNNING =
  "c.state = 'running' AND (c.inode IS NOT NULL OR json_extract(c.source, '$.kind') <> 'named')";

const MEMBER = `SELECT e.container_id, c.name, e.ipv4, e.ipv6
  FROM endpoints e JOIN containers c ON c.id = e.container_id`;

function toMember(row: MemberRow): NamedMember {
  return {
    containerId: row.container_id,
    containerName: row.name,
    ipv4: addressFromText(row.ipv4),
    ipv6: addressFromText(row.ipv6),
  };
}

/** Prepares the reads of names; each costs its answer. */
export function prepareNames(database: Connection): Pick<StoreReader, 'listMembersNamed' | 'findMemberAt'> {
  const named = database.prepare<[string, string], MemberRow>(
    `${MEMBER} JOIN endpoint_names n ON n.endpoint_id = e.id
     WHERE n.network_id = ? AND n.name = ? AND ${RUNNING} ORDER BY e.ordinal`,
  );
  const at = {
    ipv4: database.prepare<[string, string], MemberRow>(
      `${MEMBER} WHERE e.network_id = ? AND e.ipv4 = ? AND ${RUNNING}`,
    ),
    ipv6: database.prepare<[string, string], MemberRow>(
      `${MEMBER} WHERE e.network_id = ? AND e.ipv6 = ? AND ${RUNNING}`,
    ),
  };
  return {
    listMembersNamed: (networkId, foldedName) => named.all(networkId, foldedName).map(toMember),
    findMemberAt(networkId: string, address: Address) {
      const row = at[address.family].get(networkId, formatAddress(address));
      return row === undefined ? undefined : toMember(row);
    },
  };
}
