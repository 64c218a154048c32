/** Statements of the noun `endpoint`. Its addresses are freed with it, here and nowhere else. */
import { formatAddress } from '../model/address.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Addresses } from './addresses.ts';
import type { StoreReader, StoreWriter } from './contract.ts';
import { type Connection, isConstraint } from './database.ts';
import { prepareExplain } from './endpoint-conflict.ts';
import { type EndpointRow, toEndpoint, toRow } from './endpoint-row.ts';
import { prepareIds } from './ids.ts';
import { RowCache } from './row-cache.ts';

/** The endpoint's part of the store. */
export interface Endpoints {
  readonly cache: RowCache<Endpoint>;
  idsOfNetwork(networkId: string): string[];
  readonly reads: Pick<
    StoreReader,
    | 'getEndpoint'
    | 'findEndpoint'
    | 'findEndpointByVeth'
    | 'findEndpointByMac'
    | 'listEndpoints'
    | 'listEndpointsOfNetwork'
    | 'listEndpointsOfContainer'
    | 'countEndpointsOfNetwork'
  >;
  readonly writes: Pick<StoreWriter, 'nextOrdinal' | 'insertEndpoint' | 'updateEndpoint' | 'removeEndpoint'>;
}

function prepareReads(
  database: Connection,
  cache: RowCache<Endpoint>,
  idsOfNetwork: Endpoints['idsOfNetwork'],
): Endpoints['reads'] {
  const select = 'SELECT id FROM endpoints';
  const byMembers = prepareIds<[string, string]>(
    database,
    `${select} WHERE network_id = ? AND container_id = ?`,
  );
  // The index of veths leaves the empty name out; SQLite uses it only when the query says so too.
  const byVeth = prepareIds<[string]>(database, `${select} WHERE veth = ? AND veth <> ''`);
  const byMac = prepareIds<[string, string]>(
    database,
    `${select} WHERE network_id = ? AND mac = ? AND mac <> ''`,
  );
  const all = prepareIds<[]>(database, `${select} ORDER BY ordinal`);
  const ofContainer = prepareIds<[string]>(database, `${select} WHERE container_id = ? ORDER BY ordinal`);
  const count = database.prepare<[string], { count: number }>(
    'SELECT count(*) AS count FROM endpoints WHERE network_id = ?',
  );
  return {
    getEndpoint: (id) => cache.get(id),
    findEndpoint: (networkId, containerId) => cache.list(byMembers(networkId, containerId))[0],
    findEndpointByVeth: (veth) => cache.list(byVeth(veth))[0],
    findEndpointByMac: (networkId, mac) => cache.list(byMac(networkId, mac))[0],
    listEndpoints: () => cache.listOf('', all),
    listEndpointsOfNetwork: (networkId) => cache.listOf(networkId, () => idsOfNetwork(networkId)),
    listEndpointsOfContainer: (containerId) => cache.listOf(containerId, () => ofContainer(containerId)),
    countEndpointsOfNetwork: (networkId) => count.get(networkId)?.count ?? 0,
  };
}

function prepareWrites(
  database: Connection,
  addresses: Addresses,
  cache: RowCache<Endpoint>,
): Endpoints['writes'] {
  const last = database.prepare<[], { seq: number }>(
    "SELECT seq FROM sqlite_sequence WHERE name = 'endpoints'",
  );
  const insert = database.prepare<[EndpointRow]>(
    `INSERT INTO endpoints (ordinal, id, network_id, container_id, veth, ifname, mac, ipv4, ipv6, gw_priority,
       settings)
     VALUES (@ordinal, @id, @network_id, @container_id, @veth, @ifname, @mac, @ipv4, @ipv6, @gw_priority,
       @settings)`,
  );
  const update = database.prepare<[EndpointRow]>(
    `UPDATE endpoints SET ifname = @ifname, mac = @mac, gw_priority = @gw_priority, settings = @settings
     WHERE id = @id`,
  );
  const remove = database.prepare<[string]>('DELETE FROM endpoints WHERE id = ?');
  const explain = prepareExplain(database);

  function write(statement: typeof insert, endpoint: Endpoint): void {
    const row = toRow(endpoint);
    cache.touch(endpoint.id);
    try {
      statement.run(row);
    } catch (error) {
      throw isConstraint(error) ? explain(error, row) : error;
    }
    cache.wrote(endpoint.id, endpoint);
  }

  /** The ranges and the endpoints must agree on what is taken, or an address could be given out twice. */
  function checkTaken(endpoint: Endpoint): void {
    for (const address of [endpoint.ipv4, endpoint.ipv6]) {
      if (address !== undefined && addresses.isFree(endpoint.networkId, address)) {
        throw new Error(`the endpoint's address ${formatAddress(address)} was not taken before`);
      }
    }
  }

  return {
    nextOrdinal: () => (last.get()?.seq ?? 0) + 1,
    insertEndpoint(endpoint) {
      write(insert, endpoint);
      checkTaken(endpoint);
    },
    updateEndpoint: (endpoint) => write(update, endpoint),
    removeEndpoint(id) {
      const endpoint = cache.get(id);
      if (endpoint === undefined) return;
      cache.touch(id);
      remove.run(id);
      for (const address of [endpoint.ipv4, endpoint.ipv6]) {
        if (address !== undefined) addresses.giveBack(endpoint.networkId, address);
      }
    },
  };
}

/** Prepares the statements of the endpoints. */
export function prepareEndpoints(database: Connection, addresses: Addresses): Endpoints {
  const byId = database.prepare<[string], EndpointRow>('SELECT * FROM endpoints WHERE id = ?');
  const cache = new RowCache((id) => {
    const row = byId.get(id);
    return row === undefined ? undefined : toEndpoint(row);
  });
  const idsOfNetwork = prepareIds<[string]>(
    database,
    'SELECT id FROM endpoints WHERE network_id = ? ORDER BY ordinal',
  );
  return {
    cache,
    idsOfNetwork,
    reads: prepareReads(database, cache, idsOfNetwork),
    writes: prepareWrites(database, addresses, cache),
  };
}
