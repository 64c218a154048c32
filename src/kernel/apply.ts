/**
 * Carries out Operations in order, going on after a refusal. Consecutive ones of a namespace leave in one
 * send; what a creation tells (the ifindex of the link and of its peer, echoed) is known to those that follow.
 */

import { failpoint } from '../failpoint.ts';
import type { PublicationChange } from '../model/endpoint.ts';
import { HOST, type NetnsKey } from '../model/netstate.ts';
import type { ElementChange } from '../model/nft-sets.ts';
import type {
  ApplyRuleset,
  ChangeElements,
  ChangeLink,
  CreateBridge,
  CreateNetns,
  CreateVeth,
  DropConnections,
  ForgetSenders,
  Operation,
  OperationResult,
  RemoveNetns,
  RetireLink,
  SetSysctl,
} from '../model/operation.ts';
import { Batch } from './batch.ts';
import { type Birth, finishBirths } from './births.ts';
import type { Refusal } from './codec/ack.ts';
import { describeErrnoName } from './codec/errno.ts';
import {
  decodeLink,
  encodeCreateBridge,
  encodeCreateVeth,
  encodeDeleteLink,
  encodeGetLink,
  encodeSetLink,
} from './codec/link.ts';
import type { NetlinkRequest } from './codec/message.ts';
import type { ApplyRequest, KernelChange, NamesNeeded } from './contract.ts';
import { Departures } from './departures.ts';
import { namesNeeded } from './names-needed.ts';
import type { Namespaces } from './netns.ts';
import { createNamedNetns, removeNamedNetns } from './netns-bind.ts';
import { changeLink, ifnameOf, type OnLink, requestOnLink, retireHostEnd } from './requests.ts';
import { errorOfRefusal, NetlinkSocket, refusalOfError } from './socket.ts';
import { isSystemError, writeSysctl } from './sysctl.ts';
import { type KnownLink, Target, type Targets } from './targets.ts';

/** What `apply` works with. */
export interface ApplyContext {
  readonly namespaces: Namespaces;
  /** A socket in the host's namespace. */
  readonly hostSocket: NetlinkSocket;
  /** Feeds a ruleset to nft (nft.ts). */
  applyRuleset(text: string): Promise<OperationResult>;
  /** Changes elements of the ruleset's sets (nft.ts). */
  changeElements(changes: readonly ElementChange[]): OperationResult;
  dropConnections(changes: readonly PublicationChange[]): void;
}

/** The answer to an ApplyRequest. */
export interface Applied {
  readonly results: readonly OperationResult[];
  /** Whether a link was marked for deletion, or will be by `finish`, so that the group should be reaped. */
  readonly retired: boolean;
  /**
   * To be called once the answer has gone, and before anything else is done. Gives what was refused, as changes: a look
   * mends it. Undefined when nothing is left.
   */
  readonly finish: (() => readonly KernelChange[]) | undefined;
}

type Firewall = ApplyRuleset | ChangeElements | ForgetSenders | DropConnections;
type InNetns = Exclude<Operation, Firewall | CreateNetns | RemoveNetns>;

const DONE: OperationResult = { ok: true };

/** They may need what a retired link sets free: its name, or its namespace. */
const IN_ITS_PLACE: ReadonlySet<Operation['op']> = new Set([
  'createBridge',
  'createVeth',
  'changeLink',
  'removeNetns',
]);

class Application {
  readonly #context: ApplyContext;
  readonly #request: ApplyRequest;
  readonly #targets: Targets;
  readonly #needed: ReadonlyMap<NetnsKey, NamesNeeded>;
  readonly #prepared = new Set<Target>();
  readonly #refusals: (Refusal | undefined)[];
  #batch: Batch | undefined;
  #births: Birth[] = [];
  /** Links that could not be made: whatever has such a name is a stranger's. */
  readonly #unborn = new Map<NetnsKey, Set<string>>();
  readonly #departures: Departures;
  /** The place from which on nothing needs what a retired link sets free. */
  readonly #end: number;
  #retired = false;
  readonly #departed: ElementChange[] = [];

  constructor(context: ApplyContext, request: ApplyRequest, targets: Targets) {
    this.#context = context;
    this.#request = request;
    this.#targets = targets;
    this.#departures = new Departures(targets);
    this.#needed = namesNeeded(request.operations);
    this.#end = request.operations.findLastIndex(({ op }) => IN_ITS_PLACE.has(op)) + 1;
    this.#refusals = new Array<Refusal | undefined>(request.operations.length).fill(undefined);
  }

