/**
 * The driver options of a bridge network: Docker's keys, each once, and our own three. Options that nobody
 * knows are kept and shown and mean nothing.
 */
import { VethdError } from '../errors.ts';
import { type Address, type Family, tryParseAddress } from './address.ts';
import { type Parsed, parseBool, parseInteger } from './go-values.ts';
import { checkIfname, isIfname } from './names.ts';
import type { BridgeOptions, GatewayMode } from './network.ts';

const PREFIX = 'com.docker.network.';

/** Docker's option keys (moby: daemon/libnetwork/netlabel, drivers/bridge/labels.go) and vethd's. */
export const OPTION = Object.freeze({
  bridgeName: `${PREFIX}bridge.name`,
  masquerade: `${PREFIX}bridge.enable_ip_masquerade`,
  icc: `${PREFIX}bridge.enable_icc`,
  hostBindingIpv4: `${PREFIX}bridge.host_binding_ipv4`,
  defaultBridge: `${PREFIX}bridge.default_bridge`,
  inhibitIpv4: `${PREFIX}bridge.inhibit_ipv4`,
  gatewayModeIpv4: `${PREFIX}bridge.gateway_mode_ipv4`,
  gatewayModeIpv6: `${PREFIX}bridge.gateway_mode_ipv6`,
  trustedHostInterfaces: `${PREFIX}bridge.trusted_host_interfaces`,
  mtu: `${PREFIX}driver.mtu`,
  ifacePrefix: `${PREFIX}container_iface_prefix`,
  hostIpv4: `${PREFIX}host_ipv4`,
  hostIpv6: `${PREFIX}host_ipv6`,
  enableIpv4: `${PREFIX}enable_ipv4`,
  enableIpv6: `${PREFIX}enable_ipv6`,
  advertiseCount: `${PREFIX}advertise_addr_nmsgs`,
  advertiseIntervalMs: `${PREFIX}advertise_addr_ms`,
  spoofcheck: 'vethd.spoofcheck',
  permanentNeighbours: 'vethd.permanent_neighbours',
  dns: 'vethd.dns',
});

/** What the options depend on besides themselves. */
export interface BridgeOptionsContext {
  readonly internal: boolean;
  /** Keeps options for others, some of which may be internal. */
  readonly configOnly: boolean;
  readonly predefined: boolean;
}

type Options = Readonly<Record<string, string>>;

/** Smallest MTU of IPv4 (RFC 791) and the largest that Linux lets a bridge have. */
const MTU_RANGE = { min: 68, max: 65535 } as const;

/** Leaves room for four digits. */
const MAX_IFACE_PREFIX = 11;

function invalid(message: string): VethdError {
  return new VethdError('invalidArgument', message);
}

function failedToParse(key: string, value: string, reason: string): VethdError {
  return invalid(`failed to parse ${key} value: ${value} (${reason})`);
}

function read<Value>(
  options: Options,
  key: string,
  fallback: Value,
  parse: (text: string) => Parsed<Value>,
): Value {
  const text = options[key];
  if (text === undefined) return fallback;
  const parsed = parse(text);
  if (!parsed.ok) throw failedToParse(key, text, parsed.reason);
  return parsed.value;
}

function readAddress(options: Options, key: string, family: Family): Address | undefined {
  return read<Address | undefined>(options, key, undefined, (text) => {
    const value = tryParseAddress(text);
    return value?.family === family ? { ok: true, value } : { ok: false, reason: 'nil ip' };
  });
}

function parseGatewayMode(text: string): Parsed<GatewayMode> {
  switch (text) {
    case 'nat':
    case 'nat-unprotected':
    case 'routed':
    case 'isolated':
      return { ok: true, value: text };
    default:
      return { ok: false, reason: `unknown gateway mode ${text}` };
  }
}

function readGatewayMode(options: Options, key: string, context: BridgeOptionsContext): GatewayMode {
  const mode = read(options, key, 'nat', parseGatewayMode);
  if (mode === 'isolated' && !context.internal && !context.configOnly) {
    throw invalid("gateway mode 'isolated' can only be used for an internal network");
  }
  return mode;
}

