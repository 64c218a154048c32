/** The folder of the database, as the host has it. */
export interface StateFolder {
  readonly path: string;
  /** Permission bits, such as 0o700. */
  readonly mode: number;
  readonly uid: number;
  /** What root may still write. */
  readonly freeBytes: number;
}
