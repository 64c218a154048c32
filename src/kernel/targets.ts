/** The namespaces that one `apply` works in: opened when an Operation first needs them, closed at its end. */
import { closeSync } from 'node:fs';
import { HOST, type NetnsKey, type ObservedLink } from '../model/netstate.ts';
import type { Refusal } from './codec/ack.ts';
import { decodeLink, encodeGetLink, type LinkSelector } from './codec/link.ts';
import type { ApplyRequest, NamesNeeded, NetnsRef, Preparation } from './contract.ts';
import { indexOfLink } from './libc.ts';
import { isSameRef, type Namespaces, type PresentNetns } from './netns.ts';
import { NetlinkSocket } from './socket.ts';

/** How many namespaces are held open at once; a descriptor and a socket each. */
const MOST_OPEN = 256;

/** What Operations need to know of a link. */
export type KnownLink = Pick<ObservedLink, 'ifindex' | 'peerIndex' | 'kind' | 'up' | 'group' | 'alias'>;

/** One namespace, with the links that Operations have met in it. */
export class Target {
  readonly key: NetnsKey;
  /** The namespace's descriptor. */
  readonly fd: number;
  readonly #openSocket: () => NetlinkSocket;
  readonly #links = new Map<string, KnownLink>();
  /** Of links of which nothing else was asked. */
  readonly #indexes = new Map<string, number>();
  #socket: NetlinkSocket | undefined;

  constructor(key: NetnsKey, fd: number, openSocket: () => NetlinkSocket) {
    this.key = key;
    this.fd = fd;
    this.#openSocket = openSocket;
  }

  /** A socket in the namespace; opened at the first use. */
  get socket(): NetlinkSocket {
    this.#socket ??= this.#openSocket();
    return this.#socket;
  }

  /** A link met before, if any. */
  known(ifname: string): KnownLink | undefined {
    return this.#links.get(ifname);
  }

  /** The ifindex of a link met before, if any. */
  knownIndex(ifname: string): number | undefined {
    return this.#links.get(ifname)?.ifindex ?? this.#indexes.get(ifname);
  }

  /** Remembers a link. */
  learn(ifname: string, link: KnownLink): void {
    this.#links.set(ifname, link);
  }

  /** Forgets a link that is gone or has another name now. */
  forget(ifname: string): void {
    this.#links.delete(ifname);
    this.#indexes.delete(ifname);
  }

  /** A link met before that is the other end of that one, if any. */
  knownPeer(peerIndex: number, ifindex: number): KnownLink | undefined {
    return [...this.#links.values()].find(
      (link) => link.ifindex === peerIndex && link.peerIndex === ifindex && link.kind === 'veth',
    );
  }

  /** Asks the kernel for what is not known of these links. */
  ask({ whole, index }: NamesNeeded): void {
    this.lookUp(whole.filter((ifname) => !this.#links.has(ifname)));
    for (const ifname of index) if (this.knownIndex(ifname) === undefined) this.askIndex(ifname);
  }

  /** Asks the kernel for the ifindex of a link, and remembers it if the link is there. */
  askIndex(ifname: string): void {
    const ifindex = indexOfLink(this.socket.fd, ifname);
    if (ifindex !== undefined) this.#indexes.set(ifname, ifindex);
  }

  /** Asks the kernel for links, many in one send, and remembers those that are there. */
  lookUp(ifnames: readonly string[]): void {
    if (ifnames.length === 0) return;
    const requests = ifnames.map((ifname) => encodeGetLink({ ifname }));
    this.socket.transact(requests, (_, message) => {
      const link = decodeLink(message);
      this.learn(link.ifname, link);
    });
  }

  /** Asks the kernel for one link; undefined when it is not there. */
  look(selector: LinkSelector): KnownLink | undefined {
    let found: KnownLink | undefined;
    this.socket.transact([encodeGetLink(selector)], (_, message) => {
      found = decodeLink(message);
    });
    return found;
  }

  /** Closes what was opened. */
  close(): void {
    closeSync(this.fd);
    this.closeSocket();
  }

  /** Closes the socket alone, for whoever has a use for the descriptor. */
  closeSocket(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** The namespaces of one ApplyRequest. */
export class Targets {
  readonly #namespaces: Namespaces;
  readonly #references: ApplyRequest['netns'];
  /** The host's; its descriptor and socket are borrowed. */
  readonly host: Target;
  readonly #open = new Map<NetnsKey, Target>();
  readonly #refusals = new Map<NetnsKey, Refusal>();
  #last: { readonly key: NetnsKey; readonly ref: NetnsRef; readonly opened: PresentNetns } | undefined;

  constructor(namespaces: Namespaces, hostSocket: NetlinkSocket, references: ApplyRequest['netns']) {
    this.#namespaces = namespaces;
    this.#references = references;
    this.host = new Target(HOST, namespaces.hostFd, () => hostSocket);
  }

  /** Opens what an Operation is going to need, and asks for the links. */
  prepare(names: Preparation['names']): void {
    for (const [key, needed] of names) {
      const target = this.get(key);
      if (target instanceof Target) target.ask(needed);
    }
  }

  /** Whether these are the namespaces of that request: those of the same names, and the same ones behind them. */
  areThoseOf({ netns }: ApplyRequest): boolean {
    if (netns.size !== this.#references.size) return false;
    return [...netns].every(([key, { ref, identity }]) => {
      const known = this.#references.get(key);
      return known !== undefined && isSameRef(ref, known.ref) && identity?.inode === known.identity?.inode;
    });
  }

  /** Whether opening one more should wait until those open have been closed. */
  get full(): boolean {
    return this.#open.size >= MOST_OPEN;
  }

  /** The namespace, or why nothing can be done in it. */
  get(key: NetnsKey): Target | Refusal {
    if (key === HOST) return this.host;
    const known = this.#open.get(key) ?? this.#refusals.get(key);
    if (known !== undefined) return known;
    const found = this.#find(key);
    if (found instanceof Target) this.#open.set(key, found);
    else this.#refusals.set(key, found);
    return found;
  }

  /** Takes in a namespace that was made for `key`, in place of what was there before. */
  add(key: NetnsKey, target: Target): void {
    this.#refusals.delete(key);
    this.#open.get(key)?.close();
    this.#open.set(key, target);
  }

  /** Closes all but the host's; they are opened again when they are needed. */
  close(): void {
    for (const target of this.#open.values()) target.close();
    this.#open.clear();
  }

  /** As `close`, when nothing more is to be done; where just one is open it is kept for who comes next. */
  end(): void {
    const last = this.#last;
    const [only] = this.#open.size === 1 ? this.#open.values() : [];
    if (only !== undefined && only.key === last?.key && only.fd === last.opened.fd) {
      only.closeSocket();
      this.#open.clear();
      this.#namespaces.keep(last.ref, last.opened);
    }
    this.close();
  }

  #find(key: NetnsKey): Target | Refusal {
    const reference = this.#references.get(key);
    if (reference === undefined) return { errno: 'ENOENT', reason: `the container ${key} has no namespace` };
    const opened = this.#namespaces.open(reference.ref);
    if (opened.status !== 'present') {
      return { errno: opened.status === 'absent' ? 'ENOENT' : 'EPERM', reason: opened.reason };
    }
    const { fd, identity } = opened;
    if (reference.identity !== undefined && reference.identity.inode !== identity.inode) {
      closeSync(fd);
      return { errno: 'ESTALE', reason: `the namespace of ${key} is another one now` };
    }
    this.#last = { key, ref: reference.ref, opened };
    return new Target(key, fd, () => this.#namespaces.within(fd, () => new NetlinkSocket()));
  }
}
