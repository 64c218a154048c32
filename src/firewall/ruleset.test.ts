import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressAt, parseAddress } from '../model/address.ts';
import { type ElementChange, formatElementChanges } from '../model/nft-sets.ts';
import type { FirewallEndpoint, FirewallInput } from './input.ts';
import { endpointWith, GOLDEN_INPUTS, networkWith, portWith } from './ruleset.fixture.ts';
import { diffRulesets, patchRuleset, type Ruleset, renderRuleset, rulesetText } from './ruleset.ts';

/** Every element as `set element`, twice if two objects add it. */
function elementsOf(ruleset: Ruleset): string[] {
  return [...ruleset.objects.values()]
    .flatMap((object) => [...object].flatMap(([set, texts]) => texts.map((text) => `${set} ${text}`)))
    .sort();
}

function changed(before: readonly string[], changes: readonly ElementChange[]): string[] {
  const after = new Set(before);
  for (const { set, remove } of changes) for (const text of remove) after.delete(`${set} ${text}`);
  for (const { set, add } of changes) for (const text of add) after.add(`${set} ${text}`);
  return [...after].sort();
}

describe('golden', () => {
  test.for(Object.entries(GOLDEN_INPUTS))('%s', async ([name, input]) => {
    const path = `../../test/golden/nft/${name}.nft`;
    await expect(rulesetText(renderRuleset(input))).toMatchFileSnapshot(path);
  });
});

describe('the rules', () => {
  test('are the same for every network and endpoint', () => {
    const skeletons = Object.values(GOLDEN_INPUTS).map((input) => renderRuleset(input).skeleton);
    expect(new Set(skeletons).size).toBe(1);
  });

  test('refuse a device name outside the grammar', () => {
    const input = { networks: [networkWith({ bridge: 'br"; flush ruleset' })], endpoints: [] };
    expect(() => renderRuleset({ ...input, guardedForwarding: [] })).toThrow('not an interface name');
  });
});

describe('the difference', () => {
  const base: FirewallInput = { networks: [networkWith()], endpoints: [], guardedForwarding: [] };
  const joined: FirewallInput = { ...base, endpoints: [endpointWith({ ipv6: undefined })] };

  const between = (before: FirewallInput, after: FirewallInput) => {
    const diff = diffRulesets(renderRuleset(before), renderRuleset(after));
    if (diff.kind !== 'elements') throw new Error(diff.kind);
    return diff;
  };

  test('is everything when nothing is known', () => {
    const after = renderRuleset(base);
    expect(diffRulesets(undefined, after)).toEqual({ kind: 'full', text: rulesetText(after) });
  });

  test('of guarded forwarding is one element for each family', () => {
    const diff = between(base, { ...base, guardedForwarding: ['ipv4'] });
    expect(formatElementChanges(diff.changes)).toEqual(['add element inet vethd guarded { ipv4 }']);
  });

  test('is nothing between two renderings of one state', () => {
    expect(diffRulesets(renderRuleset(joined), renderRuleset(joined))).toEqual({ kind: 'same' });
  });

  test('of a connect is four elements', () => {
    const diff = between(base, joined);
    expect(formatElementChanges(diff.changes)).toEqual([
      'add element bridge vethd members { "vethe1e1e1e" : goto checked_both }',
      'add element bridge vethd sources4 { "vethe1e1e1e" . 02:42:0a:01:00:02 . 10.1.0.2 }',
      'add element bridge vethd sources6 { "vethe1e1e1e" . 02:42:0a:01:00:02 . fe80::42:aff:fe01:2 }',
      'add element bridge vethd targets6 { "vethe1e1e1e" . 0xfe8000000000000000420afffe010002 }',
    ]);
  });

  test('of a port that goes to another member removes before it adds', () => {
    const withPort = (ipv4: string): FirewallInput => ({
      ...base,
      endpoints: [endpointWith({ ipv4: parseAddress(ipv4), ipv6: undefined, ports: [portWith()] })],
    });
    const diff = between(withPort('10.1.0.2'), withPort('10.1.0.3'));
    const lines = formatElementChanges(diff.changes).filter((line) => line.includes('publish'));
    expect(lines).toEqual([
      'delete element inet vethd publish4_any { tcp . 8080 : 10.1.0.2 . 80 }',
      'add element inet vethd publish4_any { tcp . 8080 : 10.1.0.3 . 80 }',
    ]);
  });

  test('of a disconnect leaves who the member may be for when its link is gone', () => {
    const leaving = { ...base, endpoints: [endpointWith({ ipv6: undefined, ports: [portWith()] })] };
    const diff = between(leaving, base);
    expect(formatElementChanges(diff.changes)).toEqual([
      'delete element inet vethd publish4_any { tcp . 8080 : 10.1.0.2 . 80 }',
      'delete element inet vethd self4 { 10.1.0.2 . 10.1.0.2 }',
    ]);
    expect(formatElementChanges(diff.departed)).toEqual([
      'delete element bridge vethd members { "vethe1e1e1e" : goto checked_both }',
      'delete element bridge vethd sources4 { "vethe1e1e1e" . 02:42:0a:01:00:02 . 10.1.0.2 }',
      'delete element bridge vethd sources6 { "vethe1e1e1e" . 02:42:0a:01:00:02 . fe80::42:aff:fe01:2 }',
      'delete element bridge vethd targets6 { "vethe1e1e1e" . 0xfe8000000000000000420afffe010002 }',
    ]);
  });

  test('of another address for a member that stays is one change', () => {
    const withAddress = (ipv4: string): FirewallInput => ({
      ...base,
      endpoints: [endpointWith({ ipv4: parseAddress(ipv4), ipv6: undefined })],
    });
    const diff = between(withAddress('10.1.0.2'), withAddress('10.1.0.3'));
    expect(diff).toMatchObject({ changes: [{ set: 'sources4' }], departed: [] });
  });

  const member = fc.integer({ min: 0, max: 9 });
  const endpointOf = (number: number, ports: number): FirewallEndpoint =>
    endpointWith({
      id: `e${number}`,
      veth: `veth000000${number}`,
      ipv4: addressAt(parseAddress('10.1.0.2'), BigInt(number)),
      ipv6: addressAt(parseAddress('fd01::2'), BigInt(number)),
      ports: Array.from({ length: ports }, (_, index) =>
        portWith({ hostPort: number * 10 + index + 1, hostPortEnd: number * 10 + index + 1 }),
      ),
    });
  const endpoints = fc
    .uniqueArray(fc.tuple(member, fc.integer({ min: 0, max: 5 })), { selector: ([number]) => number })
    .map((members) => members.map(([number, ports]) => endpointOf(number, ports)));

  test('leads from any state to any other, and patching to the same', () => {
    fc.assert(
      fc.property(endpoints, endpoints, (from, to) => {
        const before = renderRuleset({ ...base, endpoints: from });
        const after = renderRuleset({ ...base, endpoints: to });
        const diff = diffRulesets(before, after);
        const changes = diff.kind === 'elements' ? [...diff.changes, ...diff.departed] : [];
        expect(changed(elementsOf(before), changes)).toEqual(elementsOf(after));
        const patched = patchRuleset(before, {
          guardedForwarding: [],
          networks: [],
          endpoints: to.map((endpoint) => ({ network: networkWith(), endpoint })),
          gone: from.map(({ id }) => id),
        });
        expect(rulesetText(patched)).toBe(rulesetText(after));
      }),
    );
  });
});
