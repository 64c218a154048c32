/** Where the daemon's program is: two folders above this file, as source and in dist/program. */
import { fileURLToPath } from 'node:url';

/** The path of bin/vethd. */
export const VETHD = fileURLToPath(new URL('../../bin/vethd', import.meta.url));
