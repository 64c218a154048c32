/**
 * The firewall: desired networks and endpoints in, two nftables tables out, and the difference between two
 * such rulesets as a handful of set elements. Pure; never sees the kernel, never knows what is applied.
 */
import { type ElementChange, NFT_SETS, type NftSetName } from '../model/nft-sets.ts';
import { endpointElements, networkElements } from './elements.ts';
import type { FirewallEndpoint, FirewallInput, FirewallNetwork } from './input.ts';
import { renderTables, type SetElements } from './skeleton.ts';

/** The desired state of both tables. */
export interface Ruleset {
  /** The whole script without elements: depends on no network and no endpoint. */
  readonly skeleton: string;
  /** What each network and endpoint adds, by id. No element is added by two of them. */
  readonly objects: ReadonlyMap<string, SetElements>;
}

/** Only elements differ: an nfnetlink batch each. */
interface ElementDiff {
  readonly kind: 'elements';
  readonly changes: readonly ElementChange[];
  /** What checked the frames of members that are gone: to go after their links, which nothing would hold otherwise. */
  readonly departed: readonly ElementChange[];
}

/** How to get from one ruleset to another. */
export type RulesetDiff =
  | { readonly kind: 'same' }
  | ElementDiff
  /** Nothing is known of the former one, or the rules themselves differ: feed `text` to nft. */
  | { readonly kind: 'full'; readonly text: string };

const SKELETON = renderTables(new Map());

/** Whose forwarding is guarded, and who shares it. */
export type Guard = Pick<FirewallInput, 'guardedForwarding' | 'sharedForwarding'>;

/** Stands among the ids of networks and endpoints for what belongs to none of them. */
const GUARD = 'guard';

function guardElements({ guardedForwarding, sharedForwarding }: Guard): SetElements {
  return new Map([
    ['guarded', guardedForwarding],
    ['shared', sharedForwarding ?? []],
  ]);
}

/** Renders everything. Endpoints of networks that are not in the input add nothing. */
export function renderRuleset(input: FirewallInput): Ruleset {
  const networks = new Map(input.networks.map((network) => [network.id, network]));
  const objects = new Map(input.networks.map((network) => [network.id, networkElements(network)]));
  for (const endpoint of input.endpoints) {
    const network = networks.get(endpoint.networkId);
    if (network !== undefined) objects.set(endpoint.id, endpointElements(network, endpoint));
  }
  return { skeleton: SKELETON, objects: objects.set(GUARD, guardElements(input)) };
}

/** What is new in some networks and endpoints; everything else stays as it was. */
export interface RulesetScope extends Guard {
  /** Networks that are new or changed; endpoints of a changed one must be named too. */
  readonly networks: readonly FirewallNetwork[];
  readonly endpoints: readonly { readonly network: FirewallNetwork; readonly endpoint: FirewallEndpoint }[];
  /** Ids of networks and endpoints that are gone. */
  readonly gone: readonly string[];
}

/** The ruleset after a change of some objects, in time proportional to those. */
export function patchRuleset(ruleset: Ruleset, scope: RulesetScope): Ruleset {
  const objects = new Map(ruleset.objects);
  for (const id of scope.gone) objects.delete(id);
  for (const network of scope.networks) objects.set(network.id, networkElements(network));
  for (const { network, endpoint } of scope.endpoints) {
    objects.set(endpoint.id, endpointElements(network, endpoint));
  }
  return { ...ruleset, objects: objects.set(GUARD, guardElements(scope)) };
}

/** The whole ruleset as one nft script, to be run in place of whatever was there. */
export function rulesetText(ruleset: Ruleset): string {
  const elements = new Map<NftSetName, string[]>();
  for (const object of ruleset.objects.values()) {
    for (const [set, texts] of object) {
      const known = elements.get(set);
      if (known === undefined) elements.set(set, [...texts]);
      else for (const text of texts) known.push(text);
    }
  }
  for (const texts of elements.values()) texts.sort();
  return renderTables(elements);
}

const NO_ELEMENTS: SetElements = new Map();

interface Change {
  readonly add: string[];
  readonly remove: string[];
}

function without(texts: readonly string[], others: readonly string[]): string[] {
  const excluded = new Set(others);
  return texts.filter((text) => !excluded.has(text));
}

type Changes = Map<NftSetName, Change>;

function collect(changes: Changes, set: NftSetName, old: readonly string[], wanted: readonly string[]): void {
  const change = changes.get(set) ?? { add: [], remove: [] };
  change.add.push(...without(wanted, old));
  change.remove.push(...without(old, wanted));
  changes.set(set, change);
}

function collectObject(changes: Changes, before: SetElements, after: SetElements): void {
  for (const set of new Set([...before.keys(), ...after.keys()])) {
    collect(changes, set, before.get(set) ?? [], after.get(set) ?? []);
  }
}

function listChanges(changes: Changes): ElementChange[] {
  return [...changes]
    .map(([set, { add, remove }]) => ({ set, add: add.sort(), remove: remove.sort() }))
    .filter(({ add, remove }) => add.length + remove.length > 0);
}

function elementChanges(before: Ruleset, after: Ruleset): Omit<ElementDiff, 'kind'> {
  const changes: Changes = new Map();
  const departed: Changes = new Map();
  for (const [id, elements] of after.objects) {
    const known = before.objects.get(id);
    if (known !== elements) collectObject(changes, known ?? NO_ELEMENTS, elements);
  }
  for (const [id, elements] of before.objects) {
    if (after.objects.has(id)) continue;
    for (const [set, texts] of elements) {
      collect(NFT_SETS[set].table === 'bridge' ? departed : changes, set, texts, []);
    }
  }
  return { changes: listChanges(changes), departed: listChanges(departed) };
}

/** The smallest way from `before` (undefined: nobody knows what is there) to `after`. */
export function diffRulesets(before: Ruleset | undefined, after: Ruleset): RulesetDiff {
  if (before === after) return { kind: 'same' };
  if (before === undefined || before.skeleton !== after.skeleton) {
    return { kind: 'full', text: rulesetText(after) };
  }
  const { changes, departed } = elementChanges(before, after);
  return changes.length + departed.length === 0 ? { kind: 'same' } : { kind: 'elements', changes, departed };
}
