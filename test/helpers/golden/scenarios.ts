/** All that is recorded of a real dockerd and asked of vethd. */
import { create, createErrors } from './create-scenarios.ts';
import { conventions, events, lists, prunes } from './list-scenarios.ts';
import { memberErrors, members } from './member-scenarios.ts';
import type { Scenario } from './scenario.ts';

/** In no order: each begins with a fresh daemon. */
export const scenarios: readonly Scenario[] = [
  create,
  createErrors,
  lists,
  prunes,
  members,
  memberErrors,
  events,
  conventions,
];
