/**
 * In which order Operations happen. One table, the reason beside each rank. Within a rank, Operations of one
 * namespace stay together, so that they leave in one send, and keep the order in which they were planned.
 */
import { HOST } from '../model/netstate.ts';
import type { Operation } from '../model/operation.ts';

type Stage = readonly [stage: number, rank: number];

/**
 * Stage and, within the stage and namespace, rank of an Operation in the host's namespace.
 */
const HOST_STAGE: Record<Operation['op'], Stage> = {
  // Rules before links: what comes is isolated before it carries traffic; what goes stops being translated
  // before its route is gone (netavark 2.1.0 had to learn that packets leak to the default route otherwise).
  applyRuleset: [0, 0],
  changeElements: [0, 1],
  // What was translated by the former rules goes when the new ones are there.
  dropConnections: [0, 2],
  // Names must be free before they are given again, addresses before they move.
  removeRoute: [1, 0],
  removeNeighbour: [1, 1],
  removeFdbEntry: [1, 2],
  removeAddress: [1, 3],
  retireLink: [2, 0],
  // A namespace goes after its links: deleting it with them inside would leave the deletion to the kernel's
  // slow clean-up thread.
  removeNetns: [3, 0],
  createNetns: [4, 0],
  // A bridge before its ports; its address and routes before the members that ask for them.
  createBridge: [5, 0],
  changeLink: [5, 1],
  setSysctl: [5, 2],
  addAddress: [5, 3],
  addRoute: [5, 4],
  createVeth: [6, 0],
  // Stage 7 is the inside of the containers.
  addFdbEntry: [8, 0],
  addNeighbour: [8, 1],
  // Last: both ends are up now, so the carrier is there to be acted on.
  settleCarrier: [9, 0],
  // A link that still stood without them could send as whomever it liked.
  forgetSenders: [10, 0],
};

/** Rank within a container. Settings before the link comes up, addresses before the routes through them. */
const INSIDE_RANK: Record<Operation['op'], number> = {
  applyRuleset: 0,
  changeElements: 0,
  forgetSenders: 0,
  dropConnections: 0,
  removeNetns: 0,
  createBridge: 0,
  createVeth: 0,
  settleCarrier: 0,
  createNetns: 0,
  retireLink: 1,
  setSysctl: 2,
  changeLink: 3,
  addAddress: 4,
  // Adding replaces, so an address or default route that moves is never missing; then what is left goes.
  addRoute: 5,
  addNeighbour: 6,
  addFdbEntry: 6,
  removeRoute: 7,
  removeNeighbour: 7,
  removeFdbEntry: 7,
  removeAddress: 8,
};

/** Container-side Operations that must come before the host's: they make room or make the place itself. */
const EARLY_INSIDE: ReadonlySet<Operation['op']> = new Set(['createNetns', 'retireLink']);

function stageOf(operation: Operation): number {
  if (operation.netns === HOST) return HOST_STAGE[operation.op][0];
  return EARLY_INSIDE.has(operation.op) ? HOST_STAGE[operation.op][0] : 7;
}

function rankOf(operation: Operation): number {
  return operation.netns === HOST ? HOST_STAGE[operation.op][1] : INSIDE_RANK[operation.op];
}

/** The same Operations in the order in which they may happen; each one once. */
export function inOrder(operations: readonly Operation[]): Operation[] {
  const netnsOrder = new Map<string, number>();
  for (const { netns } of operations) if (!netnsOrder.has(netns)) netnsOrder.set(netns, netnsOrder.size);
  const settled = new Set<string>();
  return operations
    .filter((operation) => {
      if (operation.op !== 'settleCarrier') return true;
      const isFirst = !settled.has(operation.ifname);
      settled.add(operation.ifname);
      return isFirst;
    })
    .map((operation, index) => ({ operation, index }))
    .sort(
      (a, b) =>
        stageOf(a.operation) - stageOf(b.operation) ||
        (netnsOrder.get(a.operation.netns) ?? 0) - (netnsOrder.get(b.operation.netns) ?? 0) ||
        rankOf(a.operation) - rankOf(b.operation) ||
        a.index - b.index,
    )
    .map(({ operation }) => operation);
}
