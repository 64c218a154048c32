/** Grammars of names. What passes may reach a path, a netlink message or an nft script; nothing else may. */
import { VethdError } from '../errors.ts';

/** Bytes of an interface name without the closing zero (linux/if.h: IFNAMSIZ 16). */
const MAX_IFNAME = 15;

/** Docker has no limit; ours keeps one name well below a request line. */
const MAX_NETWORK_NAME_BYTES = 1024;

/** `all` and `default` are folders of /proc/sys/net/ipv4/conf, `lo` is every namespace's own. */
const RESERVED_IFNAMES: ReadonlySet<string> = new Set(['.', '..', 'lo', 'all', 'default']);

/** Text of a client in a message: quoted, control characters escaped, cut. */
function shown(text: string): string {
  return JSON.stringify(text.length > 128 ? `${text.slice(0, 128)}…` : text);
}

/** Whether the text is shaped like an interface's name, reserved ones included. */
export function isIfname(text: string): boolean {
  return text.length <= MAX_IFNAME && /^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/.test(text);
}

/** Refuses (invalidArgument) what cannot be the name of an interface of ours. */
export function checkIfname(name: string): void {
  if (isIfname(name) && !RESERVED_IFNAMES.has(name)) return;
  const reason = RESERVED_IFNAMES.has(name) ? 'it is reserved' : 'want at most 15 of A-Z a-z 0-9 _ . -';
  throw new VethdError('invalidArgument', `invalid interface name ${shown(name)}: ${reason}`);
}

/** Refuses (invalidArgument) an empty network name and one that no path of the API could carry. */
export function checkNetworkName(name: string): void {
  if (name.trim() === '') throw new VethdError('invalidArgument', 'invalid name: name is empty');
  if (/[/\p{Cc}]/u.test(name)) {
    throw new VethdError('invalidArgument', `invalid name: ${shown(name)} holds a / or a control character`);
  }
  if (new TextEncoder().encode(name).length > MAX_NETWORK_NAME_BYTES) {
    throw new VethdError(
      'invalidArgument',
      `invalid name: ${shown(name)} is longer than ${MAX_NETWORK_NAME_BYTES} bytes`,
    );
  }
}

/** Refuses (invalidArgument) what cannot name a container; 128 characters, as it may become a netns name. */
export function checkContainerName(name: string): void {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/.test(name)) return;
  const text = name.length > 128 ? `${name.slice(0, 128)}…` : name;
  throw new VethdError(
    'invalidArgument',
    `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** Refuses (invalidArgument) what may not be looked up in /run/netns. */
export function checkNetnsName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name)) return;
  throw new VethdError(
    'invalidArgument',
    `invalid namespace name ${shown(name)}: want a letter or digit, then at most 127 of A-Z a-z 0-9 _ . -`,
  );
}