/** 0 is Docker's "not given". */
function readMtu(options: Options): number | undefined {
  const mtu = read(options, OPTION.mtu, 0, parseInteger);
  if (mtu === 0) return undefined;
  if (mtu >= MTU_RANGE.min && mtu <= MTU_RANGE.max) return mtu;
  const wanted = mtu < 0 ? '' : `: want ${MTU_RANGE.min} to ${MTU_RANGE.max}`;
  throw invalid(`invalid MTU number: ${mtu}${wanted}`);
}

function readBridgeName(options: Options): string | undefined {
  const name = options[OPTION.bridgeName];
  if (name === undefined || name === '') return undefined;
  checkIfname(name);
  return name;
}

function readIfacePrefix(options: Options): string {
  const prefix = options[OPTION.ifacePrefix] || 'eth';
  if (isIfname(prefix) && prefix.length <= MAX_IFACE_PREFIX) return prefix;
  throw failedToParse(OPTION.ifacePrefix, prefix, `want at most ${MAX_IFACE_PREFIX} of A-Z a-z 0-9 _ . -`);
}

function readTrusted(options: Options): string[] {
  const key = OPTION.trustedHostInterfaces;
  const names = (options[key] ?? '').split(':').filter((name) => name !== '');
  for (const name of names) {
    if (!isIfname(name)) throw failedToParse(key, options[key] ?? '', `no interface can be called ${name}`);
  }
  return names;
}

function readWithin(
  options: Options,
  key: string,
  fallback: number,
  range: { readonly min: number; readonly max: number },
): number {
  const text = options[key];
  if (text === undefined) return fallback;
  const parsed = parseInteger(text);
  if (!parsed.ok) throw invalid(`value for option ${key} ${JSON.stringify(text)} must be an integer`);
  if (parsed.value >= range.min && parsed.value <= range.max) return parsed.value;
  throw invalid(`${key} must be in the range ${range.min} to ${range.max}`);
}

/** The option as a boolean, undefined when it is not given. Docker words these two in its own way. */
export function readEnableFamily(options: Options, family: Family): boolean | undefined {
  const key = family === 'ipv4' ? OPTION.enableIpv4 : OPTION.enableIpv6;
  const text = options[key];
  if (text === undefined) return undefined;
  const parsed = parseBool(text);
  if (!parsed.ok) throw invalid(`driver-opt "${key}" is not a valid bool`);
  return parsed.value;
}

/** Parses and defaults the options; throws invalidArgument with Docker's words for the first bad one. */
export function parseBridgeOptions(options: Options, context: BridgeOptionsContext): BridgeOptions {
  const readBool = (key: string, fallback: boolean): boolean => read(options, key, fallback, parseBool);
  readBool(OPTION.defaultBridge, false);
  return {
    bridgeName: readBridgeName(options),
    mtu: readMtu(options),
    masquerade: readBool(OPTION.masquerade, true),
    icc: readBool(OPTION.icc, true),
    hostBindingIpv4: readAddress(options, OPTION.hostBindingIpv4, 'ipv4'),
    gatewayModeIpv4: readGatewayMode(options, OPTION.gatewayModeIpv4, context),
    gatewayModeIpv6: readGatewayMode(options, OPTION.gatewayModeIpv6, context),
    inhibitIpv4: readBool(OPTION.inhibitIpv4, false),
    trustedHostInterfaces: readTrusted(options),
    ifacePrefix: readIfacePrefix(options),
    hostIpv4: readAddress(options, OPTION.hostIpv4, 'ipv4'),
    hostIpv6: readAddress(options, OPTION.hostIpv6, 'ipv6'),
    advertiseCount: readWithin(options, OPTION.advertiseCount, 3, { min: 0, max: 3 }),
    advertiseIntervalMs: readWithin(options, OPTION.advertiseIntervalMs, 1000, { min: 100, max: 2000 }),
    spoofcheck: readBool(OPTION.spoofcheck, true),
    permanentNeighbours: readBool(OPTION.permanentNeighbours, true),
    dns: readBool(OPTION.dns, !context.predefined),
  };
}
