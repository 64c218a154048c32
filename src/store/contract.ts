/**
 * What the store keeps and how it is changed. Reading is synchronous and always sees committed state (or, in
 * a change, what that change did so far). Writing goes through `write`, which joins the changes that wait at
 * the same moment into one SQLite transaction, with a savepoint each if there are several, so that they share one
 * fsync.
 */
import type { Address, Family, Prefix } from '../model/address.ts';
import type { Container, NetnsIdentity } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { StoredEvent } from '../model/event.ts';
import type { Network, Subnet } from '../model/network.ts';

/** What a term from a path or body matched; see "Finding a network" of Docker's API. */
export interface Matches<Noun> {
  /** The one match; undefined when there is none or more than one. */
  readonly match: Noun | undefined;
  readonly count: number;
  /** By what the term matched. */
  readonly by: 'id' | 'name' | 'prefix' | 'none';
}

/** A running member of a network, as its name or address leads to it. */
export interface NamedMember {
  readonly containerId: string;
  readonly containerName: string;
  readonly ipv4: Address | undefined;
  readonly ipv6: Address | undefined;
}

/** Reads. Lists come in the order of creation. */
export interface StoreReader {
  /** Random, made with the database; ids of containers that nobody adopted derive from it. */
  readonly daemonId: string;
  getNetwork(id: string): Network | undefined;
  /** An id equal to the term, else a name equal to it, else an id beginning with it. */
  matchNetwork(term: string): Matches<Network>;
  listNetworks(): readonly Network[];
  getContainer(id: string): Container | undefined;
  /** Full id, then name (with or without a leading slash), then unique id prefix. */
  matchContainer(term: string): Matches<Container>;
  listContainers(): readonly Container[];
  /** Those whose namespace was last seen to be this one. By index. */
  listContainersIn(identity: NetnsIdentity): Container[];
  /** Those whose namespace is at /run/netns/`netnsName`. By index. */
  listContainersAt(netnsName: string): Container[];
  /** Those that live in that container's namespace (network mode `container:X`). By index. */
  listContainersSharing(containerId: string): Container[];
  getEndpoint(id: string): Endpoint | undefined;
  findEndpoint(networkId: string, containerId: string): Endpoint | undefined;
  findEndpointByVeth(veth: string): Endpoint | undefined;
  /** By index. */
  findEndpointByMac(networkId: string, mac: string): Endpoint | undefined;
  listEndpoints(): readonly Endpoint[];
  listEndpointsOfNetwork(networkId: string): readonly Endpoint[];
  listEndpointsOfContainer(containerId: string): readonly Endpoint[];
  countEndpointsOfNetwork(networkId: string): number;
  /**
   * Whether a container that is started is on a bridge network that leads out of the host in that family, by another
   * endpoint than `besides`.
   */
  hasForwardedMember(family: Family, besides?: string): boolean;
  /** The running members one of whose `dnsNamesOf` folds to the name, in the order of connecting. By index. */
  listMembersNamed(networkId: string, foldedName: string): NamedMember[];
  /** The running member that has the address. By index. */
  findMemberAt(networkId: string, address: Address): NamedMember | undefined;
  /** By index. */
  findNetworkNamed(name: string): Network | undefined;
  /** The network, not a config-only one, whose bridge has that name, given or by default. By index. */
  findNetworkByBridge(ifname: string): Network | undefined;
  /** A subnet of a network, config-only ones left out, that has addresses in common with the prefix. By index. */
  findPoolOverlapping(prefix: Prefix): { readonly networkName: string; readonly prefix: Prefix } | undefined;
  /** Every subnet of every network, config-only ones left out. */
  listPools(): { readonly networkId: string; readonly networkName: string; readonly prefix: Prefix }[];
  /** Addresses of the subnet that are taken, the reserved ones included. O(ranges), not O(addresses). */
  countTaken(networkId: string, family: Family): bigint;
  /** A value that `setSetting` kept; undefined when there is none. */
  getSetting(key: string): string | undefined;
  /** Events after `sequence`, oldest first; the newest 4,096 are kept. */
  listEvents(afterSequence: number): StoredEvent[];
}

/** Reads and changes inside `write`. Throws VethdError `conflict` or `forbidden` where a constraint says no. */
export interface StoreWriter extends StoreReader {
  /** Inserts the network with its subnets, free ranges and reserved addresses. */
  insertNetwork(network: Network): void;
  updateNetwork(network: Pick<Network, 'id' | 'labels' | 'options'>): void;
  /** Removes the network, its pools and its endpoints. */
  removeNetwork(id: string): void;
  insertContainer(container: Container): void;
  /** Replaces every column but id and created. */
  updateContainer(container: Container): void;
  /** Removes the container and its endpoints; their addresses are free. */
  removeContainer(id: string): void;
  /**
   * Takes an address of the subnet: `wish` if given (forbidden `Address already in use` when taken or
   * reserved), else the lowest free one of ipRange or subnet. undefined when none is left. O(log n).
   */
  takeAddress(networkId: string, subnet: Subnet, wish: Address | undefined): Address | undefined;
  /** The number of the next endpoint. */
  nextOrdinal(): number;
  /** Inserts the endpoint; its addresses must have been taken in this change. */
  insertEndpoint(endpoint: Endpoint): void;
  /** Replaces everything but id, networkId, containerId, ordinal, veth and the addresses. */
  updateEndpoint(endpoint: Endpoint): void;
  /** Removes the endpoint and frees its addresses. */
  removeEndpoint(id: string): void;
  /** Keeps a value under a key of ours; undefined forgets it. */
  setSetting(key: string, value: string | undefined): void;
  /** Appends an event; the sequence is set by the store and returned in the event. */
  appendEvent(event: Omit<StoredEvent, 'sequence'>): StoredEvent;
  /** Takes back an event of a change that the kernel refused. */
  removeEvent(sequence: number): void;
}

/** The database. One per process. */
export interface Store extends StoreReader {
  /**
   * Runs `change` in the next transaction, in a savepoint if there are others, and resolves with what it gave once that
   * is committed: it outlives this process. `change` must be synchronous. When it throws, what it did is rolled back and
   * the promise rejects with the same error; the other changes of the transaction are not touched. `alone`: there are
   * none, so that the rows will be as this change leaves them.
   */
  write<Result>(change: (writer: StoreWriter, alone: boolean) => Result): Promise<Result>;
  /** Runs `change`, gives its result and rolls everything back: what would be. Never on the disk. */
  rehearse<Result>(change: (writer: StoreWriter) => Result): Result;
  /** Resolves when all that was committed before this call is on the disk: it outlives a power cut. */
  onDisk(): Promise<void>;
  close(): void;
}
