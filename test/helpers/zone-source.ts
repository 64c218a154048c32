/** A ZoneSource of literal data for the tests of this room; it may be changed between two questions. */

import type { ZoneMember, ZoneSource } from '../../src/dns/zone.ts';
import { formatAddress, parseAddress } from '../../src/model/address.ts';
import { foldName } from '../../src/model/dns-names.ts';

/** An endpoint: container and network by name, the names by which it is known. */
export interface FakeMember {
  readonly network: string;
  readonly container: string;
  readonly names: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
}

/** Networks by name (their id is their name); they are asked in the order given here. */
export type FakeNetworks = Readonly<Record<string, { readonly names: boolean; readonly internal: boolean }>>;

function toMember(member: FakeMember): ZoneMember {
  return {
    containerId: member.container,
    containerName: member.container,
    ipv4: member.ipv4 === undefined ? undefined : parseAddress(member.ipv4),
    ipv6: member.ipv6 === undefined ? undefined : parseAddress(member.ipv6),
  };
}

/** A source that reads `members` at each question. */
export function fakeSource(networks: FakeNetworks, members: readonly FakeMember[]): ZoneSource {
  const on = (network: string) => members.filter((member) => member.network === network);
  return {
    networksOf: (containerId) =>
      Object.entries(networks)
        .filter(([name]) => on(name).some((member) => member.container === containerId))
        .map(([name, flags]) => ({ id: name, name, ...flags })),
    membersNamed: (networkId, foldedName) =>
      on(networkId)
        .filter((member) => member.names.some((name) => foldName(name) === foldedName))
        .map(toMember),
    memberAt: (networkId, address) => {
      const text = formatAddress(address);
      const found = on(networkId).find((member) => member.ipv4 === text || member.ipv6 === text);
      return found === undefined ? undefined : toMember(found);
    },
  };
}
