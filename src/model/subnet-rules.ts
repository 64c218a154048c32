/** The rules for the subnets in a client's wish for a network. Every fault is told, one line each, in Docker's words. */
import { VethdError } from '../errors.ts';
import {
  type Address,
  containsAddress,
  type Family,
  formatPrefix,
  networkOf,
  overlaps,
  type Prefix,
  parsePrefix,
  samePrefix,
  tryParseAddress,
  tryParsePrefix,
} from './address.ts';
import type { IpamConfigSpec } from './network.ts';

/** A wish for a subnet that passed the rules. */
export interface SubnetWish {
  readonly family: Family;
  /** undefined: vethd chooses one. */
  readonly prefix: Prefix | undefined;
  /** Length of the one that vethd chooses (`0.0.0.0/N`); undefined: as the pool says. */
  readonly length: number | undefined;
  readonly ipRange: Prefix | undefined;
  readonly gateway: Address | undefined;
  readonly aux: Readonly<Record<string, Address>>;
}

type Faults = string[];

const MAX_ENTRIES = 16;

/** What no network of ours can use, with the reason. 0.0.0.0/N and ::/N mean "choose one" and come before. */
const UNUSABLE: readonly { readonly prefix: Prefix; readonly reason: string }[] = Object.freeze(
  (
    [
      ['0.0.0.0/8', '"this network" (RFC 791)'],
      ['127.0.0.0/8', 'the loopback network'],
      ['169.254.0.0/16', 'for link-local addresses'],
      ['224.0.0.0/4', 'for multicast'],
      ['240.0.0.0/4', 'reserved'],
      ['::/127', 'the unspecified and the loopback address'],
      ['::ffff:0:0/96', 'for IPv4 addresses in IPv6 text'],
      ['fe80::/10', 'for link-local addresses'],
      ['ff00::/8', 'for multicast'],
    ] as const
  ).map(([prefix, reason]) => ({ prefix: parsePrefix(prefix), reason })),
);

const FAMILY_WORD: Record<Family, string> = { ipv4: 'IPv4', ipv6: 'IPv6' };

function checkSubnet(subnet: Prefix, faults: Faults): void {
  const network = networkOf(subnet);
  if (!samePrefix(subnet, network)) {
    faults.push(`invalid subnet ${formatPrefix(subnet)}: it should be ${formatPrefix(network)}`);
  }
  const unusable = UNUSABLE.find(({ prefix }) => overlaps(prefix, subnet));
  if (unusable !== undefined) {
    const { prefix, reason } = unusable;
    faults.push(`invalid subnet ${formatPrefix(subnet)}: ${formatPrefix(prefix)} is ${reason}`);
  }
}

function checkRange(text: string, subnet: Prefix, faults: Faults): Prefix | undefined {
  if (text === '') return undefined;
  const range = tryParsePrefix(text);
  const fault = (reason: string): void => {
    faults.push(`invalid ip-range ${text}: ${reason}`);
  };
  const parent = `parent subnet ${formatPrefix(subnet)}`;
  if (range === undefined) {
    fault('invalid CIDR block notation');
  } else if (range.address.family !== subnet.address.family) {
    fault(`parent subnet is an ${FAMILY_WORD[subnet.address.family]} block`);
  } else {
    if (range.length < subnet.length) fault(`CIDR block is bigger than its ${parent}`);
    const network = networkOf(range);
    if (!samePrefix(range, network)) fault(`it should be ${formatPrefix(network)}`);
    if (!overlaps(subnet, range)) fault(`${parent} doesn't contain ip-range`);
  }
  return range;
}

function checkAddress(text: string, what: string, subnet: Prefix, faults: Faults): Address | undefined {
  const address = tryParseAddress(text);
  const { family } = subnet.address;
  if (address === undefined) {
    faults.push(`invalid ${what}: invalid address`);
  } else if (address.family !== family) {
    faults.push(`invalid ${what}: parent subnet is an ${FAMILY_WORD[family]} block`);
  } else if (!containsAddress(subnet, address)) {
    faults.push(`invalid ${what}: parent subnet ${formatPrefix(subnet)} doesn't contain this address`);
  }
  return address;
}

function checkAux(aux: IpamConfigSpec['aux'], subnet: Prefix, faults: Faults): Record<string, Address> {
  return Object.fromEntries(
    Object.entries(aux).flatMap(([name, text]) => {
      const address = checkAddress(text, `auxiliary address ${name}`, subnet, faults);
      return address === undefined ? [] : [[name, address]];
    }),
  );
}

function parseEntry(spec: IpamConfigSpec, subnet: Prefix, faults: Faults): SubnetWish {
  const automatic = subnet.address.value === 0n;
  if (!automatic) checkSubnet(subnet, faults);
  return {
    family: subnet.address.family,
    prefix: automatic ? undefined : subnet,
    length: automatic ? subnet.length : undefined,
    ipRange: checkRange(spec.ipRange, subnet, faults),
    gateway:
      spec.gateway === '' ? undefined : checkAddress(spec.gateway, `gateway ${spec.gateway}`, subnet, faults),
    aux: checkAux(spec.aux, subnet, faults),
  };
}

function parseEntries(specs: readonly IpamConfigSpec[], enabled: ReadonlySet<Family>): SubnetWish[] {
  const faults: Faults = specs.length > MAX_ENTRIES ? [`more than ${MAX_ENTRIES} subnets`] : [];
  const wishes = specs.slice(0, MAX_ENTRIES).flatMap((spec) => {
    const subnet = tryParsePrefix(spec.subnet);
    if (subnet === undefined) {
      faults.push(`invalid subnet ${spec.subnet}: invalid CIDR block notation`);
      return [];
    }
    return enabled.has(subnet.address.family) ? [parseEntry(spec, subnet, faults)] : [];
  });
  if (faults.length > 0) {
    throw new VethdError('invalidArgument', `invalid network config:\n${faults.join('\n')}`);
  }
  return wishes;
}

/**
 * Parses the subnets of the `enabled` families, IPv4 first; entries of the others are left out, as Docker
 * does. Throws invalidArgument with every fault, `forbidden` for two subnets of one family.
 */
export function parseSubnets(specs: readonly IpamConfigSpec[], enabled: ReadonlySet<Family>): SubnetWish[] {
  const wishes = parseEntries(specs, enabled);
  const ordered = (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const own = wishes.filter((wish) => wish.family === family);
    if (own.length > 1) {
      throw new VethdError('forbidden', "bridge driver doesn't support multiple subnets");
    }
    return own;
  });
  return ordered;
}

/** The wishes with one for every enabled family: where the client gave no subnet, vethd chooses. */
export function completeSubnets(
  wishes: readonly SubnetWish[],
  enabled: ReadonlySet<Family>,
): readonly SubnetWish[] {
  return (['ipv4', 'ipv6'] as const)
    .filter((family) => enabled.has(family))
    .map(
      (family) =>
        wishes.find((wish) => wish.family === family) ?? {
          family,
          prefix: undefined,
          length: undefined,
          ipRange: undefined,
          gateway: undefined,
          aux: {},
        },
    );
}
