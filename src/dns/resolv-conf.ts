/**
 * resolv.conf(5) as text: what the host's says, and the one that vethd writes to /etc/netns/NAME, which
 * `ip netns exec` binds over /etc/resolv.conf. Pure; files are read and written in the kernel room.
 */
import { type Address, tryParseAddress } from '../model/address.ts';

/** Where the resolver listens inside each namespace, as Docker's. */
export const RESOLVER_ADDRESS = '127.0.0.11';

/** The first line of every resolv.conf of ours; a file that begins otherwise is somebody else's. */
export const RESOLV_CONF_MARK = '# Written by vethd. Remove this line to keep vethd from changing the file.';

/** More nameservers than these are ignored by every resolver (MAXNS). */
const MAX_NAMESERVERS = 3;

/** What matters in a resolv.conf. */
export interface ResolvConf {
  /** At most three. Those with a zone id are left out: they mean a link, and we have no name for it. */
  readonly nameservers: readonly Address[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** The nameserver that is meant where a resolv.conf names none (resolv.conf(5)). */
const LOCAL_NAMESERVER: Address = { family: 'ipv4', value: 0x7f000001n };

/**
 * Reads a resolv.conf. Of several `search` and `domain` lines the last counts, `options` add up; lines that
 * cannot be understood are skipped, as resolvers do.
 */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: Address[] = [];
  const options: string[] = [];
  let search: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') {
      const address = tryParseAddress(values[0] ?? '');
      if (address !== undefined) nameservers.push(address);
    } else if (keyword === 'options') options.push(...values);
    else if (keyword === 'search') search = values;
    else if (keyword === 'domain') search = values.slice(0, 1);
  }
  const used = nameservers.length === 0 ? [LOCAL_NAMESERVER] : nameservers.slice(0, MAX_NAMESERVERS);
  return { nameservers: used, search, options };
}

/**
 * The resolv.conf of a namespace: our resolver, the host's search list and options. `ndots:0` unless the host
 * says otherwise, so that a member's name is asked as it is before the search list is tried (as Docker).
 */
export function formatResolvConf(host: Pick<ResolvConf, 'search' | 'options'>): string {
  const hasNdots = host.options.some((option) => option.startsWith('ndots:'));
  const options = hasNdots ? host.options : [...host.options, 'ndots:0'];
  const lines = [RESOLV_CONF_MARK, `nameserver ${RESOLVER_ADDRESS}`];
  if (host.search.length > 0) lines.push(`search ${host.search.join(' ')}`);
  lines.push(`options ${options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

/** Whether the text is a resolv.conf of ours. */
export function isOurResolvConf(text: string): boolean {
  return text.startsWith(`${RESOLV_CONF_MARK}\n`);
}
