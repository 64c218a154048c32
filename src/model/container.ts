/**
 * The noun `container`: what Docker's API calls a container and is here a network namespace with an id, a
 * name and a source. Identity is the namespace's (boot, device, inode), never the name alone.
 */
import type { EndpointSpec } from './endpoint.ts';

/** Which namespace it is, whatever names lead to it. */
export interface NetnsIdentity {
  /** /proc/sys/kernel/random/boot_id: inode numbers mean nothing in another boot. */
  readonly bootId: string;
  /** `device:inode` of the nsfs file, decimal. */
  readonly inode: string;
}

/** Where a container's namespace comes from. */
export type ContainerSource =
  /** vethd made it and binds it at /run/netns/NAME. */
  | { readonly kind: 'managed'; readonly netnsName: string }
  /** Somebody else binds it at /run/netns/NAME; it may go and come back. */
  | { readonly kind: 'named'; readonly netnsName: string }
  /** A path in an allowed folder; ends with the namespace. */
  | { readonly kind: 'path'; readonly path: string }
  /** A process's; ends with the process. `startTime` is field 22 of /proc/PID/stat, in clock ticks. */
  | { readonly kind: 'pid'; readonly pid: number; readonly startTime: string }
  /** The daemon's own namespace (network mode host): nothing is plumbed. */
  | { readonly kind: 'host' }
  /** Another container's (network mode container:X). */
  | { readonly kind: 'shared'; readonly containerId: string };

/** Whether somebody wants it to run. A stopped container keeps its endpoints' configuration and addresses. */
export type ContainerState = 'created' | 'running' | 'exited';

/** A container as it is stored. */
export interface Container {
  /** 64 lower hex digits. */
  readonly id: string;
  /** Without a leading slash. */
  readonly name: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  readonly source: ContainerSource;
  readonly state: ContainerState;
  /** The namespace last seen; undefined while there is none. */
  readonly identity: NetnsIdentity | undefined;
  /** RFC 3339; `0001-01-01T00:00:00Z` for never, as Docker says. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  /** none, bridge, host, a network's name, container:X. */
  readonly networkMode: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Networks to be joined at the next start that were not there yet (or are no longer), by name. */
  readonly pending: Readonly<Record<string, EndpointSpec>>;
  /** The rest of the body of `POST /containers/create`, kept and shown, for instance Image, Cmd, HostConfig. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A client's wish for a container (`POST /containers/create`). */
export interface ContainerSpec {
  /** `''`: vethd chooses one. */
  readonly name: string;
  readonly networkMode: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
  /** Networks to be joined at start, by the name or id that the client used. */
  readonly endpoints: Readonly<Record<string, EndpointSpec>>;
}

/** The process whose namespace /proc/PID/ns/net is: such a path is the same as a reference by pid. */
export function pidOfPath(path: string): number | undefined {
  const pid = /^\/proc\/([1-9]\d{0,9})\/ns\/net$/.exec(path)?.[1];
  return pid === undefined ? undefined : Number(pid);
}
