/**
 * The kernel thread: owns the netlink sockets, enters namespaces and comes back, one call after another. What
 * is not a VethdError is a fault of ours and ends the thread, and the daemon with it.
 */
import { closeSync } from 'node:fs';
import { endianness } from 'node:os';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { VethdError } from '../errors.ts';
import type { NetnsIdentity } from '../model/container.ts';
import type { OperationResult } from '../model/operation.ts';
import { type Applied, type ApplyContext, applyOperations } from './apply.ts';
import type { NetlinkRequest } from './codec/message.ts';
import { decodeNsid, encodeAssignNsid, encodeGetNsid } from './codec/nsid.ts';
import { dropConntrack } from './conntrack.ts';
import type { ApplyRequest, FirewallGeneration, KernelChange, NetnsRef, Preparation } from './contract.ts';
import { FirewallAuthors } from './firewall-events.ts';
import { openDnsSocketsIn, openSameNetns } from './inside.ts';
import { collectGarbage } from './memory.ts';
import { NetfilterSocket } from './netfilter-socket.ts';
import { type HeldNetns, Namespaces } from './netns.ts';
import { bindNetns, removeLeftovers } from './netns-bind.ts';
import { applyElementChanges, readGeneration, runNft } from './nft.ts';
import { findOnLinkRoutes, listOnLinkPrefixes, observe } from './observe.ts';
import { Reaper } from './reap.ts';
import { NetlinkSocket } from './socket.ts';
import { Targets } from './targets.ts';
import { Watch } from './watch.ts';
import { type Answer, type Call, type Posted, type ThreadOptions, toWire } from './wire.ts';

function post(message: Posted): void {
  parentPort?.postMessage(message);
}

function postChanges(changes: readonly KernelChange[]): void {
  post({ type: 'changes', changes });
}

class KernelThread {
  readonly #namespaces: Namespaces;
  readonly #host = new NetlinkSocket();
  readonly #reaper = new Reaper();
  readonly #watch: Watch;
  readonly #context: ApplyContext;
  readonly #authors = new FirewallAuthors();
  #netfilter: NetfilterSocket | undefined;
  #finish: (() => void) | undefined;
  #prepared: Targets | undefined;

