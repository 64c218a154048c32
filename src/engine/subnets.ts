/** Choosing and checking a network's subnets against other networks, the host's routes and its resolvers. */
import { VethdError } from '../errors.ts';
import { chooseGateway } from '../ipam/choose.ts';
import { choosePool, collides, ulaPool } from '../ipam/pools.ts';
import type { OnLinkRoute } from '../kernel/contract.ts';
import { type Address, bitsOf, type Family, formatPrefix, type Prefix } from '../model/address.ts';
import type { BridgeOptions, Subnet } from '../model/network.ts';
import type { SubnetWish } from '../model/subnet-rules.ts';
import type { StoreReader } from '../store/contract.ts';
import { derivedId, type EngineContext } from './context.ts';

/** What the host itself uses, as the kernel showed it before the transaction. */
export interface Surroundings {
  /** Where its on-link routes lead, those of our bridges too; empty where no subnet is to be chosen. */
  readonly prefixes: readonly Prefix[];
  /** Its on-link routes that overlap a subnet that was asked for. */
  readonly colliding: readonly OnLinkRoute[];
  /** Empty where no subnet is to be chosen. */
  readonly nameservers: readonly Address[];
}

/** Asks the kernel what the host itself uses, as far as it matters for these wishes. */
export async function surroundings(
  context: EngineContext,
  wishes: readonly Pick<SubnetWish, 'family' | 'prefix'>[],
): Promise<Surroundings> {
  const { kernel } = context;
  const asked = wishes.flatMap(({ prefix }) => prefix ?? []);
  const open = wishes.filter(({ prefix }) => prefix === undefined).map(({ family }) => family);
  return {
    prefixes: open.length > 0 ? await kernel.listOnLinkPrefixes(open) : [],
    colliding: asked.length > 0 ? await kernel.findOnLinkRoutes(asked) : [],
    nameservers: open.length > 0 ? context.nameservers() : [],
  };
}

/** Everything that an automatic subnet must keep clear of. */
function takenPrefixes(reader: StoreReader, { prefixes, nameservers }: Surroundings): Prefix[] {
  const resolvers = nameservers.map((address) => ({ address, length: bitsOf(address.family) }));
  return [...reader.listPools().map(({ prefix }) => prefix), ...prefixes, ...resolvers];
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
  const network = reader.findPoolOverlapping(prefix);
  if (network !== undefined) {
    throw new VethdError(
      'forbidden',
      'invalid pool request: Pool overlaps with other one on this address space',
      {
        cause: new Error(
          `${formatPrefix(prefix)} overlaps ${formatPrefix(network.prefix)} of network ${network.networkName}`,
        ),
      },
    );
  }
  // Routes of our bridges are the pools of networks, or will be gone when those are.
  const route = around.colliding.find(
    ({ destination, ifname }) =>
      collides(prefix, destination) && reader.findNetworkByBridge(ifname) === undefined,
  );
  if (route !== undefined) {
    throw new VethdError(
      'forbidden',
      `invalid pool request: ${formatPrefix(prefix)} overlaps ${formatPrefix(route.destination)}, the route of ${route.ifname} on this host: choose another subnet`,
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
