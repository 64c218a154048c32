/** The namespaces that one `apply` works in: opened when an Operation first needs them, closed at its end. */
import { closeSync } from 'node:fs';
import { HOST, type NetnsKey, type ObservedLink } from '../model/netstate.ts';
import type { Refusal } from './codec/ack.ts';
import { decodeLink, encodeGetLink, type LinkSelector } from './codec/link.ts';
import type { ApplyRequest } from './contract.ts';
import type { Namespaces } from './netns.ts';
import { NetlinkSocket } from './socket.ts';

/** How many namespaces are held open at once; a descriptor and a socket each. */
const MOST_OPEN = 256;

/** What Operations need to know of a link. */
export type KnownLink = Pick<ObservedLink, 'ifindex' | 'peerIndex' | 'kind' | 'up' | 'group'>;

/** One namespace, with the links that Operations have met in it. */
export class Target {
  readonly key: NetnsKey;
  /** The namespace's descriptor. */
  readonly fd: number;
  readonly #openSocket: () => NetlinkSocket;
  readonly #links = new Map<string, KnownLink>();
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

  /** Remembers a link. */
  learn(ifname: string, link: KnownLink): void {
    this.#links.set(ifname, link);
  }

  /** Forgets a link that is gone or has another name now. */
  forget(ifname: string): void {
    this.#links.delete(ifname);
  }

  /** Asks the kernel for links, many in one send, and remembers those that are there. */
  lookUp(ifnames: readonly string[]): void {
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
    this.#socket?.close();
  }
}

/** The namespaces of one ApplyRequest. */
export class Targets {
  readonly #namespaces: Namespaces;
  readonly #references: ApplyRequest['netns'];
  readonly #host: Target;
  readonly #open = new Map<NetnsKey, Target>();
  readonly #refusals = new Map<NetnsKey, Refusal>();

  /** `hostSocket` and `hostFd` are borrowed. */
  constructor(namespaces: Namespaces, hostSocket: NetlinkSocket, references: ApplyRequest['netns']) {
    this.#namespaces = namespaces;
    this.#references = references;
    this.#host = new Target(HOST, namespaces.hostFd, () => hostSocket);
  }

  /** Whether opening one more should wait until those open have been closed. */
  get full(): boolean {
    return this.#open.size >= MOST_OPEN;
  }

  /** The namespace, or why nothing can be done in it. */
  get(key: NetnsKey): Target | Refusal {
    if (key === HOST) return this.#host;
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
    return new Target(key, fd, () => this.#namespaces.within(fd, () => new NetlinkSocket()));
  }
}
