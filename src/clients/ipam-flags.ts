/** `--subnet`, `--ip-range`, `--gateway` and `--aux-address` put together as the API's IPAM.Config. Pure. */
import { containsAddress, type Prefix, tryParseAddress, tryParsePrefix } from '../model/address.ts';

/** The flags as given. */
export interface IpamFlags {
  readonly subnet?: readonly string[];
  readonly ipRange?: readonly string[];
  readonly gateway?: readonly string[];
  readonly auxAddress?: Readonly<Record<string, string>>;
}

/** One entry of IPAM.Config. */
export interface IpamConfig {
  readonly Subnet: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

/**
 * One entry for each subnet, each other flag with the subnet that holds it. Throws an Error in docker's words
 * when no subnet does or when one gets two. Text that is no address goes to the only subnet there is, so that
 * the daemon says what is wrong with it.
 */
export function ipamConfig(flags: IpamFlags): IpamConfig[] {
  const entries = (flags.subnet ?? []).map((subnet): IpamConfig => ({ Subnet: subnet }));
  for (const range of flags.ipRange ?? []) {
    const entry = entryFor(entries, range, 'range');
    if (entry.IPRange !== undefined) throw new Error('cannot configure multiple ranges on the same subnet');
    entry.IPRange = range;
  }
  for (const gateway of flags.gateway ?? []) {
    const entry = entryFor(entries, gateway, 'gateway');
    if (entry.Gateway !== undefined) {
      throw new Error('cannot configure multiple gateways for the same subnet');
    }
    entry.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(flags.auxAddress ?? {})) {
    const entry = entryFor(entries, address, 'aux-address');
    entry.AuxiliaryAddresses = { ...entry.AuxiliaryAddresses, [name]: address };
  }
  return entries;
}

function entryFor(entries: readonly IpamConfig[], text: string, what: string): IpamConfig {
  const address = tryParsePrefix(text)?.address ?? tryParseAddress(text);
  const found = entries.find(({ Subnet }) => {
    const subnet: Prefix | undefined = tryParsePrefix(Subnet);
    return subnet !== undefined && address !== undefined && containsAddress(subnet, address);
  });
  const only = entries.length === 1 ? entries[0] : undefined;
  const entry = found ?? only;
  if (entry === undefined) throw new Error(`no matching subnet for ${what} ${text}`);
  return entry;
}
