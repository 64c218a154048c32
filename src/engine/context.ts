/** What every verb works with. Handed over as an argument: there is no global state and no service locator. */
import { hash, randomBytes } from 'node:crypto';
import type { Capability, Kernel } from '../kernel/contract.ts';
import type { Address, Prefix } from '../model/address.ts';
import type { Container } from '../model/container.ts';
import type { PortSpec } from '../model/endpoint.ts';
import type { StoredEvent } from '../model/event.ts';
import type { ForeignFirewall } from '../model/foreign-firewall.ts';
import type { HostOwner } from '../model/host-owner.ts';
import type { HostListener, PortRange } from '../model/host-port.ts';
import type { AddressPool } from '../model/network.ts';
import type { StateFolder } from '../model/state-folder.ts';
import type { Drivers } from '../reconcile/desired.ts';
import type { Reconciler } from '../reconcile/loop.ts';
import type { Store } from '../store/contract.ts';
import type { Unanswered } from './unanswered.ts';

/** The settings that verbs depend on. */
export interface EngineConfig {
  /** IPv4 pools in the order in which they are tried. */
  readonly addressPools: readonly AddressPool[];
  /** MTU of networks that name none. */
  readonly mtu: number;
  /** Device of the predefined network `bridge`. */
  readonly bridgeName: string;
  /** Subnet of the predefined network `bridge`; undefined: the first free pool. */
  readonly bridgeSubnet: Prefix | undefined;
  readonly bridgeDns: boolean;
  readonly allowExec: boolean;
  /** Whether an empty store is filled from the kernel at start. */
  readonly recover?: boolean;
  /** Where the folders of namespaces' own files are; /etc/netns. */
  readonly netnsEtcDir: string;
}

/** The rooms and settings behind the verbs. */
export interface EngineContext {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly reconciler: Reconciler;
  readonly drivers: Drivers;
  readonly config: EngineConfig;
  /** The host's resolvers now. */
  nameservers(): readonly Address[];
  /** The host's own ports now: what programs listen on, and where automatic ones come from. */
  hostPorts(): { readonly listeners: readonly HostListener[]; readonly automatic: PortRange };
  /** The ports that a client published for the container when it created it. */
  ownPorts(container: Container): readonly PortSpec[];
  /** Other programs' firewalls now. */
  foreignFirewall(): Promise<ForeignFirewall>;
  /** What the kernel can do, tried now. */
  capabilities(): Promise<readonly Capability[]>;
  /** The folder of the database now. */
  stateFolder(): StateFolder;
  /** Who made what was in the kernel when the daemon started; undefined after a boot. */
  readonly lastOwner: HostOwner | undefined;
  /** Nanoseconds since 1970. */
  now(): bigint;
  /** The changes that wait for the kernel. */
  readonly unanswered: Unanswered;
  /** Tells subscribers of an event whose change has been carried out. */
  publish(event: StoredEvent): void;
}

const ID_BYTES = 32;
/** Ids are drawn so many at a time: after a pause one alone costs 105 µs, as much as all of them. */
const DRAWN = 32;
let drawn = Buffer.alloc(0);

/** A new id: 64 lower hex digits, random. */
export function newId(): string {
  if (drawn.length === 0) drawn = randomBytes(ID_BYTES * DRAWN);
  const id = drawn.toString('hex', 0, ID_BYTES);
  drawn = drawn.subarray(ID_BYTES);
  return id;
}

/** An id that the same words always give. */
export function derivedId(...words: readonly string[]): string {
  return hash('sha256', words.join('\0'), 'hex');
}

/** RFC 3339 with nanoseconds, UTC. */
export function formatTime(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${(nanoseconds % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}

/** What Docker shows for a time that never was. */
export const NEVER = '0001-01-01T00:00:00Z';
