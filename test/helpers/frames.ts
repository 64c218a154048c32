/** Frames made byte by byte, for packet sockets: what no honest stack would send. */
import { addressToBytes, macToBytes, parseAddress } from '../../src/model/address.ts';

/** linux/if_ether.h. */
export const IPV4 = 0x0800;
export const ARP = 0x0806;
export const IPV6 = 0x86dd;
export const VLAN = 0x8100;
/** netinet/in.h. */
export const UDP = 17;
export const ICMPV6 = 58;
export const SCTP = 132;

/** 16-bit numbers in network order. */
export function be16(...values: number[]): Buffer {
  return Buffer.concat(values.map((value) => Buffer.from([value >> 8, value & 255])));
}

/** An Ethernet frame. */
export function ethernet(from: string, to: string, type: number, ...payload: Uint8Array[]): Buffer {
  return Buffer.concat([macToBytes(to), macToBytes(from), be16(type), ...payload]);
}

const bytesOf = (address: string) => addressToBytes(parseAddress(address));

/** A UDP datagram. Its checksum is left 0: a bridge does not look, and a packet socket hears it all the same. */
export function udp(sourcePort: number, destinationPort: number, data: string): Buffer {
  return Buffer.concat([be16(sourcePort, destinationPort, 8 + data.length, 0), Buffer.from(data, 'latin1')]);
}

function ipv4Checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** An IPv4 packet, of UDP unless told otherwise. */
export function ipv4(from: string, to: string, payload: Buffer, protocol = UDP): Buffer {
  const header = Buffer.concat([
    be16(0x4500, 20 + payload.length, 0, 0),
    Buffer.from([64, protocol, 0, 0]),
    bytesOf(from),
    bytesOf(to),
  ]);
  header.writeUInt16BE(ipv4Checksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** An IPv6 packet with hop limit 255. */
export function ipv6(from: string, to: string, next: number, payload: Buffer): Buffer {
  const start = Buffer.concat([Buffer.from([0x60, 0, 0, 0]), be16(payload.length), Buffer.from([next, 255])]);
  return Buffer.concat([start, bytesOf(from), bytesOf(to), payload]);
}

/** linux/in6.h: headers that may stand between that of IPv6 and what it carries. */
export const HOP_BY_HOP = 0;
export const FRAGMENT = 44;
export const DESTINATION_OPTIONS = 60;

/** An options header of eight bytes, all of them padding, before `payload` (RFC 8200 §4.2). */
export function options(next: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([next, 0, 1, 4, 0, 0, 0, 0]), payload]);
}

/** A fragment of what is `next` that begins at `offset`, a multiple of 8, and is not the last (RFC 8200 §4.5). */
export function fragment(next: number, offset: number, payload: Buffer, id = 7): Buffer {
  return Buffer.concat([Buffer.from([next, 0]), be16(offset | 1, 0, id), payload]);
}

/** An ICMPv6 message of that type with the address at the place of a target (RFC 4861 §4.3, §4.4). */
export function discovery(type: number, target: string, mark: string): Buffer {
  return Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), bytesOf(target), Buffer.from(mark)]);
}

/** RFC 1071, over the pseudo-header of RFC 8200 §8.1. */
function ipv6Checksum(from: string, to: string, next: number, payload: Buffer): number {
  const pseudo = Buffer.concat([bytesOf(from), bytesOf(to), be16(0, payload.length, 0, next)]);
  return ipv4Checksum(Buffer.concat([pseudo, payload]));
}

/** A router advertisement without options, good for half an hour (RFC 4861 §4.2). */
export function routerAdvertisement(from: string, to: string): Buffer {
  const message = Buffer.concat([Buffer.from([134, 0, 0, 0, 64, 0]), be16(1_800, 0, 0, 0, 0)]);
  message.writeUInt16BE(ipv6Checksum(from, to, ICMPV6, message), 2);
  return message;
}

/** An ARP message over Ethernet and IPv4. */
export function arp(
  operation: number,
  mac: string,
  sender: string,
  targetMac: string,
  target: string,
  mark: string,
): Buffer {
  const head = Buffer.concat([be16(1, IPV4, 0x0604, operation), macToBytes(mac), bytesOf(sender)]);
  return Buffer.concat([head, macToBytes(targetMac), bytesOf(target), Buffer.from(mark)]);
}

/** CRC-32C, as SCTP's checksum (RFC 9260 appendix A). */
function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** An SCTP packet with an INIT chunk (RFC 9260 §3.3.2): the first of an association. */
export function sctpInit(sourcePort: number, destinationPort: number, tag: number): Buffer {
  const chunk = Buffer.alloc(20);
  chunk.writeUInt8(1, 0);
  chunk.writeUInt16BE(20, 2);
  chunk.writeUInt32BE(tag, 4);
  chunk.writeUInt32BE(65_536, 8);
  chunk.writeUInt16BE(1, 12);
  chunk.writeUInt16BE(1, 14);
  chunk.writeUInt32BE(tag, 16);
  const packet = Buffer.concat([be16(sourcePort, destinationPort), Buffer.alloc(8), chunk]);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}
