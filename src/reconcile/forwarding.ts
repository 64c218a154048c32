/**
 * The host's switch for forwarding, per family: on while a network needs it, and as it was before when none does.
 * What it was is kept in the store, so that a restart does not take our own setting for the host's.
 */
import type { Observation } from '../kernel/contract.ts';
import type { Family } from '../model/address.ts';
import type { Sysctl } from '../model/netstate.ts';
import type { StoreReader } from '../store/contract.ts';

/** Both families, each with its own switch. */
export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** The switch of a family, below /proc/sys/net. */
export const SWITCH: Record<Family, string> = { ipv4: 'ipv4/ip_forward', ipv6: 'ipv6/conf/all/forwarding' };

/** What the store keeps of a switch that was off before us. */
export const WAS_OFF = '0';

/** The same, when another program has come meanwhile that forwards, too: it counts on the switch as it found it. */
export const SHARED = 'shared';

/** Under which key the store keeps what a switch was. */
export function forwardingSetting(family: Family): string {
  return `forwarding.${family}`;
}

/** Families whose switch is to be touched for the first time. */
export function untouchedFamilies(store: StoreReader): Family[] {
  return FAMILIES.filter(
    (family) => store.getSetting(forwardingSetting(family)) === undefined && store.hasForwardedMember(family),
  );
}

/** Whether a switch goes back to what it was: nobody needs it, and nobody else came to rely on it. */
export function isReleased(store: StoreReader, family: Family): boolean {
  const before = store.getSetting(forwardingSetting(family));
  return before !== undefined && before !== SHARED && !store.hasForwardedMember(family);
}

/** Families whose switch goes back to what it was. */
export function releasedFamilies(store: StoreReader): Family[] {
  return FAMILIES.filter((family) => isReleased(store, family));
}

/** Families whose forwarding was off before us: between interfaces that are not ours it stays off. */
export function guardedFamilies(store: StoreReader): Family[] {
  return FAMILIES.filter((family) =>
    [WAS_OFF, SHARED].includes(store.getSetting(forwardingSetting(family)) ?? ''),
  );
}

/** Guarded families that another program forwards by, too. */
export function sharedFamilies(store: StoreReader): Family[] {
  return FAMILIES.filter((family) => store.getSetting(forwardingSetting(family)) === SHARED);
}

/** For whom the host forwards, as far as that is ours to decide. */
export function forwardsFor(store: StoreReader, family: Family): 'everybody' | 'members' | 'bridges' {
  if (!guardedFamilies(store).includes(family)) return 'everybody';
  return sharedFamilies(store).includes(family) ? 'bridges' : 'members';
}

/** Under which key the store keeps by which interfaces the host heard of its IPv6 routers before it forwarded. */
export const HEARING_SETTING = 'forwarding.hearing';

/** Those interfaces go on hearing while the host forwards (accept_ra 2), and are as before afterwards. */
function hearing(store: StoreReader, family: Family, value: '1' | '2'): Sysctl[] {
  const ifnames = family === 'ipv4' ? '' : (store.getSetting(HEARING_SETTING) ?? '');
  return ifnames
    .split(' ')
    .filter((ifname) => ifname !== '')
    .map((ifname) => ({ key: `ipv6/conf/${ifname}/accept_ra`, value }));
}

/** What the rows ask of the host's switches; nothing for a family that we never touched. */
export function forwardingSysctls(store: StoreReader): Sysctl[] {
  return FAMILIES.flatMap((family) => {
    const before = store.getSetting(forwardingSetting(family));
    // First: with the switch the kernel forgets what it heard by the others.
    if (before === SHARED || store.hasForwardedMember(family))
      return [...hearing(store, family, '2'), { key: SWITCH[family], value: '1' }];
    if (before === undefined) return [];
    return [{ key: SWITCH[family], value: before }, ...hearing(store, family, '1')];
  });
}

/** What the host's switch of a family was seen to be; undefined when nobody looked. */
export function switchValue(observation: Observation, family: Family): string | undefined {
  return observation.host.sysctls.find(({ key }) => key === SWITCH[family])?.value;
}
