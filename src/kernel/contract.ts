/**
 * The seam between the daemon and the kernel thread: what the other rooms may ask of the kernel. Everything
 * here is plain data, because it crosses threads.
 */
import type { Readable, Writable } from 'node:stream';
import type { Address, Family, Prefix } from '../model/address.ts';
import type { NetnsIdentity } from '../model/container.ts';
import type { TerminalSize } from '../model/exec.ts';
import type { NetnsKey, ObservedState } from '../model/netstate.ts';
import type { Operation, OperationResult } from '../model/operation.ts';

/** How to find a namespace. Each way is checked as in docs/security.md before it is entered. */
export type NetnsRef =
  | { readonly kind: 'host' }
  /** /run/netns/`name`. */
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'path'; readonly path: string }
  /** A process's; `startTime` of undefined: take whoever has the pid now. */
  | { readonly kind: 'pid'; readonly pid: number; readonly startTime: string | undefined };

/** What a reference leads to. */
export type NetnsProbe =
  | {
      readonly status: 'present';
      readonly identity: NetnsIdentity;
      readonly startTime: string | undefined;
      /** When it was bound at its name; without one, when somebody last began to look. Milliseconds since 1970. */
      readonly createdMs: number;
    }
  /** Nothing there: no file, no process. */
  | { readonly status: 'absent'; readonly reason: string }
  /** There is something that must not be entered: no namespace, a symlink, the host's own … */
  | { readonly status: 'refused'; readonly reason: string };

/** As a probe, with the names of the links in the namespace. */
export type NetnsVisit =
  | (NetnsProbe & { readonly status: 'present'; readonly ifnames: readonly string[] })
  | Exclude<NetnsProbe, { readonly status: 'present' }>;

/** What of a host link a scoped observation should tell besides the link itself and its addresses. */
export interface LinkQuery {
  readonly ifname: string;
  /** Neighbour entries to look for, by address. */
  readonly neighbours: readonly Address[];
  /** Static FDB entries to look for, by MAC. */
  readonly fdb: readonly string[];
}

/** A container's namespace to look at. */
export interface NetnsQuery {
  readonly key: NetnsKey;
  readonly ref: NetnsRef;
  /** Keys of sysctls to read in it. */
  readonly sysctls: readonly string[];
}

/** What to look at. */
export interface ObserveRequest {
  /** `all`: dump everything of the host. Else just these links, by name; those that are not there are left out. */
  readonly host: 'all' | readonly LinkQuery[];
  /** Keys of sysctls to read in the host's namespace. */
  readonly hostSysctls: readonly string[];
  readonly netns: readonly NetnsQuery[];
  /** Also look at every name under /run/netns for namespaces of ours (alias of lo). */
  readonly scanNames: boolean;
  /** Also tell the counters of the links where everything is dumped (the host with `all`, each of `netns`). */
  readonly counters?: boolean;
}

/** A namespace under /run/netns whose lo carries our alias. */
export interface OwnNetns {
  readonly name: string;
  readonly alias: string;
  readonly identity: NetnsIdentity;
}

/** What a look at one container's namespace gave. `state` is everything in it, ours or not. */
export type ObservedNetns =
  | { readonly status: 'present'; readonly identity: NetnsIdentity; readonly state: ObservedState }
  | {
      readonly status: 'absent' | 'refused';
      readonly reason: string;
      /** Refused, because it is an empty file: made for a namespace that is not bound to it (yet, or any more). */
      readonly hollow?: boolean;
    };

/** The answer to an ObserveRequest. */
export interface Observation {
  readonly host: ObservedState;
  readonly netns: ReadonlyMap<NetnsKey, ObservedNetns>;
  /** Only after `scanNames`. */
  readonly ownNetns: readonly OwnNetns[];
}

/** A list of Operations and how to reach the namespaces that they name. */
export interface ApplyRequest {
  readonly operations: readonly Operation[];
  /**
   * Every key used by an Operation, but `host` and those that `createNetns` makes. An `identity` that differs
   * from what is found fails every Operation in that namespace with ESTALE, before anything is changed in it.
   */
  readonly netns: ReadonlyMap<
    NetnsKey,
    { readonly ref: NetnsRef; readonly identity: NetnsIdentity | undefined }
  >;
}

