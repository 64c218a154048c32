/**
 * Hears of changes that others make to our nftables tables. A transaction's messages say what it touched; the one
 * that ends it says which socket made it, so that our own changes do not look like somebody else's.
 */

import { decodeMessages } from './codec/message.ts';
import { concernsOurTables, decodeNftablesEvent, NFNLGRP_NFTABLES } from './codec/nftables.ts';
import { EventReader, GATHER_MS } from './event-reader.ts';
import { onReadableFor, SystemError } from './libc.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './socket.ts';

/** Our sockets whose transactions may still be told of; the eldest are forgotten. */
const MAX_REMEMBERED = 64;

/** Our tables as a whole, whatever they were, or elements of them. */
type Wrote = 'ruleset' | 'elements';

/**
 * The netlink ports of ours that write to nftables: that of our own socket, and those of nft processes. The kernel
 * gives a program's first socket the program's pid as port (netlink(7)), as its own pid namespace numbers it; the
 * pid in the message itself is that of the first namespace.
 */
export class FirewallAuthors {
  readonly #ports = new Map<number, Wrote>();

  add(port: number, wrote: Wrote): void {
    // Newest last.
    this.#ports.delete(port);
    this.#ports.set(port, wrote);
    const [eldest] = this.#ports.keys();
    if (this.#ports.size > MAX_REMEMBERED && eldest !== undefined) this.#ports.delete(eldest);
  }

  /** To be told when a program has done what it was run for: its pid may be somebody else's next. */
  forget(port: number): void {
    this.#ports.delete(port);
  }

  /** What that port writes; undefined for somebody else's. */
  get(port: number): Wrote | undefined {
    return this.#ports.get(port);
  }
}

/** The tables of iptables that hold FORWARD and Docker's chains, and the translation of what is forwarded. */
const FOREIGN_TABLES: ReadonlySet<string> = new Set(['filter', 'nat']);

/** Whose tables were touched. */
type Touched = 'firewall' | 'foreignFirewall';

/**
 * Calls `onChange` after every transaction of somebody else that touched a table of ours or one of iptables',
 * and for ours after a loss.
 */
export class FirewallEvents {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);
  readonly #reader: EventReader;
  readonly #stop: () => void;
  readonly #authors: FirewallAuthors;
  readonly #onChange: (touched: Touched) => void;
  /** What the transaction that is being told of has touched. */
  readonly #touched = new Set<Touched>();
  #generation: number | undefined;

  constructor(authors: FirewallAuthors, onChange: (touched: Touched) => void) {
    this.#authors = authors;
    this.#onChange = onChange;
    this.#socket.join(NFNLGRP_NFTABLES);
    this.#reader = new EventReader(this.#socket.fd);
    this.#stop = onReadableFor(GATHER_MS, this.#socket.fd, () => this.#drain());
  }

  close(): void {
    this.#stop();
    this.#socket.close();
  }

  /** The last generation heard of at which our tables are known to be as we left them. */
  get generation(): number | undefined {
    return this.#generation;
  }

  /** To be told that they are at this one, which nothing has followed yet. */
  trust(generation: number): void {
    this.#generation = generation;
  }

  #drain(): void {
    for (;;) {
      try {
        const event = this.#reader.read();
        if (event === undefined) return;
        this.#read(event.datagram);
      } catch (error) {
        // ENOBUFS: some were lost, and they may have been about us.
        if (!(error instanceof SystemError)) throw error;
        this.#generation = undefined;
        this.#onChange('firewall');
      }
    }
  }

  #read(datagram: Buffer): void {
    for (const message of decodeMessages(datagram)) {
      const event = decodeNftablesEvent(message);
      if (event === undefined) continue;
      if (event.kind !== 'generation') {
        if (concernsOurTables(event)) this.#touched.add('firewall');
        else if (event.kind === 'table' && FOREIGN_TABLES.has(event.table))
          this.#touched.add('foreignFirewall');
        continue;
      }
      const wrote = this.#authors.get(event.port);
      if (wrote === undefined && this.#touched.has('firewall')) this.#generation = undefined;
      else if (wrote === 'ruleset' || this.#generation !== undefined) this.#generation = event.id;
      if (wrote === 'ruleset') this.#authors.forget(event.port);
      if (wrote === undefined) for (const one of this.#touched) this.#onChange(one);
      this.#touched.clear();
    }
  }
}
