/** Which vethd made what is in the kernel now. */
export interface HostOwner {
  /** Of its database. */
  readonly daemonId: string;
  readonly stateDir: string;
}
