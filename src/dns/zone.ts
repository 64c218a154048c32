/**
 * What one container may know by name: pure questions to a `ZoneSource`, which reads committed state. Nothing
 * is kept between two questions, so an answer is never older than the store, and a question costs a few index
 * reads however many endpoints there are.
 */
import type { Address, Family } from '../model/address.ts';
import { foldName } from '../model/dns-names.ts';

/** A network that the asking container is on. */
export interface ZoneNetwork {
  readonly id: string;
  readonly name: string;
  /** Whether its members have names: user-defined networks, and the default bridge with `vethd.dns`. */
  readonly names: boolean;
  readonly internal: boolean;
}

/** A running member of a network. */
export interface ZoneMember {
  readonly containerId: string;
  readonly containerName: string;
  readonly ipv4: Address | undefined;
  readonly ipv6: Address | undefined;
}

/** Reads of committed state that the names need. Each is to be a read by index: the cost of its answer. */
export interface ZoneSource {
  /**
   * The networks of the container, in the order in which Docker asks them: as its default route is chosen
   * (GwPriority, not internal first, more gateways first, name). None for a container that does not run.
   */
  networksOf(containerId: string): readonly ZoneNetwork[];
  /**
   * The members of the network, running ones alone, one of whose `dnsNamesOf` folds (`foldName`) to
   * `foldedName`; in the order of connecting.
   */
  membersNamed(networkId: string, foldedName: string): readonly ZoneMember[];
  /** The running member of the network that has the address. */
  memberAt(networkId: string, address: Address): ZoneMember | undefined;
}

/** The names as one container sees them now; to be made anew for each question. */
export interface Zone {
  /** Whether questions about other names may leave the host: some network of the container is not internal. */
  readonly forwards: boolean;
  /**
   * The addresses of a name in a family; empty when it is known but has none, undefined when it is not known.
   * `name` is in any case, a trailing dot is allowed.
   */
  resolve(name: string, family: Family): readonly Address[] | undefined;
  /** `container.network` of a member's address; undefined when no network of the asker has it. */
  reverse(address: Address): string | undefined;
}

/**
 * The addresses of a name asked in these networks in turn. The first that knows it decides which containers
 * are meant (as Docker does, so that one network's `db` hides another's); a family which they lack there is
 * taken from the next network that shares them.
 */
function resolveIn(
  source: ZoneSource,
  networks: readonly ZoneNetwork[],
  name: string,
  family: Family,
): readonly Address[] | undefined {
  let meant: ReadonlySet<string> | undefined;
  for (const network of networks) {
    const members = source.membersNamed(network.id, name);
    if (members.length === 0) continue;
    const known = meant ?? new Set(members.map((member) => member.containerId));
    meant = known;
    const addresses = members
      .filter((member) => known.has(member.containerId))
      .map((member) => member[family])
      .filter((address) => address !== undefined);
    if (addresses.length > 0) return addresses;
  }
  return meant === undefined ? undefined : [];
}

/**
 * `NAME.NETWORK` read backwards: the networks whose name ends this one, with what is before it. A short
 * network name first: of `a.b.c`, `a.b` in `c` goes before `a` in `b.c` (moby: daemon/libnetwork/sandbox.go
 * ResolveName, behaviour kept).
 */
function qualified(networks: readonly ZoneNetwork[], name: string): { network: ZoneNetwork; rest: string }[] {
  return networks
    .filter((network) => name.endsWith(`.${foldName(network.name)}`))
    .map((network) => ({ network, rest: name.slice(0, -network.name.length - 1) }))
    .filter(({ rest }) => rest !== '')
    .sort((a, b) => a.network.name.length - b.network.name.length);
}

/** The zone of a container. */
export function zoneOf(source: ZoneSource, containerId: string): Zone {
  const all = source.networksOf(containerId);
  const networks = all.filter((network) => network.names);
  return {
    forwards: all.some((network) => !network.internal),
    resolve: (asked, family) => {
      const name = foldName(asked.endsWith('.') ? asked.slice(0, -1) : asked);
      if (name === '') return undefined;
      const plain = resolveIn(source, networks, name, family);
      if (plain !== undefined) return plain;
      for (const { network, rest } of qualified(networks, name)) {
        const found = resolveIn(source, [network], rest, family);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    reverse: (address) => {
      for (const network of networks) {
        const member = source.memberAt(network.id, address);
        if (member !== undefined) return `${member.containerName}.${network.name}`;
      }
      return undefined;
    },
  };
}
