/** Statements of the noun `network`. */
import { VethdError } from '../errors.ts';
import type { DriverName, Network, Subnet } from '../model/network.ts';
import type { StoreReader, StoreWriter } from './contract.ts';
import { type Connection, isConstraint } from './database.ts';
import type { Endpoints } from './endpoints.ts';
import { prepareIds } from './ids.ts';
import { parseStrings } from './json.ts';
import { prepareMatch } from './match.ts';
import { RowCache } from './row-cache.ts';
import type { Subnets } from './subnets.ts';

interface NetworkRow {
  readonly id: string;
  readonly name: string;
  readonly created: string;
  readonly driver: DriverName;
  readonly predefined: number;
  readonly enable_ipv4: number;
  readonly enable_ipv6: number;
  readonly internal: number;
  readonly attachable: number;
  readonly config_only: number;
  readonly config_from: string;
  readonly ipam_options: string | null;
  readonly options: string;
  readonly labels: string;
}

/** The network's part of the store. */
export interface Networks {
  readonly cache: RowCache<Network>;
  readonly reads: Pick<
    StoreReader,
    'getNetwork' | 'matchNetwork' | 'findNetworkNamed' | 'findNetworkByBridge' | 'listNetworks'
  >;
  readonly writes: Pick<StoreWriter, 'insertNetwork' | 'updateNetwork' | 'removeNetwork'>;
}

function toRow(network: Network): NetworkRow {
  return {
    id: network.id,
    name: network.name,
    created: network.created,
    driver: network.driver,
    predefined: Number(network.predefined),
    enable_ipv4: Number(network.enableIPv4),
    enable_ipv6: Number(network.enableIPv6),
    internal: Number(network.internal),
    attachable: Number(network.attachable),
    config_only: Number(network.configOnly),
    config_from: network.configFrom,
    ipam_options: network.ipamOptions === undefined ? null : JSON.stringify(network.ipamOptions),
    options: JSON.stringify(network.options),
    labels: JSON.stringify(network.labels),
  };
}

function toNetwork(row: NetworkRow, subnets: readonly Subnet[]): Network {
  return {
    id: row.id,
    name: row.name,
    created: row.created,
    driver: row.driver,
    predefined: row.predefined === 1,
    enableIPv4: row.enable_ipv4 === 1,
    enableIPv6: row.enable_ipv6 === 1,
    internal: row.internal === 1,
    attachable: row.attachable === 1,
    configOnly: row.config_only === 1,
    configFrom: row.config_from,
    ipamOptions: row.ipam_options === null ? undefined : parseStrings(row.ipam_options),
    subnets,
    options: parseStrings(row.options),
    labels: parseStrings(row.labels),
  };
}

/** The order in which they are read. */
function byFamily(one: Subnet, other: Subnet): number {
  return one.prefix.address.family < other.prefix.address.family ? -1 : 1;
}

function prepareReads(database: Connection, cache: RowCache<Network>): Networks['reads'] {
  const all = prepareIds<[]>(database, 'SELECT id FROM networks ORDER BY ordinal');
  const get = (id: string): Network | undefined => cache.get(id);
  const match = prepareMatch(database, 'networks', cache);
  const byName = prepareIds<[string]>(database, 'SELECT id FROM networks WHERE name = ?');
  const bridgeOption = `json_extract(options, '$."com.docker.network.bridge.name"')`;
  const real = "driver = 'bridge' AND NOT config_only";
  const byOption = prepareIds<[string]>(
    database,
    `SELECT id FROM networks WHERE ${bridgeOption} = ? AND ${real} ORDER BY ordinal`,
  );
  // The default name is made of the id's first 12 digits; all ids that begin with them are in this range.
  const byDefault = prepareIds<[string, string]>(
    database,
    `SELECT id FROM networks WHERE id >= ? AND id < ? || 'g' AND ${bridgeOption} IS NULL AND ${real}`,
  );
  return {
    findNetworkNamed: (name) => cache.find(`name ${name}`, () => byName(name)),
    findNetworkByBridge(ifname) {
      const digits = /^br-([0-9a-f]{12})$/.exec(ifname)?.[1];
      const ids = digits === undefined ? [] : byDefault(digits, digits);
      return cache.list([...byOption(ifname), ...ids])[0];
    },
    getNetwork: get,
    matchNetwork: (term) => match(term, term),
    listNetworks: () => cache.listOf('', all),
  };
}

function prepareWrites(
  database: Connection,
  subnets: Subnets,
  endpoints: Endpoints,
  cache: RowCache<Network>,
): Networks['writes'] {
  const insert = database.prepare<[NetworkRow]>(
    `INSERT INTO networks (id, name, created, driver, predefined, enable_ipv4, enable_ipv6, internal,
       attachable, config_only, config_from, ipam_options, options, labels)
     VALUES (@id, @name, @created, @driver, @predefined, @enable_ipv4, @enable_ipv6, @internal,
       @attachable, @config_only, @config_from, @ipam_options, @options, @labels)`,
  );
  const update = database.prepare<[string, string, string]>(
    'UPDATE networks SET labels = ?, options = ? WHERE id = ?',
  );
  const remove = database.prepare<[string]>('DELETE FROM networks WHERE id = ?');
  return {
    insertNetwork(network) {
      cache.touch(network.id);
      try {
        insert.run(toRow(network));
      } catch (error) {
        if (!isConstraint(error)) throw error;
        throw new VethdError('conflict', `network with name ${network.name} already exists`, {
          cause: error,
        });
      }
      for (const subnet of network.subnets) subnets.insert(network.id, subnet, !network.configOnly);
      cache.wrote(network.id, { ...network, subnets: network.subnets.toSorted(byFamily) });
    },
    updateNetwork({ id, labels, options }) {
      cache.touch(id);
      update.run(JSON.stringify(labels), JSON.stringify(options), id);
    },
    removeNetwork(id) {
      cache.touch(id);
      for (const endpointId of endpoints.idsOfNetwork(id)) endpoints.cache.touch(endpointId);
      remove.run(id);
    },
  };
}

/** Prepares the statements of the networks. */
export function prepareNetworks(database: Connection, subnets: Subnets, endpoints: Endpoints): Networks {
  const byId = database.prepare<[string], NetworkRow>('SELECT * FROM networks WHERE id = ?');
  const cache = new RowCache((id) => {
    const row = byId.get(id);
    return row === undefined ? undefined : toNetwork(row, subnets.listOf(id));
  });
  return {
    cache,
    reads: prepareReads(database, cache),
    writes: prepareWrites(database, subnets, endpoints, cache),
  };
}
