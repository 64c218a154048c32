/** The address families by the kernel's numbers. */
import type { Family } from '../../model/address.ts';

/** linux/socket.h: any family. */
export const AF_UNSPEC = 0;
/** linux/socket.h: entries of bridges' forwarding tables. */
export const AF_BRIDGE = 7;

const NUMBERS: Record<Family, number> = { ipv4: 2, ipv6: 10 };

/** linux/socket.h: AF_INET, AF_INET6. */
export function familyNumber(family: Family): number {
  return NUMBERS[family];
}
