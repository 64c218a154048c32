/**
 * Changes that were committed and not answered yet: the kernel may still refuse them. After a crash nobody is
 * left to take such a change back, so the next start does, by what was written down with it. Erased behind the
 * answer, so that no request waits for one more write.
 */
import { failpoint } from '../failpoint.ts';
import type { PassResult } from '../reconcile/loop.ts';
import type { Store, StoreWriter } from '../store/contract.ts';
import { forgetIfIdle } from './forget.ts';

/** The store's setting that holds them. */
const SETTING = 'unanswered';

/** How long an erasure waits for a change that it can go along with. */
const ERASE_MS = 50;

/** How a change is taken back when nobody is left who remembers it. */
export interface TakeBack {
  /** Endpoints and networks that it inserted. */
  readonly inserted: readonly string[];
  /** The container that it started. */
  readonly started?: string;
}

interface Entry extends TakeBack {
  /** Ids of which a failure is the change's. */
  readonly concerns: readonly string[];
}

/** The changes on their way, of one store. */
export class Unanswered {
  readonly #store: Store;
  readonly #entries = new Set<Entry>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Writes a change down, in its own transaction; gives the function that says it is answered or taken back. */
  note(writer: StoreWriter, takeBack: TakeBack, concerns: readonly string[]): () => void {
    const entry = { ...takeBack, concerns };
    this.#entries.add(entry);
    this.#write(writer);
    return () => {
      this.#entries.delete(entry);
      this.#eraseSoon();
    };
  }

  /** Takes back what a crash left unanswered and the kernel refused in this pass. Gives whether there was any. */
  async takeBack({ failures }: PassResult): Promise<boolean> {
    const entries = entriesOf(this.#store.getSetting(SETTING));
    if (entries.length === 0) return false;
    const refused = entries.filter(({ concerns }) => concerns.some((id) => failures.has(id)));
    await this.#store.write((writer) => {
      for (const entry of refused) takeBackOne(writer, entry);
      this.#write(writer);
    });
    failpoint('start.taken-back');
    return refused.length > 0;
  }

  #eraseSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // What cannot be erased now is erased with the next change.
      this.#store.write((writer) => this.#write(writer)).catch(() => undefined);
    }, ERASE_MS).unref();
  }

  #write(writer: StoreWriter): void {
    writer.setSetting(SETTING, this.#entries.size === 0 ? undefined : JSON.stringify([...this.#entries]));
  }
}

function entriesOf(text: string | undefined): readonly Entry[] {
  return text === undefined ? [] : JSON.parse(text);
}

function takeBackOne(writer: StoreWriter, { inserted, started }: Entry): void {
  for (const id of inserted) {
    const endpoint = writer.getEndpoint(id);
    if (endpoint !== undefined) writer.removeEndpoint(id);
    if (endpoint !== undefined) forgetIfIdle(writer, endpoint.containerId);
    if (writer.getNetwork(id) !== undefined) writer.removeNetwork(id);
  }
  const container = started === undefined ? undefined : writer.getContainer(started);
  if (container !== undefined) writer.updateContainer({ ...container, state: 'exited' });
}
