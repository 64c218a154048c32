/**
 * Settings below /proc/sys/net. These files show the namespace of the thread that opens them, hence only
 * synchronous calls: `fs/promises` would read the host's on a pool thread.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { VethdError } from '../errors.ts';

/** Names separated by slashes; an interface's name may contain dots, but no part is `.` or `..`. */
const KEY = /^(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+)+$/;

function pathOf(key: string): string {
  if (!KEY.test(key)) {
    throw new VethdError('internal', `invalid setting ${key}: want one like ipv4/ip_forward`, {
      errno: 'EINVAL',
    });
  }
  return `/proc/sys/net/${key}`;
}

/** The setting's value in the calling thread's namespace; undefined where there is none to be read. */
export function readSysctl(key: string): string | undefined {
  try {
    return readFileSync(pathOf(key), 'utf8').trim();
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** Sets the setting in the calling thread's namespace. Throws the system's error. */
export function writeSysctl(key: string, value: string): void {
  writeFileSync(pathOf(key), value);
}

/** Whether it is an error of `node:fs`, with the errno's name in `code`. */
export function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
