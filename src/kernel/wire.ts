/** What the daemon and the kernel thread say to each other. Plain data: it is cloned on its way. */
import { VethdError } from '../errors.ts';
import type { Prefix } from '../model/address.ts';
import type { NetnsIdentity } from '../model/container.ts';
import type { ApplyRequest, DnsSockets, Kernel, KernelChange, NetnsRef, Preparation } from './contract.ts';
import type { HeldNetns, NetnsOptions } from './netns.ts';
import type { ObservePart } from './observe-parts.ts';

/** The calls that the thread answers; those of `Kernel` but for what must live in the daemon's thread. */
export interface ThreadCalls
  extends Pick<
    Kernel,
    | 'probeNetns'
    | 'visitNetns'
    | 'listNetnsNames'
    | 'bindNetns'
    | 'nsidOf'
    | 'findProcess'
    | 'findOnLinkRoutes'
    | 'reap'
    | 'firewallGeneration'
    | 'isFirewallAt'
    | 'watchProcess'
    | 'close'
  > {
  /** With a namespace that is open already, if it is to work there; the thread closes it. */
  apply(request: ApplyRequest, held?: HeldNetns): ReturnType<Kernel['apply']>;
  /** As `apply`; not answered. */
  prepare(preparation: Preparation, held?: HeldNetns): void;
  /** A part of a look; see observe-parts.ts. */
  observe: ObservePart;
  /** Those of IPv6. */
  listOnLinkPrefixes(): Promise<readonly Prefix[]>;
  openDnsSockets(ref: NetnsRef, identity: NetnsIdentity): Promise<DnsSockets>;
  /** A descriptor of the namespace; descriptors belong to the process, so that any thread can use and close it. */
  openNetns(ref: NetnsRef, identity: NetnsIdentity): Promise<number>;
  /** Changes are posted from now on. */
  watch(): Promise<void>;
  /**
   * Deletes what a crash left half made; the first call of all. Not a part of the thread's start, which may come before
   * it is known that no other daemon runs, whose links may be half made just now.
   */
  clear(): Promise<void>;
  /** Those of the thread; see memory.ts. */
  collectGarbage(): Promise<void>;
}

/** The name of a call. */
export type CallName = keyof ThreadCalls;

/** What a call gives. */
export type ResultOf<Name extends CallName> = Awaited<ReturnType<ThreadCalls[Name]>>;

/** A call; posted to the thread with the others of its turn, as a list. */
export type Call = {
  readonly [Name in CallName]: {
    readonly id: number;
    readonly name: Name;
    readonly args: Parameters<ThreadCalls[Name]>;
  };
}[CallName];

/** What the thread is started with. */
export type ThreadOptions = NetnsOptions;

/** A VethdError as plain data; its `cause` stays behind. */
export interface WireError {
  readonly kind: VethdError['kind'];
  readonly message: string;
  readonly errno: string | undefined;
}

/** What became of a call. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError };

/** What the thread posts. */
export type Posted =
  | { readonly type: 'ready'; readonly bootId: string; readonly hostIdentity: NetnsIdentity }
  /** It could not start, and ends. */
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'answers'; readonly answers: readonly Answer[] }
  | { readonly type: 'changes'; readonly changes: readonly KernelChange[] };

/** The call as it is posted. */
export function callOf<Name extends CallName>(
  id: number,
  name: Name,
  args: Parameters<ThreadCalls[Name]>,
): Call {
  return { id, name, args } as Call;
}

/** The result of an answered call, which was posted as `unknown`. */
export function resultOf<Name extends CallName>(result: unknown): ResultOf<Name> {
  return result as ResultOf<Name>;
}

/** The error as plain data. */
export function toWire({ kind, message, errno }: VethdError): WireError {
  return { kind, message, errno };
}

/** The error that was posted. */
export function fromWire({ kind, message, errno }: WireError): VethdError {
  return new VethdError(kind, message, errno === undefined ? {} : { errno });
}
