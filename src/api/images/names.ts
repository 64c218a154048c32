/**
 * The names of images. There are no images, but Compose creates no container before inspect has found its image, or a
 * pull has brought it, and recreates none whose image is unknown: a name that was pulled or that a container carries
 * is answered for. All that is known of such an image follows from its name.
 */
import { createHash } from 'node:crypto';

/** The oldest pull is forgotten first; a client would pull again. */
const MAX_PULLED = 1_024;

/** The name with its tag: `latest` where none is given; Docker's own registry is left out, as Docker does. */
export function fullName(name: string): string {
  const short = name.replace(/^(?:docker\.io\/)?(?:library\/)?/, '');
  return /[:@][^/]*$/.test(short) ? short : `${short}:latest`;
}

/** The id of the image that the name means; two spellings of one name have the same. */
export function imageIdOf(name: string): string {
  return `sha256:${createHash('sha256').update(fullName(name)).digest('hex')}`;
}

/** Whether a client's term means the image: a spelling of its name, its id, or at least 12 digits of that. */
function means(term: string, name: string): boolean {
  const id = imageIdOf(name);
  const digits = /^(?:sha256:)?([0-9a-f]{12,64})$/.exec(term)?.[1];
  return fullName(term) === fullName(name) || (digits !== undefined && id.startsWith(`sha256:${digits}`));
}

/** The full name of the image that the term means, among these. */
export function findImage(term: string, names: Iterable<string>): string | undefined {
  for (const name of names) if (means(term, name)) return fullName(name);
  return undefined;
}

/** The names that were pulled since the daemon started. */
export class PulledImages {
  readonly #names = new Set<string>();

  /** Remembers a name. */
  add(name: string): void {
    const full = fullName(name);
    this.#names.delete(full);
    this.#names.add(full);
    const [oldest] = this.#names;
    if (this.#names.size > MAX_PULLED && oldest !== undefined) this.#names.delete(oldest);
  }

  /** The full names, oldest first. */
  get names(): Iterable<string> {
    return this.#names;
  }
}
