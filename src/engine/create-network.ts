/** `POST /networks/create`. */
import { bridgeName } from '../drivers/bridge.ts';
import { VethdError } from '../errors.ts';
import { parseBridgeOptions } from '../model/bridge-options.ts';
import type { Network, NetworkSpec, Subnet } from '../model/network.ts';
import { type ParsedNetworkSpec, parseNetworkSpec } from '../model/network-rules.ts';
import type { SubnetWish } from '../model/subnet-rules.ts';
import { driverNetworkOf } from '../reconcile/desired.ts';
import { EMPTY_SCOPE, scopeOf } from '../reconcile/scope.ts';
import type { StoreReader } from '../store/contract.ts';
import { type Change, carryOut, type EventDraft } from './carry-out.ts';
import { type EngineContext, formatTime, newId } from './context.ts';
import type { Mode, Outcome } from './contract.ts';
import { fulfil, type Surroundings, surroundings } from './subnets.ts';

/** What `POST /networks/create` answers. */
export interface CreatedNetwork {
  readonly id: string;
  readonly warning: string;
}

function wishOf({ prefix, ipRange, gateway, aux }: Subnet): SubnetWish {
  return { family: prefix.address.family, prefix, length: undefined, ipRange, gateway, aux };
}

/** The wish with what it takes over from its config-only network. */
function resolveConfig(reader: StoreReader, spec: ParsedNetworkSpec): ParsedNetworkSpec {
  if (spec.configFrom === '') return spec;
  const config = reader.matchNetwork(spec.configFrom).match;
  if (config === undefined || !config.configOnly) {
    throw new VethdError('notFound', `configuration network "${spec.configFrom}" does not exist`);
  }
  const wishes = config.subnets.map(wishOf);
  const open = (family: SubnetWish['family'], enabled: boolean): SubnetWish[] =>
    enabled && !wishes.some((wish) => wish.family === family)
      ? [{ family, prefix: undefined, length: undefined, ipRange: undefined, gateway: undefined, aux: {} }]
      : [];
  return {
    ...spec,
    configFrom: config.name,
    enableIPv4: config.enableIPv4,
    enableIPv6: config.enableIPv6,
    ipamOptions: config.ipamOptions,
    options: config.options,
    labels: config.labels,
    subnets: [...open('ipv4', config.enableIPv4), ...wishes, ...open('ipv6', config.enableIPv6)],
  };
}

/** The wishes as far as they can be told before the transaction. */
function wishesOf(
  reader: StoreReader,
  spec: ParsedNetworkSpec,
): readonly Pick<SubnetWish, 'family' | 'prefix'>[] {
  if (spec.configFrom === '') return spec.subnets;
  const stated = reader.matchNetwork(spec.configFrom).match?.subnets ?? [];
  // A family that the bundle leaves open gets a subnet chosen.
  return [
    ...stated.map(({ prefix }) => ({ family: prefix.address.family, prefix })),
    { family: 'ipv4', prefix: undefined },
    { family: 'ipv6', prefix: undefined },
  ];
}

/** A config-only network keeps just what was said. */
function statedSubnets(wishes: readonly SubnetWish[]): Subnet[] {
  return wishes.flatMap(({ prefix, ipRange, gateway, aux }) =>
    prefix === undefined ? [] : [{ prefix, ipRange, gateway, aux, automatic: false }],
  );
}

function checkBridgeName(reader: StoreReader, network: Network): void {
  const name = bridgeName(driverNetworkOf(network));
  const holder = reader.findNetworkByBridge(name);
  if (holder === undefined) return;
  throw new VethdError(
    'forbidden',
    `cannot create network ${network.id} (${name}): conflicts with network ${holder.id} (${name}): networks have same bridge name`,
  );
}

/** The driver options with the daemon's MTU where the client named none. */
function optionsOf(
  context: EngineContext,
  options: Readonly<Record<string, string>>,
): Record<string, string> {
  const key = 'com.docker.network.driver.mtu';
  return context.config.mtu === 1500 || key in options
    ? { ...options }
    : { ...options, [key]: String(context.config.mtu) };
}

function build(
  context: EngineContext,
  reader: StoreReader,
  around: Surroundings,
  wish: ParsedNetworkSpec,
): Network {
  const spec = resolveConfig(reader, wish);
  const { name, internal, driver, configOnly } = spec;
  const options = parseBridgeOptions(spec.options, { internal, configOnly, predefined: false });
  const subnets = configOnly
    ? statedSubnets(spec.subnets)
    : spec.subnets.map((subnet) => fulfil(context, reader, around, subnet, { internal, options }));
  return {
    id: newId(),
    name,
    created: formatTime(context.now()),
    driver,
    predefined: false,
    enableIPv4: spec.enableIPv4,
    enableIPv6: spec.enableIPv6,
    internal,
    attachable: spec.attachable,
    configOnly,
    configFrom: spec.configFrom,
    ipamOptions: spec.ipamOptions,
    subnets,
    options: configOnly ? spec.options : optionsOf(context, spec.options),
    labels: spec.labels,
  };
}

function createEvent(network: Network): EventDraft {
  const attributes = { name: network.name, type: network.driver };
  return { type: 'network', action: 'create', actorId: network.id, attributes };
}

/** Makes a network: rows, then its bridge with the gateways. Every fault of the wish is refused before. */
export async function createNetwork(
  context: EngineContext,
  spec: NetworkSpec,
  mode: Mode,
): Promise<Outcome<CreatedNetwork>> {
  const parsed = parseNetworkSpec(spec);
  const around = await surroundings(context, wishesOf(context.store, parsed));
  return carryOut(context, mode, (writer): Change<CreatedNetwork> => {
    if (writer.findNetworkNamed(parsed.name) !== undefined) {
      throw new VethdError('conflict', `network with name ${parsed.name} already exists`);
    }
    const network = build(context, writer, around, parsed);
    if (!network.configOnly) checkBridgeName(writer, network);
    writer.insertNetwork(network);
    return {
      result: { id: network.id, warning: '' },
      scope: network.configOnly
        ? EMPTY_SCOPE
        : scopeOf({ networks: [network.id], links: [bridgeName(driverNetworkOf(network))] }),
      foreseen: { network: network.id },
      concerns: [network.id],
      takeBack: { inserted: [network.id] },
      undo: (undoer) => undoer.removeNetwork(network.id),
      events: [createEvent(network)],
    };
  });
}
