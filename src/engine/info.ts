/** Figures for `GET /info`. */
import { bridgeName } from '../drivers/bridge.ts';
import { type CoexistenceWarning, findObstacles } from '../firewall/coexistence.ts';
import { formatPrefix } from '../model/address.ts';
import { driverNetworkOf } from '../reconcile/desired.ts';
import type { EngineContext } from './context.ts';
import type { EngineInfo } from './contract.ts';
import { isRunning } from './running.ts';

/** What other programs' firewalls keep from our members, each with the line that mends it. */
export async function findFirewallObstacles(context: EngineContext): Promise<CoexistenceWarning[]> {
  const bridges = context.store
    .listNetworks()
    .filter(({ driver, configOnly, internal }) => driver === 'bridge' && !configOnly && !internal)
    .map((network) => bridgeName(driverNetworkOf(network)));
  return findObstacles(await context.foreignFirewall(), bridges);
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
  const obstacles = await findFirewallObstacles(context);
  return {
    daemonId: store.daemonId,
    containers: containers.length,
    running: containers.filter(isRunning).length,
    networks: store.listNetworks().length,
    ipv4Forwarding: host.sysctls[0]?.value === '1',
    warnings: obstacles.map(({ message, lines }) => `${message}; mend it with: ${lines.join('; ')}`),
    defaultAddressPools: config.addressPools.map(({ base, size }) => ({ base: formatPrefix(base), size })),
  };
}
