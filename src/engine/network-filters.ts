/** Filters of `GET /networks`. Values of one key are OR-ed, labels AND-ed, keys AND-ed. */
import { VethdError } from '../errors.ts';
import type { Network } from '../model/network.ts';
import type { Filters } from './contract.ts';
import { checkFilterKeys, hasLabel, matchNames } from './filters.ts';

const KEYS: ReadonlySet<string> = new Set(['name', 'id', 'driver', 'scope', 'label', 'type', 'dangling']);

/** How many running members a network has; asked only where a filter needs it. */
export type CountMembers = (network: Network) => number;

type Test = (network: Network) => boolean;

function byPattern(
  networks: readonly Network[],
  patterns: readonly string[],
  text: (network: Network) => string,
): Test {
  const names = networks.map(text);
  const kept = new Set<string>();
  for (const pattern of patterns) {
    for (const [index, matches] of matchNames(pattern, names).entries()) {
      const network = networks[index];
      if (matches && network !== undefined) kept.add(network.id);
    }
  }
  return ({ id }) => kept.has(id);
}

function byType(types: readonly string[]): Test {
  for (const type of types) {
    if (type !== 'builtin' && type !== 'custom') {
      throw new VethdError('invalidArgument', `invalid filter: 'type'='${type}'`);
    }
  }
  return ({ predefined }) => types.includes(predefined ? 'builtin' : 'custom');
}

function byDangling(values: readonly string[], count: CountMembers): Test {
  if (values.length > 1) {
    throw new VethdError('invalidArgument', 'got more than one value for filter key "dangling"');
  }
  const value = values[0] ?? '';
  if (!['true', '1', 'false', '0'].includes(value)) {
    throw new VethdError(
      'invalidArgument',
      `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`,
    );
  }
  const wanted = value === 'true' || value === '1';
  return (network) => (!network.predefined && count(network) === 0) === wanted;
}

function testOf(
  key: string,
  values: readonly string[],
  networks: readonly Network[],
  count: CountMembers,
): Test {
  switch (key) {
    case 'name':
      return byPattern(networks, values, ({ name }) => name);
    case 'id':
      return byPattern(networks, values, ({ id }) => id);
    case 'driver':
      return ({ driver }) => values.includes(driver);
    case 'scope':
      return () => values.includes('local');
    case 'label':
      return ({ labels }) => values.every((wanted) => hasLabel(labels, wanted));
    case 'type':
      return byType(values);
    case 'dangling':
      return byDangling(values, count);
    default:
      throw new VethdError('invalidArgument', `invalid filter '${key}'`);
  }
}

/** The networks that pass; invalidArgument for an unknown key or a bad value. */
export function filterNetworks(
  networks: readonly Network[],
  filters: Filters,
  count: CountMembers,
): Network[] {
  checkFilterKeys(filters, KEYS);
  const tests = [...filters]
    .filter(([, values]) => values.length > 0)
    .map(([key, values]) => testOf(key, values, networks, count));
  return networks.filter((network) => tests.every((test) => test(network)));
}
