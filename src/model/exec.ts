/** A program of the host that a client runs inside a container's namespace (`docker exec`). */

/** A terminal's size in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** A client's wish for a program (`POST /containers/{id}/exec`). */
export interface ExecSpec {
  /** The program, looked for in PATH, and its arguments; not empty. */
  readonly command: readonly string[];
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly tty: boolean;
  /** `NAME=value`, added to a small environment of vethd's choice. */
  readonly env: readonly string[];
  /** `''`: the root directory. */
  readonly workingDir: string;
  /** `user`, `uid`, each with `:group` or `:gid`; `''`: root. */
  readonly user: string;
  /** Kept and shown, nothing else: the program is root on the host unless `user` says otherwise. */
  readonly privileged: boolean;
  readonly detachKeys: string;
}
