/** Statements of the noun `container`. */
import { VethdError } from '../errors.ts';
import type { Container, ContainerSource, ContainerState } from '../model/container.ts';
import type { EndpointSpec } from '../model/endpoint.ts';
import type { StoreReader, StoreWriter } from './contract.ts';
import { type Connection, isConstraint } from './database.ts';
import type { Endpoints } from './endpoints.ts';
import { prepareIds } from './ids.ts';
import { parseStrings } from './json.ts';
import { prepareMatch } from './match.ts';
import { RowCache } from './row-cache.ts';

interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly created: string;
  readonly source: string;
  readonly state: ContainerState;
  readonly boot_id: string | null;
  readonly inode: string | null;
  readonly started_at: string;
  readonly finished_at: string;
  readonly exit_code: number;
  readonly network_mode: string;
  readonly labels: string;
  readonly pending: string;
  readonly config: string;
}

/** The container's part of the store. */
export interface Containers {
  readonly cache: RowCache<Container>;
  readonly reads: Pick<
    StoreReader,
    | 'getContainer'
    | 'matchContainer'
    | 'listContainers'
    | 'listContainersIn'
    | 'listContainersAt'
    | 'listContainersSharing'
  >;
  readonly writes: Pick<StoreWriter, 'insertContainer' | 'updateContainer' | 'removeContainer'>;
}

function toRow(container: Container): ContainerRow {
  return {
    id: container.id,
    name: container.name,
    created: container.created,
    source: JSON.stringify(container.source),
    state: container.state,
    boot_id: container.identity?.bootId ?? null,
    inode: container.identity?.inode ?? null,
    started_at: container.startedAt,
    finished_at: container.finishedAt,
    exit_code: container.exitCode,
    network_mode: container.networkMode,
    labels: JSON.stringify(container.labels),
    pending: JSON.stringify(container.pending),
    config: JSON.stringify(container.config),
  };
}

function toContainer(row: ContainerRow): Container {
  const source: ContainerSource = JSON.parse(row.source);
  const pending: Record<string, EndpointSpec> = JSON.parse(row.pending);
  const config: Record<string, unknown> = JSON.parse(row.config);
  const identity =
    row.boot_id === null || row.inode === null ? undefined : { bootId: row.boot_id, inode: row.inode };
  return {
    id: row.id,
    name: row.name,
    created: row.created,
    source,
    state: row.state,
    identity,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    exitCode: row.exit_code,
    networkMode: row.network_mode,
    labels: parseStrings(row.labels),
    pending,
    config,
  };
}

function prepareReads(database: Connection, cache: RowCache<Container>): Containers['reads'] {
  const all = prepareIds<[]>(database, 'SELECT id FROM containers ORDER BY ordinal');
  const select = 'SELECT id FROM containers WHERE';
  const byIdentity = prepareIds<[string, string]>(
    database,
    `${select} inode = ? AND boot_id = ? ORDER BY ordinal`,
  );
  const byNetns = prepareIds<[string]>(
    database,
    `${select} json_extract(source, '$.netnsName') = ? ORDER BY ordinal`,
  );
  const byHost = prepareIds<[string]>(
    database,
    `${select} json_extract(source, '$.containerId') = ? ORDER BY ordinal`,
  );
  const get = (id: string): Container | undefined => cache.get(id);
  const match = prepareMatch(database, 'containers', cache);
  return {
    getContainer: get,
    matchContainer: (term) => match(term, term.replace(/^\//, '')),
    listContainers: () => cache.listOf('', all),
    listContainersIn: ({ bootId, inode }) => cache.list(byIdentity(inode, bootId)),
    listContainersAt: (netnsName) => cache.list(byNetns(netnsName)),
    listContainersSharing: (containerId) => cache.list(byHost(containerId)),
  };
}

function prepareWrites(
  database: Connection,
  endpoints: Endpoints,
  cache: RowCache<Container>,
): Containers['writes'] {
  const insert = database.prepare<[ContainerRow]>(
    `INSERT INTO containers (id, name, created, source, state, boot_id, inode, started_at, finished_at,
       exit_code, network_mode, labels, pending, config)
     VALUES (@id, @name, @created, @source, @state, @boot_id, @inode, @started_at, @finished_at,
       @exit_code, @network_mode, @labels, @pending, @config)`,
  );
  const update = database.prepare<[ContainerRow]>(
    `UPDATE containers SET name = @name, source = @source, state = @state, boot_id = @boot_id, inode = @inode,
       started_at = @started_at, finished_at = @finished_at, exit_code = @exit_code,
       network_mode = @network_mode, labels = @labels, pending = @pending, config = @config WHERE id = @id`,
  );
  const remove = database.prepare<[string]>('DELETE FROM containers WHERE id = ?');
  const holder = database.prepare<[string], { id: string }>('SELECT id FROM containers WHERE name = ?');

  /** The constraint's refusal in Docker's words. */
  function explain(error: unknown, { name, id }: Container): unknown {
    const other = isConstraint(error) ? holder.get(name) : undefined;
    if (other === undefined || other.id === id) return error;
    return new VethdError(
      'conflict',
      `Conflict. The container name "/${name}" is already in use by container "${other.id}". You have to remove (or rename) that container to be able to reuse that name.`,
      { cause: error },
    );
  }

  function write(statement: typeof insert, container: Container): void {
    cache.touch(container.id);
    try {
      statement.run(toRow(container));
    } catch (error) {
      throw explain(error, container);
    }
    cache.wrote(container.id, container);
  }

  return {
    insertContainer: (container) => write(insert, container),
    updateContainer: (container) => write(update, container),
    removeContainer(id) {
      for (const endpoint of endpoints.reads.listEndpointsOfContainer(id)) {
        endpoints.writes.removeEndpoint(endpoint.id);
      }
      cache.touch(id);
      remove.run(id);
    },
  };
}

/** Prepares the statements of the containers. */
export function prepareContainers(database: Connection, endpoints: Endpoints): Containers {
  const byId = database.prepare<[string], ContainerRow>('SELECT * FROM containers WHERE id = ?');
  const cache = new RowCache((id) => {
    const row = byId.get(id);
    return row === undefined ? undefined : toContainer(row);
  });
  return {
    cache,
    reads: prepareReads(database, cache),
    writes: prepareWrites(database, endpoints, cache),
  };
}
