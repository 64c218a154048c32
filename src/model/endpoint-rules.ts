/** The rules for a client's wish for an endpoint, as far as they need no state. Messages are Docker's. */
import { VethdError } from '../errors.ts';
import { type Address, type Family, isLinkLocal, parseMac, tryParseAddress } from './address.ts';
import type { EndpointSpec } from './endpoint.ts';
import { parseEndpointSysctl } from './endpoint-sysctls.ts';
import { checkIfname } from './names.ts';
import { type ParsedPort, parsePorts } from './port-rules.ts';

/** Docker's keys of endpoint options. */
export const ENDPOINT_OPTION = Object.freeze({
  ifname: 'com.docker.network.endpoint.ifname',
  sysctls: 'com.docker.network.endpoint.sysctls',
});

const MAX_NAMES = 64;
const MAX_LINK_LOCAL = 16;

/** Docker's is a 64-bit integer; nobody needs more than 32 bits. */
const GW_PRIORITY = { min: -2_147_483_648, max: 2_147_483_647 } as const;

/** A wish that passed the rules. */
export interface ParsedEndpointSpec {
  readonly ipv4: Address | undefined;
  readonly ipv6: Address | undefined;
  /** As the client wrote them, for messages; `''` for none. */
  readonly askedIpv4: string;
  readonly askedIpv6: string;
  readonly linkLocal: readonly Address[];
  /** Lower case with colons; `''` for none. */
  readonly mac: string;
  /** The name inside; undefined: vethd chooses. */
  readonly ifname: string | undefined;
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly gwPriority: number;
  readonly ports: readonly ParsedPort[];
}

type Faults = string[];

function parseAsked(text: string, family: Family, faults: Faults): Address | undefined {
  if (text === '') return undefined;
  const address = tryParseAddress(text);
  if (address?.family === family && address.value !== 0n) return address;
  faults.push(`invalid ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address: ${text}`);
  return undefined;
}

function parseLinkLocal(texts: readonly string[], faults: Faults): Address[] {
  if (texts.length > MAX_LINK_LOCAL) faults.push(`more than ${MAX_LINK_LOCAL} link-local addresses`);
  return texts.flatMap((text) => {
    const address = tryParseAddress(text);
    if (address !== undefined && isLinkLocal(address)) return [address];
    faults.push(`invalid ${address === undefined ? 'link-local' : 'link local'} IP address: ${text}`);
    return [];
  });
}

/** A name that the DNS can carry (RFC 1035: labels of 63, names of 253 bytes) and a terminal can show. */
function isDnsName(name: string): boolean {
  const encoder = new TextEncoder();
  const labels = name.split('.');
  return (
    encoder.encode(name).length <= 253 &&
    !/[\s\p{Cc}]/u.test(name) &&
    labels.every((label) => label !== '' && encoder.encode(label).length <= 63)
  );
}

function checkNames(spec: EndpointSpec, faults: Faults): void {
  for (const [what, names] of [
    ['aliases', spec.aliases],
    ['links', spec.links],
  ] as const) {
    if (names.length > MAX_NAMES) faults.push(`more than ${MAX_NAMES} ${what}`);
  }
  for (const alias of spec.aliases) {
    if (!isDnsName(alias)) faults.push(`invalid alias ${JSON.stringify(alias.slice(0, 300))}`);
  }
  for (const link of spec.links) {
    if (link.length > 512 || /\p{Cc}/u.test(link)) {
      faults.push(`invalid link ${JSON.stringify(link.slice(0, 300))}`);
    }
  }
}

function checkSysctls(driverOpts: EndpointSpec['driverOpts'], faults: Faults): void {
  const list = driverOpts[ENDPOINT_OPTION.sysctls];
  if (list === undefined) return;
  for (const text of list.split(',')) {
    if (parseEndpointSysctl(text) !== undefined) continue;
    faults.push(
      `unrecognised network interface sysctl '${text}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
    );
  }
}

function parseIfname(driverOpts: EndpointSpec['driverOpts']): string | undefined {
  const ifname = driverOpts[ENDPOINT_OPTION.ifname];
  if (ifname === undefined || ifname === '') return undefined;
  checkIfname(ifname);
  return ifname;
}

function checkGwPriority(priority: number, faults: Faults): void {
  const { min, max } = GW_PRIORITY;
  if (Number.isInteger(priority) && priority >= min && priority <= max) return;
  faults.push(`invalid GwPriority ${priority}: want an integer from ${min} to ${max}`);
}

/**
 * Parses the wish. Throws invalidArgument: `invalid endpoint settings:` with a line for every fault, or the
 * message of the MAC, the interface name or a port.
 */
export function parseEndpointSpec(spec: EndpointSpec): ParsedEndpointSpec {
  const faults: Faults = [];
  const ipv4 = parseAsked(spec.ipv4, 'ipv4', faults);
  const ipv6 = parseAsked(spec.ipv6, 'ipv6', faults);
  const linkLocal = parseLinkLocal(spec.linkLocal, faults);
  checkNames(spec, faults);
  checkSysctls(spec.driverOpts, faults);
  checkGwPriority(spec.gwPriority, faults);
  if (faults.length > 0) {
    throw new VethdError('invalidArgument', `invalid endpoint settings:\n${faults.join('\n')}`);
  }
  return {
    ipv4,
    ipv6,
    askedIpv4: spec.ipv4,
    askedIpv6: spec.ipv6,
    linkLocal,
    mac: spec.mac === '' ? '' : parseMac(spec.mac),
    ifname: parseIfname(spec.driverOpts),
    aliases: spec.aliases,
    links: spec.links,
    driverOpts: spec.driverOpts,
    gwPriority: spec.gwPriority,
    ports: parsePorts(spec.ports),
  };
}