  async run(): Promise<Applied> {
    try {
      for (const [index, operation] of this.#request.operations.entries()) {
        if (operation.op === 'applyRuleset') await this.#applyRuleset(index, operation);
        else if (operation.op === 'changeElements') this.#changeElements(index, operation);
        else if (operation.op === 'forgetSenders') this.#departed.push(...operation.changes);
        else if (operation.op === 'dropConnections') this.#context.dropConnections(operation.changes);
        else this.#carryOut(index, operation);
        if (operation.op !== 'forgetSenders') failpoint(`apply.${operation.op}`, () => this.#flush());
      }
      this.#flush();
    } finally {
      this.#targets.end();
    }
    const results = this.#refusals.map((refusal) =>
      refusal === undefined ? DONE : { ok: false, ...refusal },
    );
    const isLeft = this.#departures.isUnfinished || this.#departed.length > 0;
    return { results, retired: this.#retired, finish: isLeft ? () => this.#finish() : undefined };
  }

  /** What held a member to its addresses goes after its link. */
  #finish(): KernelChange[] {
    const changes = this.#departures.finish();
    failpoint('apply.shut');
    if (this.#departed.length === 0) return changes;
    if (!this.#context.changeElements(this.#departed).ok) changes.push({ kind: 'firewall' });
    failpoint('apply.forgetSenders');
    return changes;
  }

  readonly #refuse = (owner: number, refusal: Refusal): void => {
    // The first is the reason; what follows from it would only hide it.
    this.#refusals[owner] ??= refusal;
  };

  #carryOut(index: number, operation: Exclude<Operation, Firewall>): void {
    // The name that a retired peer sets free may be given again by the next Operation.
    if (operation.op !== 'retireLink' && this.#departures.hasPeers) this.#flush();
    if (this.#targets.full) {
      this.#flush();
      this.#targets.close();
    }
    try {
      this.#dispatch(index, operation);
    } catch (error) {
      this.#refuse(index, refusalOfError(error));
    }
  }

  #dispatch(index: number, operation: Exclude<Operation, Firewall>): void {
    switch (operation.op) {
      case 'createNetns':
        this.#createNetns(operation);
        break;
      case 'removeNetns':
        this.#removeNetns(operation);
        break;
      default:
        this.#inNetns(index, operation);
    }
  }

