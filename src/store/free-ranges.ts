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
  readonly #move: Statement<[string, string, Family, string]>;
  readonly #shorten: Statement<[string, string, Family, string]>;
  readonly #remove: Statement<[string, Family, string]>;

  constructor(database: Connection) {
    const select = 'SELECT first, last FROM free_ranges WHERE network_id = ? AND family = ?';
    this.#atOrBefore = database.prepare(`${select} AND first <= ? ORDER BY first DESC LIMIT 1`);
    this.#between = database.prepare(`${select} AND first BETWEEN ? AND ? ORDER BY first LIMIT 1`);
    this.#all = database.prepare(select);
    this.#insert = database.prepare(
      'INSERT INTO free_ranges (network_id, family, first, last) VALUES (?, ?, ?, ?)',
    );
    const update = (column: string) =>
      `UPDATE free_ranges SET ${column} = ? WHERE network_id = ? AND family = ? AND first = ?`;
    this.#move = database.prepare(update('first'));
    this.#shorten = database.prepare(update('last'));
    this.#remove = database.prepare(
      'DELETE FROM free_ranges WHERE network_id = ? AND family = ? AND first = ?',
    );
  }

  /** The free range that holds the address. */
  around(networkId: string, address: Address): AddressRange | undefined {
    const row = this.#atOrBefore.get(networkId, address.family, keyOf(address));
    return row !== undefined && row.last >= keyOf(address) ? toRange(address.family, row) : undefined;
  }

  /** The range that holds the lowest free address of the prefix. */
  #lowest(networkId: string, prefix: Prefix): AddressRange | undefined {
    const first = firstAddress(prefix);
    const around = this.around(networkId, first);
    if (around !== undefined) return around;
    const row = this.#between.get(networkId, first.family, keyOf(first), keyOf(lastAddress(prefix)));
    return row === undefined ? undefined : toRange(first.family, row);
  }

  /** Takes the lowest free address of the prefix out; undefined when none is free. */
  takeLowest(networkId: string, prefix: Prefix): Address | undefined {
    const range = this.#lowest(networkId, prefix);
    if (range === undefined) return undefined;
    const begin = firstAddress(prefix);
    const address = compareAddresses(range.first, begin) < 0 ? begin : range.first;
    this.#takeOf(networkId, range, address);
    return address;
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
    this.#takeOf(networkId, range, address);
    return true;
  }

  /** Takes an address out of its range: at an edge, as mostly, it is one statement. */
  #takeOf(networkId: string, { first, last }: AddressRange, address: Address): void {
    const { family } = address;
    const place = [networkId, family, keyOf(first)] as const;
    const isFirst = compareAddresses(address, first) === 0;
    if (isFirst && compareAddresses(address, last) === 0) this.#remove.run(...place);
    else if (isFirst) this.#move.run(keyOf(addressAt(address, 1n)), ...place);
    else {
      this.#shorten.run(keyOf(addressAt(address, -1n)), ...place);
      this.add(networkId, { first: addressAt(address, 1n), last });
    }
  }

  /** Makes the address free again, joining it with its neighbours. A free one is a programming error. */
  giveBack(networkId: string, address: Address): void {
    if (this.around(networkId, address) !== undefined) {
      throw new Error(`the address ${formatAddress(address)} is given back but is free already`);
    }
    const { family } = address;
    const before = this.around(networkId, addressAt(address, -1n));
    const after = this.around(networkId, addressAt(address, 1n));
    if (before === undefined && after === undefined) this.add(networkId, { first: address, last: address });
    else if (before === undefined && after !== undefined) {
      this.#move.run(keyOf(address), networkId, family, keyOf(after.first));
    } else if (before !== undefined) {
      if (after !== undefined) this.#remove.run(networkId, family, keyOf(after.first));
      this.#shorten.run(keyOf(after?.last ?? address), networkId, family, keyOf(before.first));
    }
  }

  /** How many addresses are free. O(ranges). */
  countFree(networkId: string, family: Family): bigint {
    return this.#all
      .all(networkId, family)
      .map((row) => toRange(family, row))
      .reduce((sum, { first, last }) => sum + last.value - first.value + 1n, 0n);
  }
}
