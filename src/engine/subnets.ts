/** Choosing and checking a network's subnets against other networks, the host's routes and its resolvers. */
import { bridgeName } from '../drivers/bridge.ts';
import { VethdError } from '../errors.ts';
import { chooseGateway } from '../ipam/choose.ts';
import { choosePool, findCollision, type TakenPrefix, ulaPool } from '../ipam/pools.ts';
import { type Address, bitsOf, type Family, formatPrefix, type Prefix } from '../model/address.ts';
import type { BridgeOptions, Subnet } from '../model/network.ts';
import type { SubnetWish } from '../model/subnet-rules.ts';
import { driverNetworkOf } from '../reconcile/desired.ts';
import type { StoreReader } from '../store/contract.ts';
import { derivedId, type EngineContext } from './context.ts';

/** What the host itself uses, as the kernel showed it before the transaction. */
export interface Surroundings {
  /** Its on-link routes, by device. */
  readonly routes: readonly { readonly prefix: Prefix; readonly ifname: string }[];
  readonly nameservers: readonly Address[];
}

/** Asks the kernel what the host itself uses. */
export async function surroundings(context: EngineContext): Promise<Surroundings> {
  const routes = await context.kernel.listHostRoutes();
  return {
    routes: routes
      .filter(({ onLink }) => onLink)
      .map(({ destination, ifname }) => ({ prefix: destination, ifname })),
    nameservers: context.nameservers(),
  };
}

/** Devices of ours: their routes are the pools of networks, or will be gone when those are. */
function ownBridges(reader: StoreReader): Set<string> {
  const networks = reader
    .listNetworks()
    .filter(({ driver, configOnly }) => driver === 'bridge' && !configOnly);
  return new Set(networks.map((network) => bridgeName(driverNetworkOf(network))));
}

function hostPrefixes(reader: StoreReader, { routes }: Surroundings): TakenPrefix[] {
  const own = ownBridges(reader);
  return routes
    .filter(({ ifname }) => !own.has(ifname))
    .map(({ prefix, ifname }) => ({ prefix, holder: `route of ${ifname}` }));
}

function pools(reader: StoreReader): TakenPrefix[] {
  return reader.listPools().map(({ prefix, networkName }) => ({ prefix, holder: `network ${networkName}` }));
}

/** Everything that an automatic subnet must keep clear of. */
function takenPrefixes(reader: StoreReader, around: Surroundings): TakenPrefix[] {
  const resolvers = around.nameservers.map((address) => ({
    prefix: { address, length: bitsOf(address.family) },
    holder: 'resolv.conf',
  }));
  return [...pools(reader), ...hostPrefixes(reader, around), ...resolvers];
}

function choosePrefix(
  context: EngineContext,
  reader: StoreReader,
  around: Surroundings,
  family: Family,
  length: number | undefined,
): Prefix {
  const ula = ulaPool(derivedId(context.store.daemonId, 'ula'));
  const from = family === 'ipv4' ? context.config.addressPools : [ula];
  return choosePool(from, length, takenPrefixes(reader, around));
}

/** A subnet that the client named may overlap neither a network nor what the host reaches directly. */
function checkOverlap(reader: StoreReader, around: Surroundings, prefix: Prefix): void {
  const network = findCollision(prefix, pools(reader));
  if (network !== undefined) {
    throw new VethdError(
      'forbidden',
      'invalid pool request: Pool overlaps with other one on this address space',
      {
        cause: new Error(
          `${formatPrefix(prefix)} overlaps ${formatPrefix(network.prefix)} of ${network.holder}`,
        ),
      },
    );
  }
  const route = findCollision(prefix, hostPrefixes(reader, around));
  if (route !== undefined) {
    throw new VethdError(
      'forbidden',
      `invalid pool request: ${formatPrefix(prefix)} overlaps ${formatPrefix(route.prefix)}, the ${route.holder} on this host: choose another subnet`,
    );
  }
}

/** Whether the bridge has an address of that family at all. */
function hasGateway(family: Family, internal: boolean, options: BridgeOptions): boolean {
  const mode = family === 'ipv4' ? options.gatewayModeIpv4 : options.gatewayModeIpv6;
  if (mode === 'isolated') return false;
  return !(family === 'ipv4' && internal && options.inhibitIpv4);
}

/** A wish made whole: prefix and gateway chosen where the client left them open. */
export function fulfil(
  context: EngineContext,
  reader: StoreReader,
  around: Surroundings,
  wish: SubnetWish,
  network: { readonly internal: boolean; readonly options: BridgeOptions },
): Subnet {
  const { family, ipRange, aux } = wish;
  const automatic = wish.prefix === undefined;
  const prefix = wish.prefix ?? choosePrefix(context, reader, around, family, wish.length);
  if (!automatic) checkOverlap(reader, around, prefix);
  const wanted = hasGateway(family, network.internal, network.options);
  const gateway = wish.gateway ?? (wanted ? chooseGateway(prefix, ipRange, Object.values(aux)) : undefined);
  if (wanted && gateway === undefined) {
    throw new VethdError(
      'invalidArgument',
      `failed to allocate gateway (): No available addresses on this pool: ${formatPrefix(ipRange ?? prefix)}`,
    );
  }
  return { prefix, ipRange, gateway, aux, automatic };
}
