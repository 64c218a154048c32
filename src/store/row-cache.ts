/** Whoever asks for what is not there, a client say, fills no memory. */
const MOST_ABSENT = 256;

/**
 * Rows already made into nouns, by id, and whole lists of them. Every pass and every inspect reads many rows that
 * did not change. Measured with 1,000 endpoints: the list costs 4.7 ms without, 2.7 of it the rows, 2.0 their JSON
 * and addresses; of the rest, reading the ids and finding the nouns, 1.1 ms, a kept list costs nothing.
 */
export class RowCache<Noun> {
  readonly #load: (id: string) => Noun | undefined;
  readonly #kept = new Map<string, Noun>();
  /** Ids that were looked for in vain since the last transaction. */
  readonly #absent = new Set<string>();
  readonly #lists = new Map<string, readonly Noun[]>();
  readonly #touched = new Set<string>();
  /** What was read of touched rows since: part of the transaction, kept when that is. */
  readonly #open = new Map<string, Noun | undefined>();
  readonly #openLists = new Map<string, readonly Noun[]>();

  /** `load` reads the row of an id. */
  constructor(load: (id: string) => Noun | undefined) {
    this.#load = load;
  }

  /** The noun of an id. */
  get(id: string): Noun | undefined {
    if (this.#touched.has(id)) return this.#getOpen(id);
    const kept = this.#kept.get(id);
    if (kept !== undefined || this.#absent.has(id)) return kept;
    const noun = this.#load(id);
    if (noun !== undefined) this.#kept.set(id, noun);
    else if (this.#absent.size < MOST_ABSENT) this.#absent.add(id);
    return noun;
  }

  #getOpen(id: string): Noun | undefined {
    if (this.#open.has(id)) return this.#open.get(id);
    const noun = this.#load(id);
    this.#open.set(id, noun);
    return noun;
  }

  /** The nouns of ids that were just read, in their order. */
  list(ids: readonly string[]): Noun[] {
    return ids.flatMap((id) => this.get(id) ?? []);
  }

  /**
   * The nouns whose ids `read` gives, kept under `key` (an id of another noun: no two are the same, or `''`): they must
   * depend on rows of this table alone.
   */
  listOf(key: string, read: () => readonly string[]): readonly Noun[] {
    return this.#listOf(key, read, Number.POSITIVE_INFINITY);
  }

  /**
   * The first noun whose id `read` gives, as `listOf`, under a key with a blank in it. It may be one that a client made
   * up, to which nothing leads: such answers are kept only while few lists are.
   */
  find(key: string, read: () => readonly string[]): Noun | undefined {
    return this.#listOf(key, read, MOST_ABSENT)[0];
  }

  #listOf(key: string, read: () => readonly string[], mostWithEmpty: number): readonly Noun[] {
    const lists = this.#touched.size === 0 ? this.#lists : this.#openLists;
    const kept = lists.get(key);
    if (kept !== undefined) return kept;
    const nouns = this.list(read());
    if (nouns.length > 0 || lists.size < mostWithEmpty) lists.set(key, nouns);
    return nouns;
  }

  /** To be told before a row is inserted, changed or removed: it is read from the table again, once. */
  touch(id: string): void {
    this.#kept.delete(id);
    this.#lists.clear();
    this.#touched.add(id);
    this.#open.delete(id);
    this.#openLists.clear();
  }

  /** To be told what the row that was touched last is now, if it is known without reading it. */
  wrote(id: string, noun: Noun): void {
    this.#open.set(id, noun);
  }

  /** To be told when a part of the transaction was taken back: what was read of it was never so. */
  undone(): void {
    this.#open.clear();
    this.#openLists.clear();
  }

  /** To be told when a transaction has ended; `isKept`: by a commit. */
  settle(isKept: boolean): void {
    if (isKept) {
      for (const [id, noun] of this.#open) if (noun !== undefined) this.#kept.set(id, noun);
      for (const [key, nouns] of this.#openLists) this.#lists.set(key, nouns);
    }
    this.undone();
    this.#touched.clear();
    this.#absent.clear();
  }
}
