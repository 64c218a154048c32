/** What to ask of the kernel so that a plan for the desired state can be made: no more than the scope needs. */
import type { LinkQuery, NetnsQuery, ObserveRequest } from '../kernel/contract.ts';
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
