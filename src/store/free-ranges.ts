/**
 * What may still be given out of a subnet, as disjoint ranges in an index: to take the lowest address, to
 * take a certain one and to give one back touch a range or two whatever the subnet's size.
 */
import type { Statement } from 'better-sqlite3';
import {
  type Address,
  addressAt,
  compareAddresses,
  type Family,
  firstAddress,
  formatAddress,
  lastAddress,
  type Prefix,
} from '../model/address.ts';
import type { Connection } from './database.ts';
import { addressOfKey, keyOf } from './keys.ts';

interface RangeRow {
  readonly first: string;
  readonly last: string;
}

/** Addresses from `first` to `last`, both included. */
export interface AddressRange {
  readonly first: Address;
  readonly last: Address;
}

function toRange(family: Family, row: RangeRow): AddressRange {
  return { first: addressOfKey(family, row.first), last: addressOfKey(family, row.last) };
}

/** The table of free ranges. Every call is O(log n) in the number of ranges but `countFree`. */
export class FreeRanges {
  readonly #atOrBefore: Statement<[string, Family, string], RangeRow>;
  readonly #between: Statement<[string, Family, string, string], RangeRow>;
  readonly #all: Statement<[string, Family], RangeRow>;
  readonly #insert: Statement<[string, Family, string, string]>;
  readonly #remove: Statement<[string, Family, string]>;

  constructor(database: Connection) {
    const select = 'SELECT first, last FROM free_ranges WHERE network_id = ? AND family = ?';
    this.#atOrBefore = database.prepare(`${select} AND first <= ? ORDER BY first DESC LIMIT 1`);
    this.#between = database.prepare(`${select} AND first BETWEEN ? AND ? ORDER BY first LIMIT 1`);
    this.#all = database.prepare(select);
    this.#insert = database.prepare(
      'INSERT INTO free_ranges (network_id, family, first, last) VALUES (?, ?, ?, ?)',
    );
    this.#remove = database.prepare(
      'DELETE FROM free_ranges WHERE network_id = ? AND family = ? AND first = ?',
    );
  }

  /** The free range that holds the address. */
  around(networkId: string, address: Address): AddressRange | undefined {
    const row = this.#atOrBefore.get(networkId, address.family, keyOf(address));
    return row !== undefined && row.last >= keyOf(address) ? toRange(address.family, row) : undefined;
  }

  /** The lowest free address of the prefix. */
  lowest(networkId: string, prefix: Prefix): Address | undefined {
    const first = firstAddress(prefix);
    if (this.around(networkId, first) !== undefined) return first;
    const row = this.#between.get(networkId, first.family, keyOf(first), keyOf(lastAddress(prefix)));
    return row === undefined ? undefined : addressOfKey(first.family, row.first);
  }

  /** Makes the range free. It must not touch another one; one that ends before it begins is nothing. */
  add(networkId: string, { first, last }: AddressRange): void {
    if (compareAddresses(first, last) > 0) return;
    this.#insert.run(networkId, first.family, keyOf(first), keyOf(last));
  }

  /** Takes the address out; false when it was not free. */
  take(networkId: string, address: Address): boolean {
    const range = this.around(networkId, address);
    if (range === undefined) return false;
    this.#remove.run(networkId, address.family, keyOf(range.first));
    this.add(networkId, { first: range.first, last: addressAt(address, -1n) });
    this.add(networkId, { first: addressAt(address, 1n), last: range.last });
    return true;
  }

  /** Makes the address free again, joining it with its neighbours. A free one is a programming error. */
  giveBack(networkId: string, address: Address): void {
    if (this.around(networkId, address) !== undefined) {
      throw new Error(`the address ${formatAddress(address)} is given back but is free already`);
    }
    const before = this.around(networkId, addressAt(address, -1n));
    const after = this.around(networkId, addressAt(address, 1n));
    for (const neighbour of [before, after]) {
      if (neighbour !== undefined) this.#remove.run(networkId, address.family, keyOf(neighbour.first));
    }
    this.add(networkId, { first: before?.first ?? address, last: after?.last ?? address });
  }

  /** How many addresses are free. O(ranges). */
  countFree(networkId: string, family: Family): bigint {
    return this.#all
      .all(networkId, family)
      .map((row) => toRange(family, row))
      .reduce((sum, { first, last }) => sum + last.value - first.value + 1n, 0n);
  }
}