/** What is to be asked of the links of one namespace, by name. */
export interface NamesNeeded {
  /** Those of which the ifindex will do. */
  readonly index: readonly string[];
  /** Those of which more is needed: what kind it is, whether it is up. */
  readonly whole: readonly string[];
}

/** What an `apply` that is about to come will have to open, and to ask for, before it can change anything. */
export interface Preparation {
  readonly netns: ApplyRequest['netns'];
  readonly names: ReadonlyMap<NetnsKey, NamesNeeded>;
}

/** Why to look again. It carries no more information than that, except where to look if that is known. */
export type KernelChange =
  /**
   * Links, addresses, routes, neighbours. `nsid` is the host's number of the namespace where it happened
   * (`ObservedLink.peerNetnsid` of a host end), undefined for the host itself. `ifname` where it is known.
   */
  | {
      readonly kind: 'network';
      readonly nsid: number | undefined;
      readonly ifname: string | undefined;
      /** Where it was a neighbour entry: whose. */
      readonly neighbour?: Address;
      /** Where it was a static entry of a bridge's forwarding table: for which MAC, and the bridge. */
      readonly forwarding?: { readonly mac: string; readonly bridge: string };
    }
  /** A name under /run/netns came or went. */
  | { readonly kind: 'names'; readonly name: string }
  /** A watched process ended. */
  | { readonly kind: 'process'; readonly pid: number }
  | { readonly kind: 'firewall' }
  /** Another program's packet filter: nothing of ours, but it may drop what we forward. */
  | { readonly kind: 'foreignFirewall' }
  /** Events were lost: look at everything. */
  | { readonly kind: 'resync' };

/** A route of the host's main table to what is directly reached by a device. */
export interface OnLinkRoute {
  readonly destination: Prefix;
  /** `''` if the device is gone by now. */
  readonly ifname: string;
}

/** Bound sockets of a namespace: 127.0.0.11 port 53 over UDP, and over TCP, listening. Both must be closed. */
export interface DnsSockets {
  readonly udpFd: number;
  readonly tcpFd: number;
}

/** A program of the host to be run inside a namespace. */
export interface ProgramSpec {
  /** The program, looked for in the PATH of `env`, and its arguments. */
  readonly command: readonly string[];
  /** Its whole environment, `NAME=value`; a PATH is added when it has none. */
  readonly env: readonly string[];
  /** Absolute. */
  readonly workingDir: string;
  /** `user[:group]`, names or numbers; `''`: root. */
  readonly user: string;
  /** Undefined: three pipes. */
  readonly terminal: TerminalSize | undefined;
  /** A folder whose files take the place of those in /etc, such as /etc/netns/NAME; `''` for none. */
  readonly etcFolder: string;
}

/** A program that runs. Not plain data: it lives in the thread that started it. */
export interface RunningProgram {
  readonly pid: number;
  /** Ending it is the program's end of input; of a terminal it does nothing. */
  readonly stdin: Writable;
  /** What the terminal shows, where there is one. Ends with the program, or up to 2 s later. */
  readonly stdout: Readable;
  /** Undefined with a terminal. */
  readonly stderr: Readable | undefined;
  /** 128 + the signal's number when it was killed. */
  readonly exited: Promise<number>;
  /** Harmless without a terminal and after the end. */
  resize(size: TerminalSize): void;
  /** Ends the program and those it started in its session's foreground (SIGHUP, then the descriptors). */
  hangUp(): void;
}

/** A state of nftables: each transaction of anybody in the namespace makes another one. */
export interface FirewallGeneration {
  /** The namespace, told from all that there ever were, also before a reboot. */
  readonly host: string;
  readonly id: number;
}

