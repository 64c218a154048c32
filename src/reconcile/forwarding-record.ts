/** Writes down what the host's switches were before they were touched, and forgets it when it is so again. */
import { failpoint } from '../failpoint.ts';
import type { Observation } from '../kernel/contract.ts';
import { interfacesHearingRouters } from '../kernel/routers.ts';
import type { Sysctl } from '../model/netstate.ts';
import type { Store } from '../store/contract.ts';
import {
  forwardingSetting,
  HEARING_SETTING,
  isReleased,
  releasedFamilies,
  SWITCH,
  switchValue,
  untouchedFamilies,
  WAS_OFF,
} from './forwarding.ts';

function isIpv6Off({ key, value }: { readonly key: string; readonly value: string }): boolean {
  return key === forwardingSetting('ipv6') && value === WAS_OFF;
}

/**
 * Writes down what a switch is before it is touched for the first time: true when more is desired for it than before,
 * because the host has heard of its routers.
 */
export async function rememberForwarding(store: Store, observation: Observation): Promise<boolean> {
  const seen = untouchedFamilies(store).flatMap((family) => {
    const value = switchValue(observation, family);
    return value === undefined ? [] : [{ key: forwardingSetting(family), value }];
  });
  if (seen.length === 0) return false;
  const hearing = seen.some(isIpv6Off) ? interfacesHearingRouters() : [];
  await store.write((writer) => {
    for (const { key, value } of seen) writer.setSetting(key, value);
    if (hearing.length > 0) writer.setSetting(HEARING_SETTING, hearing.join(' '));
  });
  failpoint('forwarding.remembered');
  return hearing.length > 0;
}

/**
 * Forgets what a switch was once it is that again and nobody needs it. True when there was something to forget.
 * `carriedOut`: the settings of the pass that is over. Where the last member has left since that pass read the rows, it
 * has not put the switch back, and the next one needs what is written down.
 */
export async function forgetForwarding(store: Store, carriedOut: readonly Sysctl[]): Promise<boolean> {
  const done = releasedFamilies(store).filter((family) =>
    carriedOut.some(
      ({ key, value }) => key === SWITCH[family] && value === store.getSetting(forwardingSetting(family)),
    ),
  );
  if (done.length === 0) return false;
  await store.write((writer) => {
    for (const family of done.filter((one) => isReleased(writer, one))) {
      writer.setSetting(forwardingSetting(family), undefined);
      if (family === 'ipv6') writer.setSetting(HEARING_SETTING, undefined);
    }
  });
  failpoint('forwarding.forgotten');
  return true;
}
