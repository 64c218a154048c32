/** Which links a list of Operations will ask for by name, so that they can be asked for in one send. Pure. */
import { HOST, type NetnsKey } from '../model/netstate.ts';
import type { Operation } from '../model/operation.ts';
import type { NamesNeeded } from './contract.ts';
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

function neededWhole(operation: Operation): Place[] {
  const isWhole =
    (operation.op === 'changeLink' && operation.change.ifname !== undefined) ||
    (operation.op === 'retireLink' && operation.netns === HOST);
  return isWhole ? [[operation.netns, operation.ifname]] : [];
}

function neededIndex(operation: Operation): Place[] {
  const { netns } = operation;
  switch (operation.op) {
    case 'createVeth':
      return [[netns, operation.link.master]];
    case 'changeLink':
      return [[netns, operation.change.master ?? '']];
    case 'retireLink':
    case 'createNetns':
    case 'removeNetns':
    case 'createBridge':
    case 'settleCarrier':
    case 'setSysctl':
    case 'applyRuleset':
    case 'changeElements':
    case 'forgetSenders':
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
export function namesNeeded(operations: readonly Operation[]): ReadonlyMap<NetnsKey, NamesNeeded> {
  const seen = new Set(operations.flatMap(made).map(([netns, ifname]) => `${netns}/${ifname}`));
  const names = new Map<NetnsKey, { index: string[]; whole: string[] }>();
  const collect = (places: readonly Place[], how: keyof NamesNeeded): void => {
    for (const [netns, ifname] of places) {
      const place = `${netns}/${ifname}`;
      if (ifname === '' || seen.has(place)) continue;
      seen.add(place);
      const known = names.get(netns) ?? { index: [], whole: [] };
      names.set(netns, known);
      known[how].push(ifname);
    }
  };
  collect(operations.flatMap(neededWhole), 'whole');
  collect(operations.flatMap(neededIndex), 'index');
  return names;
}
