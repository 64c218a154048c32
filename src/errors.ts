/** What went wrong, as a client can act on it. `api/errors.ts` alone maps a kind to an HTTP status. */
export type ErrorKind =
  | 'invalidArgument'
  | 'unauthorized'
  | 'forbidden'
  | 'notFound'
  | 'conflict'
  | 'internal'
  | 'notImplemented'
  | 'unavailable';

/** What may accompany an error besides its message. */
export interface VethdErrorOptions {
  /** The error that led to this one; `AggregateError` when there were several. */
  readonly cause?: unknown;
  /** The kernel's name of the fault, such as `EEXIST`. */
  readonly errno?: string;
}

/**
 * The only error that crosses rooms. The message names the offending value and what would be right; where
 * Docker's text is known and clients depend on it, it is Docker's text. Match on `kind` or `errno`, never
 * on the message.
 */
export class VethdError extends Error {
  readonly kind: ErrorKind;
  readonly errno: string | undefined;

  constructor(kind: ErrorKind, message: string, options: VethdErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'VethdError';
    this.kind = kind;
    this.errno = options.errno;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
