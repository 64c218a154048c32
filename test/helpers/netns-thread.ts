/** Entering a namespace for the length of a synchronous call, for tests of what the kernel thread does there. */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const setns: (fd: number, type: number) => number = koffi
  .load('libc.so.6')
  .func('int setns(int fd, int type)');
const CLONE_NEWNET = 0x40000000;

function enter(path: string): void {
  const fd = openSync(path, 'r');
  try {
    if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`setns ${path}: errno ${koffi.errno()}`);
  } finally {
    closeSync(fd);
  }
}

/** Runs `action`, which must not await, inside the namespace /run/netns/`name`. */
export function insideNetns<Result>(name: string, action: () => Result): Result {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    enter(`/run/netns/${name}`);
    return action();
  } finally {
    enter(`/proc/self/fd/${home}`);
    closeSync(home);
  }
}
