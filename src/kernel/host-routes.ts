/**
 * The host's on-link IPv4 routes, from /proc/net: read in the daemon's own thread. The kernel thread's answer took
 * 0.5 ms of each network's making, and before 6.9 or so a dump of routes waits for whoever changes the network.
 */
import { readFileSync } from 'node:fs';
import { addressFromBytes, type Prefix } from '../model/address.ts';
import type { OnLinkRoute } from './contract.ts';

/** linux/route.h: RTF_GATEWAY, RTF_REJECT. */
const ELSEWHERE = 0x2 | 0x200;

// The kernel prints 32-bit words in the machine's byte order, which openKernel checks to be little-endian.
function bytesOf(word: string): Buffer {
  return Buffer.from(word, 'hex').swap32();
}

function lengthOf(mask: Buffer): number {
  return Math.clz32(~mask.readUInt32BE(0));
}

/** Reads a table in the format of /proc/net/route (unicast routes of the main table); keeps those without a gateway. */
export function parseRouteTable(text: string): OnLinkRoute[] {
  const pattern = /^(\S+)\t([0-9A-F]{8})\t[0-9A-F]{8}\t([0-9A-F]+)\t\d+\t\d+\t\d+\t([0-9A-F]{8})\t/;
  return text.split('\n').flatMap((line) => {
    const [, ifname = '', word = '', flags = '', mask = ''] = pattern.exec(line) ?? [];
    if (ifname === '' || (Number.parseInt(flags, 16) & ELSEWHERE) !== 0) return [];
    const destination: Prefix = { address: addressFromBytes(bytesOf(word)), length: lengthOf(bytesOf(mask)) };
    return [{ destination, ifname }];
  });
}

/** The on-link IPv4 routes of the namespace of this process. */
export function hostOnLinkRoutes(): OnLinkRoute[] {
  return parseRouteTable(readFileSync('/proc/net/route', 'utf8'));
}
