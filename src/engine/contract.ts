/**
 * The verbs, as the API's routes call them. Each changes the desired state in one transaction, waits until
 * the kernel agrees, and takes the change back when it does not. No verb knows Docker's JSON.
 */
import type { Readable, Writable } from 'node:stream';
import type { Check } from '../model/check.ts';
import type { Container, ContainerSpec } from '../model/container.ts';
import type { Endpoint, EndpointSpec, PortSpec } from '../model/endpoint.ts';
import type { StoredEvent } from '../model/event.ts';
import type { ExecSpec, TerminalSize } from '../model/exec.ts';
import type { LinkCounters } from '../model/netstate.ts';
import type { Network, NetworkSpec } from '../model/network.ts';

/** Filters of a list as the client sent them: several values to a key. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** Whether a changing verb acts or only says what it would do. */
export interface Mode {
  readonly dryRun: boolean;
}

/**
 * What a changing verb gives: its result, and in a dry run the `ip`/`nft`/`sysctl` command lines that would do
 * the same, in order; none otherwise.
 */
export interface Outcome<Result> {
  readonly result: Result;
  readonly commands: readonly string[];
}

/** A member of a network together with its container. */
export interface Member {
  readonly endpoint: Endpoint;
  readonly container: Container;
}

/** A network with what a client wants to see of it. */
export interface NetworkView {
  readonly network: Network;
  /** Members whose container runs; empty when the caller did not ask for them. */
  readonly members: readonly Member[];
}

/** Use of a subnet's addresses; `in use` counts the reserved ones and the gateway. */
export interface SubnetUsage {
  readonly subnet: string;
  readonly inUse: bigint;
  readonly available: bigint;
}

/** A container with what a client wants to see of it. */
export interface ContainerView {
  readonly container: Container;
  /** `{container: undefined}` of the API: a namespace under /run/netns that nobody adopted yet. */
  readonly adopted: boolean;
  /** Path of the namespace; `''` while there is none. */
  readonly sandboxKey: string;
  /** 0 where the source is no process. */
  readonly pid: number;
  readonly attachments: readonly { readonly endpoint: Endpoint; readonly network: Network }[];
}

/** One end of a pair. */
export interface TraceEnd {
  readonly ifname: string;
  readonly ifindex: number;
  /** The other end's, in its own namespace; 0 if the kernel does not tell. */
  readonly peerIfindex: number;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly operstate: string;
  /** `address/length`. */
  readonly addresses: readonly string[];
  readonly counters: LinkCounters;
}

/** The answer to "which vethXXXX@ifN belongs to whose eth0?", as far as the kernel tells. */
export interface Trace {
  /** The end in the host's namespace; undefined when both ends are elsewhere. */
  readonly host: TraceEnd | undefined;
  /** The end in the container's namespace; undefined where nobody can look. */
  readonly peer: TraceEnd | undefined;
  /** Whether vethd made the pair. */
  readonly ours: boolean;
  /** The peer's namespace: a name under /run/netns, `pid:N`, a path, `host`, or `netnsid N`. */
  readonly netns: string;
  readonly container: { readonly id: string; readonly name: string } | undefined;
  readonly network: { readonly id: string; readonly name: string } | undefined;
  readonly endpointId: string | undefined;
  /** The bridge and the state of its port; undefined when the host end is no port. */
  readonly bridge: { readonly ifname: string; readonly portState: string } | undefined;
}

/** Figures for `GET /info`. */
export interface EngineInfo {
  readonly daemonId: string;
  readonly containers: number;
  readonly running: number;
  readonly networks: number;
  readonly ipv4Forwarding: boolean;
  readonly warnings: readonly string[];
  readonly defaultAddressPools: readonly { readonly base: string; readonly size: number }[];
}

/** An exec as clients see it. */
export interface ExecView {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  readonly running: boolean;
  /** Undefined before its end. */
  readonly exitCode: number | undefined;
  /** 0 before its start. */
  readonly pid: number;
}

/** A started program's streams, those that were asked for. The others are discarded or empty. */
export interface ExecStreams {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly exited: Promise<number>;
}