  constructor(options: ThreadOptions) {
    if (endianness() !== 'LE') throw new VethdError('unavailable', 'vethd needs a little-endian machine');
    this.#namespaces = new Namespaces(options);
    this.#context = {
      namespaces: this.#namespaces,
      hostSocket: this.#host,
      applyRuleset: (text) => runNft(text, (pid) => this.#authors.add(pid, 'ruleset')),
      changeElements: (changes) => {
        const socket = this.#netfilterSocket();
        const result = applyElementChanges(socket, changes);
        this.#authors.add(socket.port, 'elements');
        return result;
      },
      dropConnections: (changes) => {
        dropConntrack(this.#netfilterSocket(), changes);
      },
    };
    this.#watch = new Watch({
      namespaces: this.#namespaces,
      host: this.#host,
      firewallAuthors: this.#authors,
      onChanges: postChanges,
    });
  }

  get ready(): Posted {
    const { bootId, hostIdentity } = this.#namespaces;
    return { type: 'ready', bootId, hostIdentity };
  }

  /** Carries out a call. What it gives may be a promise: further calls wait for it. */
  carryOut(call: Exclude<Call, { readonly name: 'reap' | 'close' }>): unknown {
    // Sockets are mostly opened where links have just been put.
    if (call.name !== 'openDnsSockets') this.#namespaces.forget();
    if (call.name !== 'apply') this.#unprepare();
    switch (call.name) {
      case 'probeNetns':
        return this.#namespaces.probe(...call.args);
      case 'visitNetns':
        return this.#namespaces.visit(...call.args);
      case 'listNetnsNames':
        return this.#namespaces.listNames();
      case 'bindNetns':
        return this.#bind(...call.args);
      case 'nsidOf':
        return this.#nsidOf(...call.args);
      case 'findProcess':
        return this.#findProcess(...call.args);
      case 'listOnLinkPrefixes':
        return listOnLinkPrefixes(this.#host);
      case 'findOnLinkRoutes':
        return findOnLinkRoutes(this.#host, ...call.args);
      case 'observe':
        return observe(this.#namespaces, this.#host, ...call.args);
      case 'prepare':
        return this.#prepare(...call.args);
      case 'apply':
        return this.#apply(...call.args);
      case 'watch':
        return this.#watch.start();
      case 'firewallGeneration':
        return this.#generationOf(this.#watch.firewall?.generation);
      case 'isFirewallAt':
        return this.#isFirewallAt(...call.args);
      case 'watchProcess':
        return this.#watch.watchProcess(...call.args);
      case 'openNetns':
        return openSameNetns(this.#namespaces, ...call.args);
      case 'openDnsSockets':
        return openDnsSocketsIn(this.#namespaces, ...call.args);
      case 'clear':
        this.#reaper.deleteNewborn();
        return removeLeftovers(this.#namespaces);
      case 'collectGarbage':
        return collectGarbage();
    }
  }

  /** Whether something of the last call is left for `finish`. */
  get isUnfinished(): boolean {
    return this.#finish !== undefined;
  }

  /** To be called when the last call is answered, and before the next one. */
  finish(): void {
    this.#finish?.();
    this.#finish = undefined;
  }

  /** To be told when no call waits. */
  rest(): void {
    this.#namespaces.forget();
  }

  #generationOf(id: number | undefined): FirewallGeneration | undefined {
    const host = this.#host.netnsCookie();
    if (id === undefined || host === undefined) return undefined;
    return { host: `${this.#namespaces.bootId} ${host}`, id };
  }

  #isFirewallAt(wanted: FirewallGeneration): boolean {
    const { firewall } = this.#watch;
    if (firewall === undefined || this.#generationOf(wanted.id)?.host !== wanted.host) return false;
    if (readGeneration(this.#netfilterSocket()) !== wanted.id) return false;
    firewall.trust(wanted.id);
    return true;
  }

  #netfilterSocket(): NetfilterSocket {
    this.#netfilter ??= new NetfilterSocket();
    return this.#netfilter;
  }

  reap(): Promise<void> {
    return this.#reaper.reap();
  }

  async close(): Promise<void> {
    this.#unprepare();
    this.#watch.close();
    await this.#reaper.close();
    this.#netfilter?.close();
    this.#host.close();
    this.#namespaces.close();
  }

  #prepare({ netns, names }: Preparation, held?: HeldNetns): void {
    if (held !== undefined) this.#namespaces.keep(held.ref, held.opened);
    this.#prepared = new Targets(this.#namespaces, this.#host, netns);
    this.#prepared.prepare(names);
  }

  #unprepare(): void {
    this.#prepared?.close();
    this.#prepared = undefined;
  }

  /** The namespaces of the request, prepared or not. */
  #targetsOf(request: ApplyRequest, held: HeldNetns | undefined): Targets {
    if (held !== undefined) this.#namespaces.keep(held.ref, held.opened);
    const prepared = this.#prepared;
    if (prepared?.areThoseOf(request)) {
      this.#prepared = undefined;
      return prepared;
    }
    this.#unprepare();
    return new Targets(this.#namespaces, this.#host, request.netns);
  }

  async #apply(request: ApplyRequest, held?: HeldNetns): Promise<readonly OperationResult[]> {
    const targets = this.#targetsOf(request, held);
    const { results, retired, finish } = await applyOperations(this.#context, request, targets);
    if (finish !== undefined || retired) this.#finish = () => this.#finishApply(finish, retired);
    return results;
  }

  #finishApply(finish: Applied['finish'], retired: boolean): void {
    const changes = finish?.() ?? [];
    if (changes.length > 0) postChanges(changes);
    // Behind: nobody waits for it, and what it cannot delete the next reap tries again.
    if (retired) this.#reaper.reap().catch(() => undefined);
  }

  #bind(ref: NetnsRef, identity: NetnsIdentity, name: string): void {
    const fd = openSameNetns(this.#namespaces, ref, identity);
    try {
      bindNetns(this.#namespaces, fd, name);
    } finally {
      closeSync(fd);
    }
  }

  #nsidOf(ref: NetnsRef): number {
    return this.#askNsid(ref, (fd) => [encodeAssignNsid(fd), encodeGetNsid(fd)]);
  }

  /** -1 when the reference leads nowhere, or the kernel gives no number. */
  #askNsid(ref: NetnsRef, requests: (fd: number) => readonly NetlinkRequest[]): number {
    const opened = this.#namespaces.open(ref);
    if (opened.status !== 'present') return -1;
    try {
      let nsid = -1;
      this.#host.transact(requests(opened.fd), (_, message) => {
        nsid = decodeNsid(message);
      });
      return nsid;
    } finally {
      closeSync(opened.fd);
    }
  }

  /** Only asks: a namespace that has no number cannot be the one, and need not get one for this. */
  #findProcess(wanted: number): number | undefined {
    return this.#namespaces
      .listProcesses()
      .find(
        (pid) =>
          this.#askNsid({ kind: 'pid', pid, startTime: undefined }, (fd) => [encodeGetNsid(fd)]) === wanted,
      );
  }
}

