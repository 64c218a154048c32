/** Pseudo-terminals (pty(7)): a pair of descriptors, one for us and one for a program. */
import { closeSync, constants, openSync } from 'node:fs';
import type { TerminalSize } from '../model/exec.ts';
import { ioctlWith } from './libc.ts';

/** asm-generic/ioctls.h */
const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCSWINSZ = 0x5414;

/** An open pair. Both descriptors are the caller's to close. */
export interface Pty {
  /** Ours: what is written here the program reads. */
  readonly master: number;
  /** The program's stdin, stdout and stderr. */
  readonly slave: number;
}

/** Tells the terminal its size; the program in its foreground gets SIGWINCH. Throws unavailable with errno. */
export function resizePty(master: number, size: TerminalSize): void {
  // asm-generic/termios.h: struct winsize, four unsigned shorts: rows, columns, two of no use.
  ioctlWith(master, TIOCSWINSZ, new Uint8Array(Uint16Array.of(size.rows, size.columns, 0, 0).buffer));
}

/**
 * Opens a pair of the /dev/pts that this process sees. The ioctls are what unlockpt(3) and ptsname(3) do; what
 * grantpt(3) did the kernel has done by itself since devpts. Throws when there is none left.
 */
export function openPty(size: TerminalSize): Pty {
  const flags = constants.O_RDWR | constants.O_NOCTTY;
  const master = openSync('/dev/ptmx', flags);
  try {
    const number = new Uint32Array(1);
    ioctlWith(master, TIOCSPTLCK, new Uint8Array(4));
    ioctlWith(master, TIOCGPTN, new Uint8Array(number.buffer));
    resizePty(master, size);
    return { master, slave: openSync(`/dev/pts/${number[0]}`, flags) };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}
