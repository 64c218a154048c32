/**
 * The rules of `POST /networks/create` that need no state, with Docker's statuses and words. What depends on
 * other networks (a name or subnet that is taken, a config-only network to be made from) is the engine's.
 */
import { type ErrorKind, VethdError } from '../errors.ts';
import type { Family } from './address.ts';
import { parseBridgeOptions, readEnableFamily } from './bridge-options.ts';
import { checkNetworkName } from './names.ts';
import type { DriverName, NetworkSpec } from './network.ts';
import { completeSubnets, parseSubnets, type SubnetWish } from './subnet-rules.ts';

/** Names that Docker keeps for itself. */
const PREDEFINED: ReadonlySet<string> = new Set(['bridge', 'host', 'none', 'default']);

const SWARM_TEXT =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** A wish that passed the rules. */
export interface ParsedNetworkSpec {
  readonly name: string;
  /** `null` for a config-only network, as Docker shows it. */
  readonly driver: DriverName;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly configOnly: boolean;
  /** The config-only network that this one is to be made from; then `subnets` is empty. `''` for none. */
  readonly configFrom: string;
  readonly ipamOptions: Readonly<Record<string, string>> | undefined;
  /** IPv4 first. One for each enabled family, but for config-only networks just what the client gave. */
  readonly subnets: readonly SubnetWish[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

function refuse(kind: ErrorKind, message: string): never {
  throw new VethdError(kind, message);
}

function checkName(name: string): void {
  checkNetworkName(name);
  if (PREDEFINED.has(name)) {
    // Docker's text ends with the blank.
    refuse('forbidden', `operation is not permitted on predefined ${name} network `);
  }
}

function checkConfigOnly(spec: NetworkSpec): void {
  if (spec.internal || spec.attachable || spec.ingress || spec.scope !== '') {
    refuse(
      'forbidden',
      'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
    );
  }
}

function isEmpty(map: Readonly<Record<string, string>> | undefined): boolean {
  return map === undefined || Object.keys(map).length === 0;
}

function checkConfigFrom(spec: NetworkSpec): void {
  if (spec.configOnly) {
    refuse('forbidden', 'a configuration network cannot depend on another configuration network');
  }
  const ownIpam = spec.ipamDriver !== '' && spec.ipamDriver !== 'default';
  if (
    ownIpam ||
    spec.enableIPv6 === true ||
    spec.ipamConfig.length > 0 ||
    !isEmpty(spec.ipamOptions) ||
    !isEmpty(spec.labels)
  ) {
    refuse(
      'forbidden',
      'user-specified configurations are not supported if the network depends on a configuration network',
    );
  }
  if (!isEmpty(spec.options)) {
    refuse(
      'forbidden',
      'network driver options are not supported if the network depends on a configuration network',
    );
  }
}

function checkScope(spec: NetworkSpec): void {
  if (spec.ingress) refuse('forbidden', 'Ingress network can only be global scope network');
  if (spec.scope === 'swarm') {
    refuse('forbidden', 'cannot create a swarm scoped network when swarm is not active');
  }
  if (spec.scope !== '' && spec.scope !== 'local') {
    refuse('invalidArgument', `invalid scope ${JSON.stringify(spec.scope.slice(0, 128))}: want local`);
  }
}

function checkDriver(driver: string): void {
  if (driver === '' || driver === 'bridge') return;
  if (driver === 'overlay') refuse('forbidden', SWARM_TEXT);
  if (driver === 'host' || driver === 'null') {
    refuse('forbidden', `only one instance of "${driver}" network is allowed`);
  }
  refuse('notFound', `plugin "${driver}" not found`);
}

function checkIpamDriver(driver: string): void {
  if (driver === '' || driver === 'default') return;
  if (driver === 'null') refuse('invalidArgument', 'ipv4 pool is empty');
  refuse('notFound', `plugin "${driver}" not found`);
}

/** The families that the client wants: its fields, else the driver options, else IPv4 alone. */
function enabledFamilies(spec: NetworkSpec): ReadonlySet<Family> {
  const ipv4 = spec.enableIPv4 ?? readEnableFamily(spec.options, 'ipv4') ?? true;
  const ipv6 = spec.enableIPv6 ?? readEnableFamily(spec.options, 'ipv6') ?? false;
  if (!ipv4 && !ipv6) refuse('invalidArgument', 'IPv4 or IPv6 must be enabled');
  const families: Family[] = [];
  if (ipv4) families.push('ipv4');
  if (ipv6) families.push('ipv6');
  return new Set(families);
}

function subnetsOf(spec: NetworkSpec, enabled: ReadonlySet<Family>): readonly SubnetWish[] {
  if (spec.configFrom !== '') return [];
  const wishes = parseSubnets(spec.ipamConfig, enabled);
  return spec.configOnly ? wishes : completeSubnets(wishes, enabled);
}

/**
 * Checks the wish and parses what it holds. Throws VethdError with Docker's status and words. The driver
 * options are parsed to be refused early; a network made from a config-only one must have the options that it
 * took over parsed again, with its own `internal`.
 */
export function parseNetworkSpec(spec: NetworkSpec): ParsedNetworkSpec {
  checkName(spec.name);
  if (spec.configOnly) checkConfigOnly(spec);
  if (spec.configFrom !== '') checkConfigFrom(spec);
  checkScope(spec);
  if (!spec.configOnly) checkDriver(spec.driver);
  checkIpamDriver(spec.ipamDriver);
  const enabled = enabledFamilies(spec);
  // A config-only network may say `isolated` for internal networks that are made from it.
  const { internal, configOnly } = spec;
  parseBridgeOptions(spec.options, { internal, configOnly, predefined: false });
  return {
    name: spec.name,
    driver: spec.configOnly ? 'null' : 'bridge',
    enableIPv4: enabled.has('ipv4'),
    enableIPv6: enabled.has('ipv6'),
    internal: spec.internal,
    attachable: spec.attachable,
    configOnly: spec.configOnly,
    configFrom: spec.configFrom,
    ipamOptions: spec.ipamOptions,
    subnets: subnetsOf(spec, enabled),
    options: spec.options,
    labels: spec.labels,
  };
}