/** The kernel, as the other rooms see it. One per process; its work is done by one thread, in order. */
export interface Kernel {
  readonly bootId: string;
  /** The daemon's own namespace; never a container. */
  readonly hostIdentity: NetnsIdentity;
  /** Looks where a reference leads, with every check. Never throws for what it finds. */
  probeNetns(ref: NetnsRef): Promise<NetnsProbe>;
  /**
   * As `probeNetns`, at once and in the calling thread: about 40 µs of looking at files, nothing is entered. What a name
   * leads to stays open for this turn of the event loop, for an `apply` that works there.
   */
  lookAtNetns(ref: NetnsRef): NetnsProbe;
  /** As `probeNetns`, and enters it to see what links are there. */
  visitNetns(ref: NetnsRef): Promise<NetnsVisit>;
  /** The names under /run/netns that lead to network namespaces other than the host's. */
  listNetnsNames(): Promise<readonly string[]>;
  /**
   * Binds a namespace at one more name under /run/netns: the first half of a rename. A pass over everything unbinds
   * the names that no row has. Rejects with notFound when the namespace is gone or another than `identity`, with
   * errno EEXIST when the name is taken.
   */
  bindNetns(ref: NetnsRef, identity: NetnsIdentity, name: string): Promise<void>;
  /** The kernel's number (nsid) of that namespace in the host's, given one if it has none; -1 if impossible. */
  nsidOf(ref: NetnsRef): Promise<number>;
  /** The first process that is in the namespace with that nsid; undefined when none is. */
  findProcess(nsid: number): Promise<number | undefined>;
  /** Where the host's on-link routes of these families lead (unicast, main table). */
  listOnLinkPrefixes(families: readonly Family[]): Promise<readonly Prefix[]>;
  /** Those of the host's on-link routes that have addresses in common with one of the prefixes. */
  findOnLinkRoutes(prefixes: readonly Prefix[]): Promise<readonly OnLinkRoute[]>;
  observe(request: ObserveRequest): Promise<Observation>;
  /**
   * Has the thread open and ask for, at once, what the next call, an `apply` in the same namespaces, will need. Changes
   * nothing; harmless when another call comes instead, or none.
   */
  prepare(preparation: Preparation): void;
  /** Carries out the Operations in order, going on after a failure; a result for each, in the same order. */
  apply(request: ApplyRequest): Promise<readonly OperationResult[]>;
  /** Deletes the links of RETIRED_GROUP behind; resolves when those marked before the call are gone. */
  reap(): Promise<void>;
  /** Tells `listener` of changes from now on, those made by `apply` included. */
  watch(listener: (change: KernelChange) => void): Promise<void>;
  /**
   * The last generation heard of (after `watch`) at which our tables are as our own transactions left them. Undefined
   * when somebody else has changed them since our last whole ruleset, and when that cannot be told.
   */
  firewallGeneration(): Promise<FirewallGeneration | undefined>;
  /**
   * Whether nftables is at that generation now, so that our tables are as they were then; they are followed from it
   * on, as from a whole ruleset. False when that cannot be told.
   */
  isFirewallAt(generation: FirewallGeneration): Promise<boolean>;
  /** Tells the listener when that process ends; harmless if it has ended already or is watched already. */
  watchProcess(pid: number): Promise<void>;
  /**
   * Opens the resolver's sockets inside the namespace (dns-sockets.ts), whose lo must be up. Rejects with notFound
   * when it is gone or another than `identity`, and with the kernel's errno, EADDRINUSE for instance.
   */
  openDnsSockets(ref: NetnsRef, identity: NetnsIdentity): Promise<DnsSockets>;
  /**
   * Starts a program of the host inside the namespace (program.ts). Rejects with notFound when the namespace is
   * gone or another than `identity`.
   */
  startProgram(ref: NetnsRef, identity: NetnsIdentity, spec: ProgramSpec): Promise<RunningProgram>;
  /** Ends the thread after the work in hand. Descriptors are closed; nothing in the kernel is changed. */
  close(): Promise<void>;
}

/** A thing that the kernel can or cannot do, found by trying it in a scratch namespace. */
export interface Capability {
  readonly name: 'netns' | 'veth' | 'bridge' | 'nftables' | 'bridge-port-locked' | 'address-protocol';
  readonly available: boolean;
  /** The kernel's words when it is not. */
  readonly reason: string;
}
