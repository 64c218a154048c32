/** Links that one list of Operations retires: shut at once, and taken away behind the answer where that can wait. */
import type { NetnsKey } from '../model/netstate.ts';
import { Batch } from './batch.ts';
import type { Refusal } from './codec/ack.ts';
import { encodeShutPort } from './codec/link.ts';
import { encodeFlushFdb } from './codec/neighbour.ts';
import type { KernelChange } from './contract.ts';
import { retireHostEnd, retirePeer } from './requests.ts';
import { Target, type Targets } from './targets.ts';

/** A host's end that goes; `owner`: the place of its Operation. */
interface LeavingLink {
  readonly owner: number;
  readonly ifname: string;
  readonly ifindex: number;
}

/** The other end of a link that is retired. */
interface RetiredPeer {
  readonly netns: NetnsKey;
  readonly hostIndex: number;
  readonly peerIndex: number;
}

/** The departures of one ApplyRequest. */
export class Departures {
  readonly #targets: Targets;
  /** Host's ends whose ports are to be shut. */
  #leaving: LeavingLink[] = [];
  #peers: RetiredPeer[] = [];
  /** Those through which nothing passes any more, but which are up, and have their names. */
  readonly #shut: LeavingLink[] = [];

  constructor(targets: Targets) {
    this.#targets = targets;
  }

  /** Notes a host's end that may be taken away behind the answer. */
  leave(link: LeavingLink): void {
    this.#leaving.push(link);
  }

  /** Notes the other end of a host's end that goes. */
  leavePeer(peer: RetiredPeer): void {
    this.#peers.push(peer);
  }

  /** Whether ends inside wait for `send`. */
  get hasPeers(): boolean {
    return this.#peers.length > 0;
  }

  /** Whether something is left for `finish`. */
  get isUnfinished(): boolean {
    return this.#shut.length > 0;
  }

  /** Does what has been noted, the host's ends first; tells `onRefusal` of Operations that failed. */
  send(onRefusal: (owner: number, refusal: Refusal) => void): void {
    const [leaving, peers] = [this.#leaving, this.#peers];
    this.#leaving = [];
    this.#peers = [];
    if (leaving.length > 0) this.#shutPorts(leaving, onRefusal);
    for (const peer of peers) this.#retirePeer(peer);
  }

  /** To be called once the answer has gone. Gives what was refused, as changes. */
  finish(): KernelChange[] {
    const changes: KernelChange[] = [];
    const batch = new Batch(this.#targets.host);
    for (const [place, { ifindex }] of this.#shut.entries()) {
      for (const request of retireHostEnd(ifindex)) batch.add(place, request);
    }
    batch.send((place, { errno }) => {
      const ifname = this.#shut[place]?.ifname;
      if (errno !== 'ENODEV') changes.push({ kind: 'network', nsid: undefined, ifname });
    });
    return changes;
  }

  /**
   * To shut a port takes 0.2 ms. To take the link down, out of its bridge and its name away takes 0.6, and 1.5 where
   * connections are tracked: the kernel then walks their whole table, on the same processor. So that comes after the
   * answer; where the port cannot be shut, at once.
   */
  #shutPorts(links: readonly LeavingLink[], onRefusal: (owner: number, refusal: Refusal) => void): void {
    const { host } = this.#targets;
    const refused = new Set<number>();
    const shutting = new Batch(host);
    for (const [place, { ifindex }] of links.entries()) {
      for (const request of [encodeShutPort(ifindex), encodeFlushFdb(ifindex)]) shutting.add(place, request);
    }
    shutting.send((place) => refused.add(place));
    const retiring = new Batch(host);
    for (const [place, link] of links.entries()) {
      if (!refused.has(place)) this.#shut.push(link);
      else for (const request of retireHostEnd(link.ifindex)) retiring.add(link.owner, request);
    }
    retiring.send(onRefusal);
  }

  /**
   * Where the namespace or the peer is gone there is nothing to do. A peer is found by the ifindex that its
   * other end told, and must tell that end's: a name could be a stranger's by now.
   */
  #retirePeer({ netns, hostIndex, peerIndex }: RetiredPeer): void {
    const target = this.#targets.get(netns);
    if (!(target instanceof Target)) return;
    const found = target.knownPeer(peerIndex, hostIndex) ?? target.look({ ifindex: peerIndex });
    if (found?.kind === 'veth' && found.peerIndex === hostIndex) {
      target.socket.transact(retirePeer(peerIndex));
    }
  }
}
