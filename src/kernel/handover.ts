/**
 * A namespace that the daemon's thread has looked at goes open to the kernel thread, when that is to work there at once:
 * to open and check it again took 0.2 ms of a connect. Descriptors are the process's, whatever thread uses them.
 */
import { closeSync } from 'node:fs';
import type { ApplyRequest, NetnsProbe, NetnsRef } from './contract.ts';
import type { HeldNetns, Namespaces } from './netns.ts';

/** At most one namespace, and no longer than a turn of the event loop: one that is held does not end. */
export class Handover {
  readonly #namespaces: Namespaces;
  #held: HeldNetns | undefined;

  constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  /** Looks where a reference leads, and holds what is there under a name. */
  probe(ref: NetnsRef): NetnsProbe {
    // Only a name leads to the same namespace as long as nobody gives it anew (netns.ts).
    if (ref.kind !== 'name') return this.#namespaces.probe(ref);
    const opened = this.#namespaces.open(ref);
    if (opened.status !== 'present') return opened;
    this.#hold({ ref, opened });
    const { fd: _, ...probe } = opened;
    return probe;
  }

  /** What is held, if the request is to work there. Whoever takes it closes it. */
  take({ netns }: Pick<ApplyRequest, 'netns'>): HeldNetns | undefined {
    const held = this.#held;
    if (held === undefined) return undefined;
    for (const { ref, identity } of netns.values()) {
      if (ref.kind !== 'name' || ref.name !== held.ref.name) continue;
      if (identity?.inode !== held.opened.identity.inode) continue;
      this.#held = undefined;
      return held;
    }
    return undefined;
  }

  #hold(held: HeldNetns): void {
    this.close();
    this.#held = held;
    setImmediate(() => {
      if (this.#held === held) this.close();
    });
  }

  /** Closes what is held. Harmless where nothing is. */
  close(): void {
    if (this.#held !== undefined) closeSync(this.#held.opened.fd);
    this.#held = undefined;
  }
}
