/** What a pass would do for rows that are only rehearsed, or that are there: a dry run. Changes nothing. */
import type { Observation } from '../kernel/contract.ts';
import type { Family } from '../model/address.ts';
import type { Operation } from '../model/operation.ts';
import type { StoreReader } from '../store/contract.ts';
import { type Desired, type Drivers, gatherDesired } from './desired.ts';
import type { Firewall, FirewallPlan } from './firewall.ts';
import {
  guardedFamilies,
  releasedFamilies,
  sharedFamilies,
  switchValue,
  untouchedFamilies,
} from './forwarding.ts';
import { plan } from './plan.ts';
import type { Scope } from './scope.ts';

/** What rows ask of the kernel: all that can be read in them, for a look that comes later. */
export interface Wanted {
  readonly desired: Desired;
  readonly firewall: FirewallPlan;
  /** Families by what a pass does about their forwarding: guards it, shares it, may come to guard it, gives it up. */
  readonly forwarding: Readonly<Record<'guarded' | 'shared' | 'untouched' | 'released', readonly Family[]>>;
}

/** Reads what these rows ask of the kernel. */
export function gatherWanted(
  { drivers, firewall }: { readonly drivers: Drivers; readonly firewall: Firewall },
  store: StoreReader,
  scope: Scope,
): Wanted {
  return {
    desired: gatherDesired(store, drivers, scope),
    firewall: firewall.plan(store, scope),
    forwarding: {
      guarded: guardedFamilies(store),
      shared: sharedFamilies(store),
      untouched: untouchedFamilies(store),
      released: releasedFamilies(store),
    },
  };
}

/**
 * The Operations of a pass, in order. A pass writes down what a switch was before it touches it, and forgets it
 * afterwards; both change the ruleset, and here both happen in the mind only.
 */
export function preview(wanted: Wanted, observation: Observation, firewall: Firewall): readonly Operation[] {
  const { guarded, shared, untouched, released } = wanted.forwarding;
  const off = untouched.filter((family) => switchValue(observation, family) === '0');
  const guardedForwarding = [...guarded, ...off];
  const rules = firewall.guarding(wanted.firewall, { guardedForwarding, sharedForwarding: shared });
  const kept = guardedForwarding.filter((family) => !released.includes(family));
  const { operations } = plan(wanted.desired, observation, rules.operations);
  return [
    ...operations,
    ...firewall.unguarding(rules, { guardedForwarding: kept, sharedForwarding: shared }),
  ];
}
