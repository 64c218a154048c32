/** Figures for `GET /info`. */
import { formatPrefix } from '../model/address.ts';
import type { EngineContext } from './context.ts';
import type { EngineInfo } from './contract.ts';
import { isRunning } from './running.ts';

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
    warnings: [],
    defaultAddressPools: config.addressPools.map(({ base, size }) => ({ base: formatPrefix(base), size })),
  };
}