async function answerTo(id: number, work: () => unknown): Promise<Answer> {
  try {
    return { id, result: await work() };
  } catch (error) {
    if (!(error instanceof VethdError)) throw error;
    return { id, error: toWire(error) };
  }
}

/** Calls that take no longer than waking the other thread does. */
const SHORT: ReadonlySet<Call['name']> = new Set(['openDnsSockets', 'probeNetns', 'visitNetns', 'nsidOf']);
/** Short calls that an answer waits for: a thousand of them take a while. */
const MOST_TOGETHER = 8;

/**
 * Answers one call after another; they come several in a message. An answer waits for those of short calls that are here
 * already: they go together.
 */
class Desk {
  readonly #thread: KernelThread;
  readonly #port: MessagePort;
  readonly #calls: Call[] = [];
  #answers: Answer[] = [];
  #isBusy = false;

  constructor(thread: KernelThread, port: MessagePort) {
    this.#thread = thread;
    this.#port = port;
    port.on('message', (calls: readonly Call[]) => {
      this.#calls.push(...calls);
      if (!this.#isBusy) this.#serve().catch(fail);
    });
  }

  async #serve(): Promise<void> {
    this.#isBusy = true;
    for (let call = this.#next(); call !== undefined; call = this.#next()) {
      if (!SHORT.has(call.name) || this.#answers.length >= MOST_TOGETHER) this.#post();
      await this.#answer(call);
    }
    this.#post();
    this.#thread.rest();
    this.#isBusy = false;
  }

  #next(): Call | undefined {
    if (this.#calls.length === 0) this.#calls.push(...(receiveMessageOnPort(this.#port)?.message ?? []));
    return this.#calls.shift();
  }

  async #answer(call: Call): Promise<void> {
    const { id } = call;
    if (call.name === 'reap') {
      // After the calls before it, but no call after it waits.
      answerTo(id, () => this.#thread.reap())
        .then((answer) => post({ type: 'answers', answers: [answer] }))
        .catch(fail);
    } else if (call.name === 'close') {
      this.#answers.push(await answerTo(id, () => this.#thread.close()));
      this.#post();
      this.#port.close();
    } else if (call.name === 'prepare') {
      await answerTo(id, () => this.#thread.carryOut(call));
    } else {
      this.#answers.push(await answerTo(id, () => this.#thread.carryOut(call)));
      if (!this.#thread.isUnfinished) return;
      this.#post();
      this.#thread.finish();
    }
  }

  #post(): void {
    if (this.#answers.length === 0) return;
    post({ type: 'answers', answers: this.#answers });
    this.#answers = [];
  }
}

/** Ends the thread by an error that nobody catches. */
function fail(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

function start(port: MessagePort, options: ThreadOptions): void {
  try {
    const thread = new KernelThread(options);
    new Desk(thread, port);
    post(thread.ready);
  } catch (error) {
    if (!(error instanceof VethdError)) throw error;
    post({ type: 'failed', error: toWire(error) });
  }
}

// Not a thread where the build only loads the file.
if (parentPort !== null) start(parentPort, workerData);
