/** Carries out a plan and says whom a failure concerns. */
import { type ErrorKind, VethdError } from '../errors.ts';
import type { ApplyRequest, Kernel } from '../kernel/contract.ts';
import type { NetnsKey } from '../model/netstate.ts';
import type { Operation, SetSysctl } from '../model/operation.ts';
import type { Plan } from './plan.ts';
import { type NetnsNames, show } from './show.ts';

/** What the kernel refused, by the id of the network, endpoint or container that it was for. */
export type Failures = ReadonlyMap<string, VethdError>;

/** What became of a plan. */
export interface Applied {
  readonly failures: Failures;
  /** Whether another look may find that a failure is none: somebody was there before us. */
  readonly lookAgain: boolean;
}

const MEANS_LOOK_AGAIN: ReadonlySet<string> = new Set([
  'EEXIST',
  'ENOENT',
  'ENODEV',
  'ESRCH',
  'ESTALE',
  'EADDRNOTAVAIL',
]);

/** A whole ruleset is no line: how it begins will do. */
function inBrief(lines: readonly string[]): string {
  const [first = '', ...rest] = lines.join('; ').split('\n');
  return rest.length === 0 ? first : `${first} …`;
}

/** Whether a client wrote it: what the kernel does not take is then the client's fault. */
function isAsked({ sysctl }: SetSysctl): boolean {
  return sysctl.askedBy !== undefined;
}

/** A setting that this kernel does not have needs no value, unless somebody asked for it. */
function isNeedless(operation: Operation, errno: string): boolean {
  return operation.op === 'setSysctl' && errno === 'ENOENT' && !isAsked(operation);
}

function kindOf(operation: Operation, errno: string): ErrorKind {
  if (operation.op === 'setSysctl' && isAsked(operation)) return 'invalidArgument';
  // A program such as nft that hung.
  return errno === 'ETIMEDOUT' ? 'unavailable' : 'internal';
}

function errorOf(operation: Operation, names: NetnsNames, reason: string, errno: string): VethdError {
  const command = inBrief(show(operation, names));
  const kind = kindOf(operation, errno);
  return new VethdError(kind, `the kernel refused \`${command}\`: ${reason} (${errno})`, { errno });
}

function requestOf(plan: Plan): ApplyRequest {
  const netns: [
    NetnsKey,
    ApplyRequest['netns'] extends ReadonlyMap<NetnsKey, infer Value> ? Value : never,
  ][] = [];
  for (const [key, { ref, observed }] of plan.netns) {
    const identity = observed?.status === 'present' ? observed.identity : undefined;
    if (identity !== undefined) netns.push([key, { ref, identity }]);
  }
  return { operations: plan.operations, netns: new Map(netns) };
}

/** Posts the whole plan to the kernel once and sorts the answers. */
export async function apply(kernel: Kernel, plan: Plan, names: NetnsNames): Promise<Applied> {
  if (plan.operations.length === 0) return { failures: new Map(), lookAgain: false };
  const results = await kernel.apply(requestOf(plan));
  const failures = new Map<string, VethdError>();
  let lookAgain = false;
  for (const [index, operation] of plan.operations.entries()) {
    const result = results[index];
    if (result === undefined) throw new Error('the kernel thread answered too few operations');
    if (result.ok) continue;
    if (isNeedless(operation, result.errno)) continue;
    lookAgain ||= MEANS_LOOK_AGAIN.has(result.errno);
    if (!failures.has(operation.object)) {
      failures.set(operation.object, errorOf(operation, names, result.reason, result.errno));
    }
  }
  return { failures, lookAgain };
}
