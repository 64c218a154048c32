/**
 * A look at many namespaces, in parts: one is taken in here while the kernel thread is at the next. With a thousand
 * namespaces, handing over what was seen took 150 ms after 190 of looking.
 */
import { ALIAS_PREFIX } from '../model/netstate.ts';
import type { NetnsQuery, Observation, ObserveRequest, OwnNetns } from './contract.ts';

/** Namespaces in a part: about 10 ms. */
const PART = 64;

const NOTHING: Pick<ObserveRequest, 'host' | 'hostSysctls'> = { host: [], hostSysctls: [] };

/**
 * Looks at what the request names. `seen`: with `scanNames`, the names under /run/netns that are looked at anyway; what
 * is told are the namespaces of ours at the others.
 */
export type ObservePart = (request: ObserveRequest, seen: readonly string[]) => Promise<Observation>;

function namesOf(queries: readonly NetnsQuery[]): string[] {
  return queries.flatMap(({ ref }) => (ref.kind === 'name' ? [ref.name] : []));
}

/** Those of the namespaces that were looked at by name whose lo has an alias of ours. */
function ownAmong(queries: readonly NetnsQuery[], seen: Observation['netns']): OwnNetns[] {
  return queries.flatMap(({ key, ref }) => {
    const found = seen.get(key);
    if (ref.kind !== 'name' || found?.status !== 'present') return [];
    const alias = found.state.links.find(({ ifname }) => ifname === 'lo')?.alias ?? '';
    return alias.startsWith(ALIAS_PREFIX) ? [{ name: ref.name, alias, identity: found.identity }] : [];
  });
}

/**
 * The host is looked at with the first part, other names with the last. What was looked at by its name is not opened
 * again for that: with a hundred members it was a quarter of a look at everything.
 */
export async function observeInParts(observe: ObservePart, request: ObserveRequest): Promise<Observation> {
  const { netns: queries, scanNames } = request;
  const count = Math.max(1, Math.ceil(queries.length / PART));
  const looking = Array.from({ length: count }, (_, index) => {
    const { host, hostSysctls } = index === 0 ? request : NOTHING;
    const netns = queries.slice(index * PART, (index + 1) * PART);
    const isLast = index === count - 1;
    const part = { ...request, host, hostSysctls, netns, scanNames: scanNames && isLast };
    return observe(part, part.scanNames ? namesOf(queries) : []);
  });
  const [first, ...rest] = await Promise.all(looking);
  if (first === undefined) throw new Error('a look without a part');
  const netns =
    rest.length === 0 ? first.netns : new Map([first, ...rest].flatMap((part) => [...part.netns]));
  const own = scanNames ? ownAmong(queries, netns) : [];
  return { host: first.host, netns, ownNetns: [...own, ...(rest.at(-1) ?? first).ownNetns] };
}
