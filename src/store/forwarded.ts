/**
 * Whether anything is forwarded for members, which every pass asks several times: by a member of whom it was true
 * before, mostly without a statement (a join over endpoints, networks and containers took 30 µs).
 */
import type { Family } from '../model/address.ts';
import type { Network } from '../model/network.ts';
import type { StoreReader } from './contract.ts';
import type { Connection } from './database.ts';
import { prepareIds } from './ids.ts';
import type { RowCache } from './row-cache.ts';

const ENABLED = { ipv4: 'enable_ipv4', ipv6: 'enable_ipv6' } as const;

function prepareFind(
  database: Connection,
  networks: RowCache<Network>,
  family: Family,
): (besides: string) => string | undefined {
  const find = database.prepare<[string], { id: string }>(
    `SELECT endpoints.id FROM endpoints CROSS JOIN networks ON networks.id = network_id
       CROSS JOIN containers ON containers.id = container_id
     WHERE driver = 'bridge' AND NOT config_only AND NOT internal AND ${ENABLED[family]} AND state = 'running'
       AND endpoints.id <> ? LIMIT 1`,
  );
  // Where no network has the family, and where many endpoints have networks without it, this is the answer.
  const enabled = prepareIds<[]>(
    database,
    `SELECT id FROM networks WHERE driver = 'bridge' AND NOT config_only AND NOT internal AND ${ENABLED[family]} LIMIT 1`,
  );
  return (besides) =>
    networks.find(`with ${family}`, enabled) === undefined ? undefined : find.get(besides)?.id;
}

/** Prepares the statements; the nouns come from the reader's caches. */
export function prepareForwarded(
  database: Connection,
  networks: RowCache<Network>,
  reader: Pick<StoreReader, 'getEndpoint' | 'getNetwork' | 'getContainer'>,
): Pick<StoreReader, 'hasForwardedMember'> {
  const finds = {
    ipv4: prepareFind(database, networks, 'ipv4'),
    ipv6: prepareFind(database, networks, 'ipv6'),
  };
  const witnesses: Partial<Record<Family, string>> = {};

  function isForwarded(family: Family, endpointId: string): boolean {
    const endpoint = reader.getEndpoint(endpointId);
    const network = endpoint && reader.getNetwork(endpoint.networkId);
    if (endpoint === undefined || network?.driver !== 'bridge') return false;
    const { configOnly, internal, enableIPv4, enableIPv6 } = network;
    if (configOnly || internal || !(family === 'ipv4' ? enableIPv4 : enableIPv6)) return false;
    return reader.getContainer(endpoint.containerId)?.state === 'running';
  }

  return {
    hasForwardedMember: (family, besides = '') => {
      const witness = witnesses[family];
      if (witness !== undefined && witness !== besides && isForwarded(family, witness)) return true;
      const found = finds[family](besides);
      if (found === undefined) delete witnesses[family];
      else witnesses[family] = found;
      return found !== undefined;
    },
  };
}
