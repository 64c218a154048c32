/** Figures for `GET /info`. */
import { bridgeName } from '../drivers/bridge.ts';
import { findObstacles } from '../firewall/coexistence.ts';
import { formatPrefix } from '../model/address.ts';
import { driverNetworkOf } from '../reconcile/desired.ts';
import type { EngineContext } from './context.ts';
import type { EngineInfo } from './contract.ts';
import { isRunning } from './running.ts';

/** What other programs' firewalls keep from our members, each with the line that mends it. */
async function obstacles(context: EngineContext): Promise<string[]> {
  const bridges = context.store
    .listNetworks()
    .filter(({ driver, configOnly, internal }) => driver === 'bridge' && !configOnly && !internal)
    .map((network) => bridgeName(driverNetworkOf(network)));
  const found = findObstacles(await context.foreignFirewall(), bridges);
  return found.map(({ message, lines }) => `${message}; mend it with: ${lines.join('; ')}`);
}

/** Counts from the store, and the settings of the host that clients are shown. */
export async function info(context: EngineContext): Promise<EngineInfo> {
  const { store, kernel, config } = context;
  const { host } = await kernel.observe({
    host: [],
    hostSysctls: ['ipv4/ip_forward'],
    netns: [],
    scanNames: false,
  });
  const containers = store.listContainers();
  return {
    daemonId: store.daemonId,
    containers: containers.length,
    running: containers.filter(isRunning).length,
    networks: store.listNetworks().length,
    ipv4Forwarding: host.sysctls[0]?.value === '1',
    warnings: await obstacles(context),
    defaultAddressPools: config.addressPools.map(({ base, size }) => ({ base: formatPrefix(base), size })),
  };
}
