/** Which links a list of Operations will ask for by name, so that they can be asked for in one send. Pure. */
import { HOST, type NetnsKey } from '../model/netstate.ts';
import type { Operation } from '../model/operation.ts';
import { ifnameOf } from './requests.ts';

type Place = readonly [netns: NetnsKey, ifname: string];

function made(operation: Operation): Place[] {
  switch (operation.op) {
    case 'createBridge':
      return [[operation.netns, operation.link.ifname]];
    case 'createVeth':
      return [
        [operation.netns, operation.link.ifname],
        [operation.peerNetns, operation.peer.ifname],
      ];
    case 'changeLink':
      return operation.change.ifname === undefined ? [] : [[operation.netns, operation.change.ifname]];
    default:
      return [];
  }
}

function needed(operation: Operation): Place[] {
  const { netns } = operation;
  switch (operation.op) {
    case 'createVeth':
      return [[netns, operation.link.master]];
    case 'changeLink': {
      const renamed: Place[] = operation.change.ifname === undefined ? [] : [[netns, operation.ifname]];
      return [...renamed, [netns, operation.change.master ?? '']];
    }
    case 'retireLink':
      return netns === HOST ? [[netns, operation.ifname]] : [];
    case 'createNetns':
    case 'removeNetns':
    case 'createBridge':
    case 'settleCarrier':
    case 'setSysctl':
    case 'applyRuleset':
    case 'changeElements':
    case 'dropConnections':
      return [];
    default:
      return [[netns, ifnameOf(operation)]];
  }
}

/**
 * The names whose links are there before the first Operation, by namespace. A name that some Operation makes
 * or gives is left out: before that it may be another link's, and afterwards the creation has told its ifindex.
 */
export function namesNeeded(operations: readonly Operation[]): ReadonlyMap<NetnsKey, readonly string[]> {
  const makes = new Set(operations.flatMap(made).map(([netns, ifname]) => `${netns}/${ifname}`));
  const names = new Map<NetnsKey, Set<string>>();
  for (const [netns, ifname] of operations.flatMap(needed)) {
    if (ifname === '' || makes.has(`${netns}/${ifname}`)) continue;
    const known = names.get(netns) ?? new Set();
    names.set(netns, known.add(ifname));
  }
  return new Map(Array.from(names, ([netns, known]) => [netns, [...known]]));
}
