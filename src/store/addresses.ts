/** Addresses of subnets: what is reserved from the start, taking for an endpoint, giving back. */
import { VethdError } from '../errors.ts';
import {
  type Address,
  bitsOf,
  type Family,
  firstAddress,
  formatAddress,
  lastAddress,
  type Prefix,
  parsePrefix,
  sizeOf,
} from '../model/address.ts';
import type { Subnet } from '../model/network.ts';
import type { StoreReader, StoreWriter } from './contract.ts';
import type { Connection } from './database.ts';
import { FreeRanges } from './free-ranges.ts';

/** What the store and the other nouns need of the addresses. */
export interface Addresses {
  readonly reads: Pick<StoreReader, 'countTaken'>;
  readonly writes: Pick<StoreWriter, 'takeAddress'>;
  /**
   * Makes the whole subnet free but for its edges, gateway and auxiliary addresses. Throws `forbidden` with
   * Docker's words when two of those are the same.
   */
  openSubnet(networkId: string, subnet: Subnet): void;
  /** Frees a taken address. A free one is a programming error. */
  giveBack(networkId: string, address: Address): void;
  /** Whether the address can be taken. */
  isFree(networkId: string, address: Address): boolean;
}

/** Network and broadcast address where there are such (RFC 3021 for /31); IPv6: the anycast address alone. */
function edgesOf(prefix: Prefix): Address[] {
  if (prefix.address.family === 'ipv6') return [firstAddress(prefix)];
  return prefix.length >= bitsOf('ipv4') - 1 ? [] : [firstAddress(prefix), lastAddress(prefix)];
}

function takeWish(ranges: FreeRanges, networkId: string, wish: Address): Address {
  if (!ranges.take(networkId, wish)) throw new VethdError('forbidden', 'Address already in use');
  return wish;
}

function openSubnet(ranges: FreeRanges, networkId: string, subnet: Subnet): void {
  const reserve = (address: Address, what: string): void => {
    if (ranges.take(networkId, address)) return;
    throw new VethdError(
      'forbidden',
      `failed to allocate ${what} (${formatAddress(address)}): Address already in use`,
    );
  };
  ranges.add(networkId, { first: firstAddress(subnet.prefix), last: lastAddress(subnet.prefix) });
  for (const edge of edgesOf(subnet.prefix)) reserve(edge, 'network address');
  if (subnet.gateway !== undefined) reserve(subnet.gateway, 'gateway');
  for (const [name, address] of Object.entries(subnet.aux)) reserve(address, `secondary ip address ${name}`);
}

/** Prepares the statements of the addresses. */
export function prepareAddresses(database: Connection): Addresses {
  const ranges = new FreeRanges(database);
  const prefixOf = database.prepare<[string, Family], { prefix: string }>(
    'SELECT prefix FROM subnets WHERE network_id = ? AND family = ? AND reserves = 1',
  );
  return {
    reads: {
      countTaken(networkId, family) {
        const row = prefixOf.get(networkId, family);
        if (row === undefined) return 0n;
        return sizeOf(parsePrefix(row.prefix)) - ranges.countFree(networkId, family);
      },
    },
    writes: {
      takeAddress: (networkId, subnet, wish) =>
        wish === undefined
          ? ranges.takeLowest(networkId, subnet.ipRange ?? subnet.prefix)
          : takeWish(ranges, networkId, wish),
    },
    openSubnet: (networkId, subnet) => openSubnet(ranges, networkId, subnet),
    giveBack: (networkId, address) => ranges.giveBack(networkId, address),
    isFree: (networkId, address) => ranges.around(networkId, address) !== undefined,
  };
}
