/**
 * Other programs that forward, too, where vethd switched forwarding on. Docker and its like look at the switch when
 * they start, find it on and count on it: from then on it stays on without us, and what comes from their bridges is
 * no longer kept from leaving. When they are gone, so is this.
 */
import type { Family } from '../model/address.ts';
import type { Logger } from '../model/logger.ts';
import type { Store, StoreReader } from '../store/contract.ts';
import { forwardingSetting, guardedFamilies, SHARED, sharedFamilies, WAS_OFF } from './forwarding.ts';
import { createLooks, type Looks } from './looks.ts';
import type { Reconciler } from './loop.ts';
import { scopeOf } from './scope.ts';

/** What is worked with. */
export interface SharedForwardingOptions {
  readonly store: Store;
  readonly reconciler: Reconciler;
  /** Families in which another program forwards. */
  readonly othersForward: () => Promise<readonly Family[]>;
  readonly log: Logger;
}

/** What the store should keep of the guarded switches, as far as it does not yet. */
function changesOf(store: StoreReader, others: readonly Family[]): (readonly [Family, string])[] {
  const shared = sharedFamilies(store);
  return guardedFamilies(store)
    .filter((family) => others.includes(family) !== shared.includes(family))
    .map((family) => [family, others.includes(family) ? SHARED : WAS_OFF] as const);
}

async function follow({ store, reconciler, othersForward, log }: SharedForwardingOptions): Promise<void> {
  if (guardedFamilies(store).length === 0) return;
  const others = await othersForward();
  if (changesOf(store, others).length === 0) return;
  await store.write((writer) => {
    for (const [family, value] of changesOf(writer, others))
      writer.setSetting(forwardingSetting(family), value);
  });
  await reconciler.reconcile(scopeOf({}));
  log.info({ families: sharedFamilies(store) }, 'forwarding is shared with other programs');
}

/** Has its first look at once. */
export function shareForwarding(options: SharedForwardingOptions): Looks {
  const looks = createLooks(async () => {
    try {
      await follow(options);
    } catch (error) {
      options.log.warn({ err: error }, 'could not tell whether other programs forward');
    }
  });
  looks.look();
  return looks;
}