/** The programs. */
export interface Execs {
  /** Prepares a program and gives its id. Throws forbidden when exec is off, conflict when the container does not run. */
  create(containerTerm: string, spec: ExecSpec): Promise<string>;
  /**
   * Starts it, once. `attached` of false discards its output and gives it no input. Throws notFound for an
   * unknown id, conflict when it was started before or the container does not run any more. A wish that cannot be
   * met (an unknown user) is told by the streams, with exit code 126.
   */
  start(id: string, attached: boolean, size: TerminalSize | undefined): Promise<ExecStreams>;
  /** Throws notFound. */
  inspect(id: string): ExecView;
  /** Gives its terminal another size. Throws notFound; conflict when it does not run. */
  resize(id: string, size: TerminalSize): void;
  /** Ids of the container's programs that run. */
  listRunning(containerId: string): string[];
  /** Hangs up on the programs of a container that stops; of all without an argument. */
  hangUp(containerId?: string): void;
}

/** The verbs. Terms are ids, names or id prefixes as the client wrote them. */
export interface Engine {
  // networks
  createNetwork(
    spec: NetworkSpec,
    mode: Mode,
  ): Promise<Outcome<{ readonly id: string; readonly warning: string }>>;
  removeNetwork(term: string, mode: Mode): Promise<Outcome<void>>;
  /** Names of the networks that went. */
  pruneNetworks(filters: Filters, mode: Mode): Promise<Outcome<readonly string[]>>;
  inspectNetwork(term: string): NetworkView;
  listNetworks(filters: Filters, withMembers: boolean): readonly NetworkView[];
  networkUsage(network: Network): readonly SubnetUsage[];
  connect(
    networkTerm: string,
    containerTerm: string,
    spec: EndpointSpec,
    mode: Mode,
  ): Promise<Outcome<Endpoint>>;
  disconnect(networkTerm: string, containerTerm: string, force: boolean, mode: Mode): Promise<Outcome<void>>;
  /** Replaces the published ports of a live endpoint, without touching its connections. */
  setPorts(endpointId: string, ports: readonly PortSpec[], mode: Mode): Promise<Outcome<Endpoint>>;

  // containers
  createContainer(
    spec: ContainerSpec,
    mode: Mode,
  ): Promise<Outcome<{ readonly id: string; readonly warnings: readonly string[] }>>;
  /** False when it ran already. */
  startContainer(term: string, mode: Mode): Promise<Outcome<boolean>>;
  /** False when it was stopped already. */
  stopContainer(term: string, mode: Mode): Promise<Outcome<boolean>>;
  killContainer(term: string, signal: string, mode: Mode): Promise<Outcome<void>>;
  restartContainer(term: string, mode: Mode): Promise<Outcome<void>>;
  renameContainer(term: string, name: string, mode: Mode): Promise<Outcome<void>>;
  removeContainer(term: string, force: boolean, mode: Mode): Promise<Outcome<void>>;
  inspectContainer(term: string): Promise<ContainerView>;
  listContainers(all: boolean): Promise<readonly ContainerView[]>;
  /** Resolves with the exit code when the condition holds. `signal` ends the waiting. */
  waitContainer(
    term: string,
    condition: 'not-running' | 'next-exit' | 'removed',
    signal: AbortSignal,
  ): Promise<number>;
  /** Counters of the container's interfaces, by name inside. */
  containerCounters(term: string): Promise<ReadonlyMap<string, LinkCounters>>;

  /** Programs inside containers. */
  readonly execs: Execs;

  // vethd's own
  /** `term`: a container, an interface of the host, or an interface of a namespace as `container/ifname`. */
  trace(term: string): Promise<readonly Trace[]>;
  /** One full pass. Gives the command lines of what it mended (or, in a dry run, would mend). */
  reconcile(mode: Mode): Promise<readonly string[]>;
  info(): Promise<EngineInfo>;
  /** How the daemon and its host are, each thing looked at now. Takes about a tenth of a second. */
  doctor(): Promise<readonly Check[]>;
  /** Events with a sequence above `afterSequence`. */
  listEvents(afterSequence: number): readonly StoredEvent[];
  /** Calls `listener` for each event from now on, synchronously; gives the function that ends it. */
  subscribe(listener: (event: StoredEvent) => void): () => void;
}
