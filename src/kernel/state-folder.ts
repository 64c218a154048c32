/** What the host says of the folder of the database. */
import { statfsSync, statSync } from 'node:fs';
import type { StateFolder } from '../model/state-folder.ts';

/** Looks at the folder; throws what Node throws when it is not there. */
export function readStateFolder(path: string): StateFolder {
  const { mode, uid } = statSync(path);
  const { bsize, bfree } = statfsSync(path);
  return { path, mode: mode & 0o7777, uid, freeBytes: bsize * bfree };
}
