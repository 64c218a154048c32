/**
 * Datagrams recorded from iproute2 6.1 on Linux 6.18 (`strace -e read=3 -e write=3`), those of netfilter from a socket
 * that listed UDP flows or heard what `nft` made, as hex under test/golden/netlink. Sequence is 7 and port 0 throughout, in place of what changes with every run.
 */
import { readFileSync } from 'node:fs';

/** The datagram of test/golden/netlink/`name`.hex. */
export function recording(name: string): Buffer {
  const file = new URL(`../golden/netlink/${name}.hex`, import.meta.url);
  return Buffer.from(readFileSync(file, 'utf8').replaceAll(/\s/g, ''), 'hex');
}

/** Bytes written as hex, spaces where they help the reader. */
export function hex(...parts: readonly string[]): Buffer {
  return Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
}
