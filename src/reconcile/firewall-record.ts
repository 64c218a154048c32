/**
 * What a start need not write again. When it has become quiet it is noted at which generation of nftables our tables
 * were as the rows ask for; a start that finds nftables at that generation knows that nobody has changed anything since,
 * and leaves the tables alone if the rows ask for the same. A ruleset with 1,000 members takes nft 200 ms.
 */
import type { FirewallGeneration, Kernel } from '../kernel/contract.ts';
import type { Store } from '../store/contract.ts';
import type { Firewall } from './firewall.ts';

/** The store's setting that holds it. */
const SETTING = 'firewall';

/** How long no pass must have ended. After the first one less: a start may be followed by the next crash. */
const QUIET_MS = 1_000;
const FIRST_MS = 50;

interface Note {
  readonly generation: FirewallGeneration;
  readonly fingerprint: string;
}

/** What the notes are about. */
export interface FirewallRecordOptions {
  readonly store: Store;
  readonly kernel: Pick<Kernel, 'firewallGeneration' | 'isFirewallAt'>;
  readonly firewall: Pick<Firewall, 'fingerprint' | 'recall'>;
  /** Whether a pass is under way. */
  readonly isBusy: () => boolean;
}

/** The note, of one reconciler. */
export class FirewallRecord {
  readonly #options: FirewallRecordOptions;
  #recalled: Promise<void> | undefined;
  #passes = 0;
  /** The generation that is noted. */
  #noted: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FirewallRecordOptions) {
    this.#options = options;
  }

  /**
   * Before the first pass plans: the ruleset is known if it is as it was noted, and otherwise not. Does nothing the second
   * time. Never rejects.
   */
  recall(): Promise<void> {
    this.#recalled ??= this.#recall().catch(() => undefined);
    return this.#recalled;
  }

  /** A pass has ended. */
  passed(): void {
    this.#passes += 1;
    this.#timer ??= this.#noteAfter(this.#passes === 1 ? FIRST_MS : QUIET_MS);
  }

  async #recall(): Promise<void> {
    const { store, kernel, firewall } = this.#options;
    const text = store.getSetting(SETTING);
    if (text === undefined) return;
    const { generation, fingerprint }: Note = JSON.parse(text);
    if (!(await kernel.isFirewallAt(generation))) return;
    this.#noted = generation.id;
    firewall.recall(store, fingerprint);
  }

  #noteAfter(ms: number): NodeJS.Timeout {
    const passes = this.#passes;
    const look = (): void => {
      this.#timer = undefined;
      if (this.#passes === passes && !this.#options.isBusy()) {
        // What cannot be noted is written again by the next start.
        this.#note(passes).catch(() => undefined);
      } else this.#timer = this.#noteAfter(QUIET_MS);
    };
    return setTimeout(look, ms).unref();
  }

  async #note(passes: number): Promise<void> {
    const { store, kernel, firewall, isBusy } = this.#options;
    const generation = await kernel.firewallGeneration();
    // A pass that has begun meanwhile may have changed what is known; its end leads here again.
    if (generation === undefined || isBusy() || this.#passes !== passes) return;
    if (generation.id === this.#noted) return;
    const fingerprint = firewall.fingerprint();
    if (fingerprint === undefined) return;
    const text = JSON.stringify({ generation, fingerprint } satisfies Note);
    await store.write((writer) => writer.setSetting(SETTING, text));
    this.#noted = generation.id;
  }
}
