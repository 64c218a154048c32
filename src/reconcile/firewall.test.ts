import { expect, test } from 'vitest';
import { networkOf, subnetAt, temporaryStore } from '../store/rows.fixture.ts';
import { Firewall } from './firewall.ts';
import { EVERYTHING } from './scope.ts';

/** A store with one network, and what the kernel would be known to hold by its rows. */
async function known(markForwarded = false) {
  const store = temporaryStore();
  await store.write((writer) =>
    writer.insertNetwork(networkOf('a1', [subnetAt('10.7.0.0/24')], { options: {} })),
  );
  const firewall = new Firewall(markForwarded);
  firewall.settle(firewall.plan(store, EVERYTHING), true);
  return { store, firewall, fingerprint: firewall.fingerprint() ?? '' };
}

function planned(firewall: Firewall, store: Parameters<Firewall['plan']>[0]): string[] {
  return firewall.plan(store, EVERYTHING).operations.map(({ op }) => op);
}

test('nothing is to be done for a ruleset that was recalled', async () => {
  const { store, fingerprint } = await known();
  const firewall = new Firewall(false);
  expect([firewall.fingerprint(), planned(firewall, store)]).toEqual([undefined, ['applyRuleset']]);
  firewall.recall(store, fingerprint);
  expect([firewall.fingerprint(), planned(firewall, store)]).toEqual([fingerprint, []]);
  firewall.forget();
  expect([firewall.fingerprint(), planned(firewall, store)]).toEqual([undefined, ['applyRuleset']]);
});

test('what the rows do not ask for any more is not recalled', async () => {
  const { store, fingerprint } = await known();
  await store.write((writer) =>
    writer.insertNetwork(networkOf('b2', [subnetAt('10.8.0.0/24')], { options: {} })),
  );
  const firewall = new Firewall(false);
  firewall.recall(store, fingerprint);
  expect(planned(firewall, store)).toEqual(['applyRuleset']);
});

test('a ruleset with marks is another one', async () => {
  const { store, fingerprint } = await known();
  const marking = new Firewall(true);
  marking.recall(store, fingerprint);
  expect(planned(marking, store)).toEqual(['applyRuleset']);
  expect((await known(true)).fingerprint).not.toBe(fingerprint);
});
