/**
 * Addresses as SQLite can order them: hexadecimal digits of fixed width, 8 for IPv4 and 32 for IPv6. Chosen
 * over blobs because a person can read them.
 */
import { type Address, bitsOf, type Family } from '../model/address.ts';

/** The key of an address. */
export function keyOf(address: Address): string {
  return address.value.toString(16).padStart(bitsOf(address.family) / 4, '0');
}

/** The address of a key. */
export function addressOfKey(family: Family, key: string): Address {
  return { family, value: BigInt(`0x${key}`) };
}
