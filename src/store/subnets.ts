/** The subnets of networks. Those that reserve their range never overlap: a trigger sees to it. */
import { VethdError } from '../errors.ts';
import {
  type Address,
  type Family,
  firstAddress,
  formatAddress,
  formatPrefix,
  lastAddress,
  parseAddress,
  parsePrefix,
} from '../model/address.ts';
import type { Subnet } from '../model/network.ts';
import type { Addresses } from './addresses.ts';
import type { StoreReader } from './contract.ts';
import { type Connection, isConstraint } from './database.ts';
import { addressFromText, addressToText, parseStrings } from './json.ts';
import { keyOf } from './keys.ts';

interface SubnetRow {
  readonly network_id: string;
  readonly family: Family;
  readonly prefix: string;
  readonly first: string;
  readonly last: string;
  readonly ip_range: string | null;
  readonly gateway: string | null;
  readonly aux: string;
  readonly automatic: number;
  readonly reserves: number;
}

/** What networks need of their subnets. */
export interface Subnets {
  readonly reads: Pick<StoreReader, 'listPools' | 'findPoolOverlapping'>;
  listOf(networkId: string): Subnet[];
  /**
   * Inserts the subnet and, when it `reserves` its range, makes its addresses free. Throws `forbidden` with
   * Docker's words when the range overlaps another.
   */
  insert(networkId: string, subnet: Subnet, reserves: boolean): void;
}

function auxToJson(aux: Readonly<Record<string, Address>>): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(aux).map(([name, address]) => [name, formatAddress(address)])),
  );
}

function auxFromJson(text: string): Record<string, Address> {
  return Object.fromEntries(
    Object.entries(parseStrings(text)).map(([name, address]) => [name, parseAddress(address)]),
  );
}

function toRow(networkId: string, subnet: Subnet, reserves: boolean): SubnetRow {
  const { prefix, ipRange, gateway, aux, automatic } = subnet;
  return {
    network_id: networkId,
    family: prefix.address.family,
    prefix: formatPrefix(prefix),
    first: keyOf(firstAddress(prefix)),
    last: keyOf(lastAddress(prefix)),
    ip_range: ipRange === undefined ? null : formatPrefix(ipRange),
    gateway: addressToText(gateway),
    aux: auxToJson(aux),
    automatic: Number(automatic),
    reserves: Number(reserves),
  };
}

function toSubnet(row: SubnetRow): Subnet {
  return {
    prefix: parsePrefix(row.prefix),
    ipRange: row.ip_range === null ? undefined : parsePrefix(row.ip_range),
    gateway: addressFromText(row.gateway),
    aux: auxFromJson(row.aux),
    automatic: row.automatic === 1,
  };
}

/** Prepares the statements of the subnets. */
export function prepareSubnets(database: Connection, addresses: Addresses): Subnets {
  const ofNetwork = database.prepare<[string], SubnetRow>(
    'SELECT * FROM subnets WHERE network_id = ? ORDER BY family',
  );
  const pools = database.prepare<[], { networkId: string; networkName: string; prefix: string }>(
    `SELECT network_id AS networkId, name AS networkName, prefix FROM subnets
     JOIN networks ON networks.id = network_id WHERE reserves = 1 ORDER BY ordinal, family`,
  );
  const insert = database.prepare<[SubnetRow]>(
    `INSERT INTO subnets VALUES (@network_id, @family, @prefix, @first, @last, @ip_range, @gateway, @aux,
     @automatic, @reserves)`,
  );
  // Reserved subnets are disjoint, so only the last one that begins at or before our end can overlap.
  const lastBegun = database.prepare<[Family, string], { networkName: string; prefix: string; last: string }>(
    `SELECT name AS networkName, prefix, last FROM subnets JOIN networks ON networks.id = network_id
     WHERE reserves = 1 AND family = ? AND first <= ? ORDER BY first DESC LIMIT 1`,
  );
  const overlapping = database.prepare<[string, Family, string, string], { one: number }>(
    `SELECT 1 AS one FROM subnets
     WHERE reserves = 1 AND network_id <> ? AND family = ? AND first <= ? AND last >= ? LIMIT 1`,
  );

  /** The constraint's refusal in Docker's words. */
  function explain(error: unknown, row: SubnetRow): unknown {
    if (!isConstraint(error)) return error;
    const found = overlapping.get(row.network_id, row.family, row.last, row.first);
    const message = "bridge driver doesn't support multiple subnets";
    if (found === undefined) return new VethdError('forbidden', message, { cause: error });
    return new VethdError(
      'forbidden',
      'invalid pool request: Pool overlaps with other one on this address space',
      { cause: error },
    );
  }

  return {
    reads: {
      findPoolOverlapping(prefix) {
        const row = lastBegun.get(prefix.address.family, keyOf(lastAddress(prefix)));
        if (row === undefined || row.last < keyOf(firstAddress(prefix))) return undefined;
        return { networkName: row.networkName, prefix: parsePrefix(row.prefix) };
      },
      listPools: () => pools.all().map((row) => ({ ...row, prefix: parsePrefix(row.prefix) })),
    },
    listOf: (networkId) => ofNetwork.all(networkId).map(toSubnet),
    insert(networkId, subnet, reserves) {
      const row = toRow(networkId, subnet, reserves);
      try {
        insert.run(row);
      } catch (error) {
        throw explain(error, row);
      }
      if (reserves) addresses.openSubnet(networkId, subnet);
    },
  };
}
