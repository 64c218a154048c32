/** One daemon per state folder: flock(2) on a file in it, freed by the kernel however the holder ends. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import koffi from 'koffi';
import { VethdError } from '../errors.ts';

/** sys/file.h */
const LOCK_EX = 2;
const LOCK_NB = 4;

const flock: (fd: number, operation: number) => number = koffi
  .load('libc.so.6')
  .func('int flock(int fd, int operation)');

/**
 * Takes the lock of the folder and writes our pid into it; gives the function that lets it go. Throws conflict
 * naming the holder when another process has it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const fd = openSync(path, 'a+', 0o600);
  if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    const holder = readFileSync(path, 'utf8').trim();
    closeSync(fd);
    throw new VethdError(
      'conflict',
      `${folder} is in use by vethd with pid ${holder || 'unknown'}: end it, or give another --state-dir`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return () => closeSync(fd);
}
