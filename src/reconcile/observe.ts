/** What to ask of the kernel so that a plan for the desired state can be made: no more than the scope needs. */
import type { Kernel, LinkQuery, NetnsQuery, Observation, ObserveRequest } from '../kernel/contract.ts';
import type { Address } from '../model/address.ts';
import { type Desired, mergeStates } from './desired.ts';

function linkQueries(desired: Desired): LinkQuery[] {
  const host = mergeStates([desired.host, ...[...desired.netns.values()].map(({ outside }) => outside)]);
  const queries = new Map<string, { neighbours: Address[]; fdb: string[] }>();
  const queryOf = (ifname: string): { neighbours: Address[]; fdb: string[] } => {
    const known = queries.get(ifname) ?? { neighbours: [], fdb: [] };
    queries.set(ifname, known);
    return known;
  };
  for (const { ifname } of host.links) queryOf(ifname);
  for (const ifname of desired.links) queryOf(ifname);
  for (const { ifname, address } of [...host.neighbours, ...desired.neighbours]) {
    queryOf(ifname).neighbours.push(address);
  }
  for (const { ifname, mac } of host.fdb) queryOf(ifname).fdb.push(mac);
  return [...queries].map(([ifname, { neighbours, fdb }]) => ({ ifname, neighbours, fdb }));
}

function netnsQueries(desired: Desired): NetnsQuery[] {
  const wanted = [...desired.netns].map(([key, { ref, inside }]) => ({
    key,
    ref,
    sysctls: inside.sysctls.map((sysctl) => sysctl.key),
  }));
  const vacant = [...desired.vacant].map(([key, ref]) => ({ key, ref, sysctls: [] }));
  return [...wanted, ...vacant];
}

/** The request that shows everything a plan for `desired` compares. */
export function observeRequest(desired: Desired): ObserveRequest {
  const outside = [...desired.netns.values()].flatMap((netns) => netns.outside.sysctls);
  return {
    host: desired.everything ? 'all' : linkQueries(desired),
    hostSysctls: [...desired.host.sysctls, ...outside].map(({ key }) => key),
    netns: netnsQueries(desired),
    scanNames: desired.everything,
  };
}

/** What should be, and what is. */
export interface Look {
  readonly desired: Desired;
  readonly observation: Observation;
}

/**
 * Looks at what a plan for the desired state compares. `gather` reads that in the rows: where it is everything, the
 * kernel thread dumps the host meanwhile, each of which takes 0.1 s with a thousand members.
 */
export async function look(
  kernel: Pick<Kernel, 'observe'>,
  everything: boolean,
  gather: () => Desired,
): Promise<Look> {
  if (!everything) {
    const desired = gather();
    return { desired, observation: await kernel.observe(observeRequest(desired)) };
  }
  const dumping = kernel.observe({ host: 'all', hostSysctls: [], netns: [], scanNames: false });
  // Nobody waits for it if the rows cannot be read.
  dumping.catch(() => undefined);
  const desired = gather();
  const rest = kernel.observe({ ...observeRequest(desired), host: [] });
  const [{ host }, seen] = await Promise.all([dumping, rest]);
  return { desired, observation: { ...seen, host: { ...host, sysctls: seen.host.sysctls } } };
}
