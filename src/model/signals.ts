/**
 * Signals, as far as a container without a process of its own can obey them. There is no handler to ask: what the
 * kernel does to a process that has none is done to the container. A signal that would end the process ends it; one
 * that is ignored, stops or continues changes nothing.
 */

/** signal(7), the numbers of Linux on x86 and ARM; those whose default is Ign, Stop or Cont. */
const NOT_ENDING: ReadonlySet<number> = new Set([
  17, // SIGCHLD
  18, // SIGCONT
  19, // SIGSTOP
  20, // SIGTSTP
  21, // SIGTTIN
  22, // SIGTTOU
  23, // SIGURG
  28, // SIGWINCH
]);

/** Whether a container ends when it gets this signal. */
export function endsContainer(signal: number): boolean {
  return !NOT_ENDING.has(signal);
}

/** The exit code of what a signal ended, as shells and Docker count it. */
export function exitCodeOfSignal(signal: number): number {
  return 128 + signal;
}
