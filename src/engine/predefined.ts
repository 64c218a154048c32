/** The three networks that are always there: bridge, host, none. */

import { VethdError } from '../errors.ts';
import { OPTION, parseBridgeOptions } from '../model/bridge-options.ts';
import type { ObservedLink } from '../model/netstate.ts';
import type { Network, Subnet } from '../model/network.ts';
import type { SubnetWish } from '../model/subnet-rules.ts';
import { isOurs, objectOf } from '../reconcile/kinds/link.ts';
import type { StoreWriter } from '../store/contract.ts';
import { type EngineContext, formatTime, newId } from './context.ts';
import { fulfil, surroundings } from './subnets.ts';

const BLANK = {
  predefined: true,
  enableIPv6: false,
  internal: false,
  attachable: false,
  configOnly: false,
  configFrom: '',
  ipamOptions: undefined,
  labels: {},
} as const;

/** Any IPv4 subnet. */
const OPEN_WISH: SubnetWish = {
  family: 'ipv4',
  prefix: undefined,
  length: undefined,
  ipRange: undefined,
  gateway: undefined,
  aux: {},
};

/** What Docker shows of its default bridge, with our device. */
export function bridgeOptions(context: EngineContext): Record<string, string> {
  return {
    'com.docker.network.bridge.default_bridge': 'true',
    'com.docker.network.bridge.enable_icc': 'true',
    'com.docker.network.bridge.enable_ip_masquerade': 'true',
    'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
    'com.docker.network.bridge.name': context.config.bridgeName,
    'com.docker.network.driver.mtu': String(context.config.mtu),
    ...namesOption(context),
  };
}

function namesOption({ config }: EngineContext): Record<string, string> {
  return config.bridgeDns ? { [OPTION.dns]: 'true' } : {};
}

/** Whether it has names is the daemon's flag at each start; the rest stays as it was made. */
function followNames(context: EngineContext, writer: StoreWriter, { id, labels, options }: Network): void {
  const { [OPTION.dns]: before, ...others } = options;
  const wanted = { ...others, ...namesOption(context) };
  if (wanted[OPTION.dns] !== before) writer.updateNetwork({ id, labels, options: wanted });
}

function isKnown({ store }: EngineContext, { alias }: ObservedLink): boolean {
  const id = objectOf(alias);
  return store.getNetwork(id) !== undefined || store.getEndpoint(id) !== undefined;
}

/**
 * What no row knows looks left over and would be removed. With a state folder that is new, or another one than that
 * which made it, it is somebody's network: refused.
 */
async function checkNobodyElse(context: EngineContext): Promise<void> {
  const { store, lastOwner, config } = context;
  const isNew = store.listNetworks().length === 0;
  const isOther = lastOwner !== undefined && lastOwner.daemonId !== store.daemonId;
  if (!isNew && (!isOther || config.recover === true)) return;
  const { host } = await context.kernel.observe({
    host: 'all',
    hostSysctls: [],
    netns: [],
    scanNames: false,
  });
  const unknown = host.links
    .filter((link) => isOurs(link) && !isKnown(context, link))
    .map(({ ifname }) => ifname);
  if (unknown.length === 0) return;
  const which = isNew ? 'the state folder is new' : `the last state folder here was ${lastOwner?.stateDir}`;
  throw new VethdError(
    'conflict',
    `${which}, and vethd made ${unknown.length} links that are still here and that this one does not know (${unknown.slice(0, 5).join(', ')}): give the --state-dir that knows them${isNew ? ', rebuild it by vethctl recover' : ''}, or run vethctl purge`,
  );
}

/**
 * Makes those of the three that are missing; the next pass gives the bridge its device. Throws conflict when the
 * kernel holds links of ours that another store made.
 */
export async function ensurePredefinedNetworks(context: EngineContext): Promise<void> {
  await checkNobodyElse(context);
  const wish = { ...OPEN_WISH, prefix: context.config.bridgeSubnet };
  const around = await surroundings(context, [wish]);
  await context.store.write((writer) => {
    const created = formatTime(context.now());
    const isThere = (name: string): boolean => writer.findNetworkNamed(name) !== undefined;
    const insert = (
      network: Pick<Network, 'name' | 'driver' | 'enableIPv4' | 'subnets' | 'options'>,
    ): void => {
      if (!isThere(network.name)) writer.insertNetwork({ ...BLANK, ...network, id: newId(), created });
    };
    const bridge = writer.listNetworks().find(({ name }) => name === 'bridge');
    if (bridge !== undefined) followNames(context, writer, bridge);
    else {
      const stated = bridgeOptions(context);
      const options = parseBridgeOptions(stated, { internal: false, configOnly: false, predefined: true });
      const subnets: Subnet[] = [fulfil(context, writer, around, wish, { internal: false, options })];
      insert({ name: 'bridge', driver: 'bridge', enableIPv4: true, subnets, options: stated });
    }
    insert({ name: 'host', driver: 'host', enableIPv4: true, subnets: [], options: {} });
    insert({ name: 'none', driver: 'null', enableIPv4: true, subnets: [], options: {} });
  });
}