  #inNetns(index: number, operation: InNetns): void {
    const target = this.#targets.get(operation.netns);
    if (!(target instanceof Target)) this.#refuse(index, target);
    else if (operation.op === 'setSysctl') this.#setSysctl(index, target, operation);
    else this.#onLink(index, target, operation);
  }

  #noteUnborn({ target, link, peer }: Pick<Birth, 'target' | 'link' | 'peer'>): void {
    for (const end of [{ target, link }, ...(peer === undefined ? [] : [peer])]) {
      const names = this.#unborn.get(end.target.key) ?? new Set();
      this.#unborn.set(end.target.key, names.add(end.link.ifname));
    }
  }

  /** Whether the link was to be made in this list and was not. */
  #isUnborn(target: Target, ifname: string): boolean {
    const isPeer = ({ peer }: Birth): boolean => peer?.target === target && peer.link.ifname === ifname;
    if (this.#births.some(isPeer)) this.#flush();
    return this.#unborn.get(target.key)?.has(ifname) ?? false;
  }

  #refuseUnborn(index: number, ifname: string): void {
    this.#refuse(index, { errno: 'ENODEV', reason: `${ifname} could not be made` });
  }

  #onLink(index: number, target: Target, operation: Exclude<InNetns, SetSysctl>): void {
    if (operation.op !== 'createBridge' && operation.op !== 'createVeth') {
      const ifname = 'ifname' in operation ? operation.ifname : ifnameOf(operation);
      if (this.#isUnborn(target, ifname)) {
        this.#refuseUnborn(index, ifname);
        return;
      }
    }
    switch (operation.op) {
      case 'createBridge':
        this.#createBridge(index, target, operation);
        break;
      case 'createVeth':
        this.#createVeth(index, target, operation);
        break;
      case 'changeLink':
        this.#changeLink(index, target, operation);
        break;
      case 'retireLink':
        this.#retireLink(index, target, operation);
        break;
      case 'settleCarrier':
        this.#batchFor(target).add(index, encodeGetLink({ ifname: operation.ifname }));
        break;
      default:
        this.#addOnLink(index, target, operation);
    }
  }

  /** The batch of that namespace; another one's leaves first. */
  #batchFor(target: Target): Batch {
    if (this.#batch?.target === target) return this.#batch;
    this.#flush();
    if (!this.#prepared.has(target)) {
      this.#prepared.add(target);
      const names = this.#needed.get(target.key);
      if (names !== undefined) target.ask(names);
    }
    const batch = new Batch(target);
    this.#batch = batch;
    return batch;
  }

  /** Sends what has collected, and what can only be sent when that has been done. */
  #flush(): void {
    const batch = this.#batch;
    const births = this.#births;
    this.#batch = undefined;
    this.#births = [];
    batch?.send(this.#refuse);
    finishBirths(
      births.filter(({ owner }) => this.#refusals[owner] === undefined),
      this.#refuse,
    );
    for (const birth of births) if (this.#refusals[birth.owner] !== undefined) this.#noteUnborn(birth);
    this.#departures.send(this.#refuse);
  }

  /**
   * What `read` tells of a link by name; where it is not known, whatever may make the link is sent, and `ask` asks the
   * kernel. Refuses the Operation where there is no such link.
   */
  #getKnown<Known>(
    index: number,
    { target, ifname }: { readonly target: Target; readonly ifname: string },
    read: () => Known | undefined,
    ask: () => void,
  ): Known | undefined {
    this.#batchFor(target);
    let known = read();
    if (known === undefined) {
      this.#flush();
      known = read();
    }
    if (known === undefined) {
      ask();
      known = read();
    }
    if (known === undefined) {
      this.#refuse(index, { errno: 'ENODEV', reason: `${describeErrnoName('ENODEV')}: ${ifname}` });
    }
    return known;
  }

  #getIndex(index: number, target: Target, ifname: string): number | undefined {
    const read = () => target.knownIndex(ifname);
    return this.#getKnown(index, { target, ifname }, read, () => target.askIndex(ifname));
  }

  #getLink(index: number, target: Target, ifname: string): KnownLink | undefined {
    const read = () => target.known(ifname);
    return this.#getKnown(index, { target, ifname }, read, () => target.lookUp([ifname]));
  }

  /** The ifindex of a bridge, 0 for none. */
  #masterIndex(index: number, target: Target, master: string): number | undefined {
    return master === '' ? 0 : this.#getIndex(index, target, master);
  }

  #addOnLink(index: number, target: Target, operation: OnLink): void {
    const ifindex = this.#getIndex(index, target, ifnameOf(operation));
    if (ifindex !== undefined) this.#batchFor(target).add(index, requestOnLink(operation, ifindex));
  }

  #bear(index: number, birth: Omit<Birth, 'born' | 'owner'>, request: NetlinkRequest): void {
    const batch = this.#batchFor(birth.target);
    const born: Birth = { ...birth, owner: index, born: undefined };
    this.#births.push(born);
    batch.add(index, request, (message) => {
      born.born = decodeLink(message);
    });
  }

  #createBridge(index: number, target: Target, { link }: CreateBridge): void {
    this.#bear(index, { target, link, peer: undefined }, encodeCreateBridge(link));
  }

  #createVeth(index: number, target: Target, { link, peer, peerNetns }: CreateVeth): void {
    const peerTarget = this.#targets.get(peerNetns);
    if (!(peerTarget instanceof Target)) {
      this.#refuse(index, peerTarget);
      this.#noteUnborn({ target, link, peer: undefined });
      return;
    }
    const ends = { target, link, peer: { target: peerTarget, link: peer } };
    const masterIndex = this.#masterIndex(index, target, link.master);
    if (masterIndex === undefined) {
      this.#noteUnborn(ends);
      return;
    }
    const request = encodeCreateVeth(link, peer, masterIndex, peerTarget.fd);
    this.#bear(index, ends, request);
  }

  #changeLink(index: number, target: Target, { ifname, change }: ChangeLink): void {
    const { master } = change;
    const masterIndex = master === undefined ? undefined : this.#masterIndex(index, target, master);
    if (master !== undefined && masterIndex === undefined) return;
    // The marks of a link that is being made would undo what was sent in the same batch.
    if (this.#births.some(({ link }) => link.ifname === ifname)) this.#flush();
    const link = change.ifname === undefined ? target.known(ifname) : this.#getLink(index, target, ifname);
    if (change.ifname !== undefined && link === undefined) return;
    const selector = link === undefined ? { ifname } : { ifindex: link.ifindex };
    const batch = this.#batchFor(target);
    for (const request of changeLink(selector, change, masterIndex, link?.up ?? false)) {
      batch.add(index, request);
    }
    if (change.ifname === undefined || link === undefined) return;
    target.forget(ifname);
    target.learn(change.ifname, link);
  }

  #retireLink(index: number, target: Target, { ifname, alias, peer }: RetireLink): void {
    if (target.key !== HOST) {
      this.#batchFor(target).add(index, encodeDeleteLink({ ifname }));
      target.forget(ifname);
      return;
    }
    const link = this.#getLink(index, target, ifname);
    if (link === undefined) return;
    if (alias !== undefined && link.alias !== alias) {
      this.#refuse(index, { errno: 'ESTALE', reason: `${ifname} is another link now` });
      return;
    }
    const { ifindex } = link;
    const batch = this.#batchFor(target);
    if (link.kind === 'veth' && index >= this.#end) this.#departures.leave({ owner: index, ifname, ifindex });
    else for (const request of retireHostEnd(ifindex)) batch.add(index, request);
    target.forget(ifname);
    this.#retired = true;
    if (peer === undefined || link.kind !== 'veth' || link.peerIndex === 0) return;
    this.#departures.leavePeer({ netns: peer.netns, hostIndex: ifindex, peerIndex: link.peerIndex });
  }

  #createNetns({ netns, name, alias }: CreateNetns): void {
    this.#flush();
    const { namespaces } = this.#context;
    createNamedNetns(namespaces, name, () => {
      const socket = new NetlinkSocket();
      try {
        socket.request('naming lo', encodeSetLink({ ifname: 'lo' }, { alias }));
      } finally {
        socket.close();
      }
    });
    const opened = namespaces.open({ kind: 'name', name });
    if (opened.status !== 'present') throw errorOfRefusal({ errno: 'ENOENT', reason: opened.reason });
    const { fd } = opened;
    const openSocket = () => namespaces.within(fd, () => new NetlinkSocket());
    this.#targets.add(netns, new Target(netns, fd, openSocket));
  }

  #removeNetns({ name, object }: RemoveNetns): void {
    this.#flush();
    const reference = this.#request.netns.get(object);
    if (reference?.ref.kind === 'name' && reference.ref.name === name) {
      const target = this.#targets.get(object);
      if (!(target instanceof Target)) throw errorOfRefusal(target);
    }
    // A descriptor that stays open here would keep the namespace, and with it every link in it.
    this.#targets.close();
    removeNamedNetns(this.#context.namespaces, name);
  }

  #setSysctl(index: number, target: Target, { sysctl }: SetSysctl): void {
    this.#flush();
    const [, , ifname = ''] = sysctl.key.split('/');
    if (this.#isUnborn(target, ifname)) {
      this.#refuseUnborn(index, ifname);
      return;
    }
    const write = () => writeSysctl(sysctl.key, sysctl.value);
    try {
      if (target.key === HOST) write();
      else this.#context.namespaces.within(target.fd, write);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw errorOfRefusal({ errno: error.code, reason: `${describeErrnoName(error.code)}: ${sysctl.key}` });
    }
  }

  async #applyRuleset(index: number, { text }: ApplyRuleset): Promise<void> {
    this.#flush();
    this.#note(index, await this.#context.applyRuleset(text));
  }

  #changeElements(index: number, { changes }: ChangeElements): void {
    this.#flush();
    this.#note(index, this.#context.changeElements(changes));
  }

  #note(index: number, result: OperationResult): void {
    if (!result.ok) this.#refuse(index, { errno: result.errno, reason: result.reason });
  }
}

/**
 * Carries out the Operations in order; a result for each, in the same order. Throws for nothing the kernel says.
 * `targets`: the namespaces of the request; they are closed.
 */
export function applyOperations(
  context: ApplyContext,
  request: ApplyRequest,
  targets: Targets,
): Promise<Applied> {
  return new Application(context, request, targets).run();
}
