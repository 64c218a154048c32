/**
 * Choosing what the client left open: gateway, MAC address, interface name. Pure: what is taken comes as an
 * argument. Addresses of endpoints are chosen by the store, which alone knows the free ones.
 */
import { VethdError } from '../errors.ts';
import {
  type Address,
  addressAt,
  addressToBytes,
  bitsOf,
  containsAddress,
  firstAddress,
  lastAddress,
  macFromBytes,
  type Prefix,
  sameAddress,
} from '../model/address.ts';

/** Network and broadcast address; none in /31 and /32 (RFC 3021). IPv6 has the anycast address alone. */
function isReserved(subnet: Prefix, address: Address): boolean {
  const { family } = address;
  if (family === 'ipv4' && subnet.length >= bitsOf(family) - 1) return false;
  if (sameAddress(address, firstAddress(subnet))) return true;
  return family === 'ipv4' && sameAddress(address, lastAddress(subnet));
}

/**
 * The gateway that Docker would choose: the lowest address of `ipRange`, else of the subnet, that is neither
 * reserved nor one of `aux`. undefined when there is none.
 */
export function chooseGateway(
  subnet: Prefix,
  ipRange: Prefix | undefined,
  aux: readonly Address[],
): Address | undefined {
  const within = ipRange ?? subnet;
  let address = firstAddress(within);
  while (isReserved(subnet, address) || aux.some((taken) => sameAddress(taken, address))) {
    address = addressAt(address, 1n);
  }
  return containsAddress(within, address) ? address : undefined;
}

/**
 * The MAC of an endpoint: `02:42:` and the IPv4 address, so that an address that is used again has the same
 * MAC and no ARP cache goes stale; without IPv4, `02:` and five bytes of the endpoint's id (64 hex digits).
 */
export function macOf(ipv4: Address | undefined, endpointId: string): string {
  const tail = ipv4 === undefined ? undefined : macFromBytes(addressToBytes(ipv4));
  // The first seven digits are in the name of the veth: take others, for no reason but to tell them apart.
  const digits = endpointId.slice(-10).match(/../g) ?? [];
  return tail === undefined ? `02:${digits.join(':')}` : `02:42:${tail}`;
}

/** `prefix` with the lowest number that is not taken. Throws `conflict` when no name fits 15 bytes any more. */
export function chooseIfname(prefix: string, taken: ReadonlySet<string>): string {
  for (let number = 0; ; number++) {
    const ifname = `${prefix}${number}`;
    if (ifname.length > 15) {
      throw new VethdError('conflict', `no interface name ${prefix}N of 15 characters is left`);
    }
    if (!taken.has(ifname)) return ifname;
  }
}
