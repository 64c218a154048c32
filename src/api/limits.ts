/** Sizes of what a client may have stored: maps of labels and options. The figures are the threat model's. */
import { VethdError } from '../errors.ts';

const ENTRIES = 128;
const KEY_BYTES = 256;
const VALUE_BYTES = 4096;
const TOTAL_BYTES = 64 * 1024;

function tooBig(member: string, reason: string): VethdError {
  return new VethdError('invalidArgument', `invalid ${member}: ${reason}`);
}

/** Throws invalidArgument for a map with too many or too long entries; `member` is its name in the body. */
export function checkMap(member: string, map: Readonly<Record<string, string>>): void {
  const entries = Object.entries(map);
  if (entries.length > ENTRIES)
    throw tooBig(member, `${entries.length} entries, at most ${ENTRIES} are kept`);
  let total = 0;
  for (const [key, value] of entries) {
    const keyBytes = Buffer.byteLength(key);
    const valueBytes = Buffer.byteLength(value);
    const shown = JSON.stringify(key.slice(0, 64));
    if (keyBytes > KEY_BYTES) throw tooBig(member, `the key ${shown}… is longer than ${KEY_BYTES} bytes`);
    if (valueBytes > VALUE_BYTES)
      throw tooBig(member, `the value of ${shown} is longer than ${VALUE_BYTES} bytes`);
    total += keyBytes + valueBytes;
  }
  if (total > TOTAL_BYTES) throw tooBig(member, `${total} bytes in all, at most ${TOTAL_BYTES} are kept`);
}
