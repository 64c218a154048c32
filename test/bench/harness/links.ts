/** The links of the host, without a process and without netlink: cheap enough to be asked in a loop. */
import { readFileSync } from 'node:fs';

/** Names out of a /proc/net/dev. */
export function parseLinks(text: string): readonly string[] {
  const lines = text.split('\n').slice(2);
  return lines.map((line) => line.split(':')[0]?.trim() ?? '').filter((name) => name !== '');
}

/** Names of the host's links. */
export function hostLinks(): readonly string[] {
  return parseLinks(readFileSync('/proc/thread-self/net/dev', 'latin1'));
}
