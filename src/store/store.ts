/**
 * The store: desired state in one SQLite file, the only SQL of the daemon. It knows which rows may not be
 * together (names, addresses, MACs, subnets), and nothing of what they mean to a kernel. It never waits for
 * anything but the disk and never changes a row outside a transaction of `write`.
 */
import { prepareAddresses } from './addresses.ts';
import { prepareContainers } from './containers.ts';
import type { Store, StoreReader, StoreWriter } from './contract.ts';
import { type Connection, isDamaged, openDatabase, setAside } from './database.ts';
import { DiskSync, syncLog } from './disk-sync.ts';
import { prepareEndpoints } from './endpoints.ts';
import { prepareEvents } from './events.ts';
import { prepareForwarded } from './forwarded.ts';
import { GroupCommit } from './group-commit.ts';
import { migrate } from './migrate.ts';
import { prepareNames } from './names.ts';
import { prepareNetworks } from './networks.ts';
import { prepareSettings } from './settings.ts';
import { prepareSubnets } from './subnets.ts';

function readDaemonId(database: Connection): string {
  const row = database.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'daemon_id'").get();
  if (row === undefined) throw new Error(`the database ${database.name} has no daemon id`);
  return row.value;
}

/** Outside a transaction SQLite would commit every statement for itself: refused. */
function onlyInChange(database: Connection, writer: StoreWriter): StoreWriter {
  return new Proxy(writer, {
    get(target, key) {
      if (!database.inTransaction) throw new Error('the writer of a change was used after the change');
      return Reflect.get(target, key);
    },
  });
}

interface Nouns {
  readonly reader: StoreReader;
  readonly writer: StoreWriter;
  /** To be called when a part of a transaction was taken back. */
  undone(): void;
  /** To be called when a transaction has ended. */
  settle(isKept: boolean): void;
}

function prepareNouns(database: Connection): Nouns {
  const addresses = prepareAddresses(database);
  const subnets = prepareSubnets(database, addresses);
  const endpoints = prepareEndpoints(database, addresses);
  const networks = prepareNetworks(database, subnets, endpoints);
  const containers = prepareContainers(database, endpoints);
  const events = prepareEvents(database);
  const settings = prepareSettings(database);
  const reader: StoreReader = {
    daemonId: readDaemonId(database),
    ...networks.reads,
    ...subnets.reads,
    ...addresses.reads,
    ...containers.reads,
    ...endpoints.reads,
    ...events.reads,
    ...settings.reads,
    ...prepareForwarded(database, networks.cache, {
      ...networks.reads,
      ...containers.reads,
      ...endpoints.reads,
    }),
    ...prepareNames(database),
  };
  const writer: StoreWriter = {
    ...reader,
    ...networks.writes,
    ...addresses.writes,
    ...containers.writes,
    ...endpoints.writes,
    ...events.writes,
    ...settings.writes,
  };
  const caches = [networks, containers, endpoints, settings].map(({ cache }) => cache);
  return {
    reader,
    writer: onlyInChange(database, writer),
    undone: () => {
      for (const cache of caches) cache.undone();
    },
    settle: (isKept) => {
      for (const cache of caches) cache.settle(isKept);
    },
  };
}

/**
 * Opens the store in the file at `path`, made when it is not there, with mode 0600; the folder must exist and
 * be its owner's alone. Throws VethdError `internal`, naming the file and changing nothing, when the file is
 * damaged or was made by another version. One process at a time: the caller holds the lock.
 */
export function openStore(path: string): Store {
  const database = openDatabase(path);
  try {
    migrate(database);
    const { reader, writer, undone, settle } = prepareNouns(database);
    const log = syncLog(path);
    const disk = new DiskSync(log.sync);
    const commits = new GroupCommit(database, {
      committed: () => disk.note(),
      undone,
      ended: settle,
    });
    return {
      ...reader,
      write: (change) => commits.write((alone) => change(writer, alone)),
      rehearse: (change) => commits.rehearse(() => change(writer)),
      onDisk: () => disk.onDisk(),
      close() {
        commits.close();
        database.close();
        log.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** As `openStore`; a damaged database is set aside and a new one made: `onAside` is told where the old one is. */
export function openStoreOrSetAside(path: string, onAside: (path: string) => void): Store {
  try {
    return openStore(path);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    onAside(setAside(path));
    return openStore(path);
  }
}
