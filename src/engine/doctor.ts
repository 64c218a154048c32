/** How the daemon and its host are: every fact looked at now, and judged in checks.ts. */
import type { Check } from '../model/check.ts';
import { FAMILIES, forwardsFor, SWITCH } from '../reconcile/forwarding.ts';
import { EVERYTHING } from '../reconcile/scope.ts';
import {
  judgeCapabilities,
  judgeFirewalls,
  judgeForwarding,
  judgePasses,
  judgeStateFolder,
} from './checks.ts';
import type { EngineContext } from './context.ts';
import type { History } from './history.ts';
import { findFirewallObstacles } from './info.ts';

async function forwardingChecks({ kernel, store }: EngineContext): Promise<Check[]> {
  const hostSysctls = [SWITCH.ipv4, SWITCH.ipv6];
  const { host } = await kernel.observe({ host: [], hostSysctls, netns: [], scanNames: false });
  const valueAt = (key: string) => host.sysctls.find((sysctl) => sysctl.key === key)?.value;
  return FAMILIES.map((family) => {
    const isNeeded = store.hasForwardedMember(family);
    return judgeForwarding(family, valueAt(SWITCH[family]), isNeeded, forwardsFor(store, family));
  });
}

/** Looks at everything; changes nothing but a namespace of its own, which is gone before the answer. */
export async function doctor(context: EngineContext, history: History): Promise<readonly Check[]> {
  const { reconciler, store } = context;
  const differences = await reconciler.preview(reconciler.gather(store, EVERYTHING));
  return [
    ...judgeCapabilities(await context.capabilities()),
    ...(await forwardingChecks(context)),
    ...judgeFirewalls(await findFirewallObstacles(context)),
    ...judgePasses(history, differences),
    {
      name: 'passes',
      status: 'ok',
      message: `${reconciler.waiting} wait for the next one`,
      mend: [],
    },
    ...judgeStateFolder(context.stateFolder()),
  ];
}
