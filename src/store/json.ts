/**
 * Addresses and maps as columns. Only this room writes them, under its own schema, so what is read back is
 * taken to have the shape that was written.
 */
import { type Address, formatAddress, parseAddress } from '../model/address.ts';

/** A map of strings from its JSON text. */
export function parseStrings(text: string): Record<string, string> {
  const strings: Record<string, string> = JSON.parse(text);
  return strings;
}

/** Canonical text of an address; null for none. */
export function addressToText(address: Address | undefined): string | null {
  return address === undefined ? null : formatAddress(address);
}

/** The address of `addressToText`. */
export function addressFromText(text: string | null): Address | undefined {
  return text === null ? undefined : parseAddress(text);
}
