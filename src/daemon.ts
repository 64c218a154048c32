/** The daemon: builds the rooms in order, listens, ends. The only file that knows them all. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { buildApp } from './api/app.ts';
import { publishedAtCreation } from './api/containers/create.ts';
import { type ApiConfig, DEFAULT_LIMITS, noLoad } from './api/context.ts';
import type { Config } from './config.ts';
import { parseResolvConf, RESOLV_CONF_MARK, type ResolvConf } from './dns/resolv-conf.ts';
import { createResolver } from './dns/server.ts';
import { bridgeDriver } from './drivers/bridge.ts';
import { hostDriver, nullDriver } from './drivers/plain.ts';
import type { Engine } from './engine/contract.ts';
import { createEngine, type RunningEngine } from './engine/engine.ts';
import { messageOf, VethdError } from './errors.ts';
import { failpoint } from './failpoint.ts';
import { DEFAULT_IPV4_POOLS } from './ipam/pools.ts';
import type { Kernel } from './kernel/contract.ts';
import { keepDockerUserRule } from './kernel/docker-user.ts';
import { readForeignFirewall } from './kernel/foreign-firewall.ts';
import { ephemeralPorts, hostPortsInUse } from './kernel/host-ports.ts';
import { openKernel, probeCapabilities } from './kernel/index.ts';
import { exitAtOnce } from './kernel/libc.ts';
import { clearSocket, listen } from './kernel/listen.ts';
import { lockFolder, lockHost } from './kernel/lock.ts';
import { readBuildTime, readVersion } from './kernel/package.ts';
import { peerOfSocket } from './kernel/peer.ts';
import { createResolvConfFiles, watchFile } from './kernel/resolv-conf.ts';
import { ResolvConfWatch } from './kernel/resolv-conf-watch.ts';
import { readStateFolder } from './kernel/state-folder.ts';
import { inheritedSocket, startWatchdog, tellSystemd } from './kernel/systemd.ts';
import type { StartedThread } from './kernel/thread.ts';
import { ThreadClient } from './kernel/thread-client.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import type { Logger } from './model/logger.ts';
import { purge, takeOver } from './purge.ts';
import { keepDockerUser } from './reconcile/docker-user.ts';
import type { Looks } from './reconcile/looks.ts';
import { createReconciler, type Reconciler } from './reconcile/loop.ts';
import { createNameService, type NameService } from './reconcile/name-service.ts';
import { createZoneSource } from './reconcile/names.ts';
import { watchProcesses } from './reconcile/processes.ts';
import { shareForwarding } from './reconcile/shared-forwarding.ts';
import { openWatch } from './reconcile/watch.ts';
import type { Store } from './store/contract.ts';
import { openStore, openStoreOrSetAside } from './store/store.ts';

const DRIVERS = { bridge: bridgeDriver, host: hostDriver, null: nullDriver };

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
}

/** What runs, and how it is ended. */
interface Daemon {
  readonly engine: RunningEngine;
  stop(): Promise<void>;
}

/** As mkdir -p. Node's own way (`recursive`) never ends where a folder that is there takes no folders, such as /proc. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (!existsSync(parent)) makeFolder(parent);
  mkdirSync(path, { mode: 0o700 });
}

function makeStateFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    const reason = `cannot make the state folder ${path} (${messageOf(error)}): give another --state-dir`;
    throw new VethdError('unavailable', reason, { cause: error });
  }
}

async function start(config: Config, thread: ThreadClient, log: pino.Logger): Promise<Daemon> {
  makeStateFolder(config.stateDir);
  const unlock = lockFolder(config.stateDir);
  if (inheritedSocket() === undefined) await clearSocket(config.socket);
  if (config.readOnlySocket !== undefined) await clearSocket(config.readOnlySocket);
  const host = lockHost();
  const metrics = createMetrics();
  const store = metrics.watchStore(openStoreFor(config, log));
  failpoint('start.store');
  const kernel = metrics.watchKernel(await openKernel({ thread, onFatal: (error) => crash(log, error) }));
  const reconciler = createReconciler({
    store,
    kernel,
    drivers: DRIVERS,
    repairsPerMinute: config.repairsPerMinute,
    markForwarded: config.manageDockerUser,
  });
  reconciler.onPass(metrics.onPass);
  const resolvConf = watchFile('/etc/resolv.conf', parseResolvConf);
  const names = startNames(config, { store, kernel, reconciler, log, resolvConf, metrics });
  const engine = createEngine({
    store,
    kernel,
    reconciler,
    drivers: DRIVERS,
    config: engineConfig(config),
    nameservers: () => resolvConf().nameservers,
    ownPorts: publishedAtCreation,
    hostPorts: () => ({ listeners: hostPortsInUse(), automatic: ephemeralPorts() }),
    foreignFirewall: readForeignFirewall,
    capabilities: probeCapabilities,
    stateFolder: () => readStateFolder(config.stateDir),
    lastOwner: host.last,
    now,
    log,
  });
  // A container that stops takes its programs with it.
  engine.subscribe(({ type, action, actorId }) => {
    if (type === 'container' && action === 'die') engine.execs.hangUp(actorId);
  });
  const watch = await openWatch({
    store,
    kernel,
    reconciler,
    log,
    onForeignFirewall: () => foreign.look(),
  });
  failpoint('start.kernel');
  // Built while the kernel thread looks at everything, which the start of the engine asks for in this turn.
  const [beginServing] = await Promise.all([
    nextTurn().then(() => buildServers(config, { engine, log, store, reconciler, metrics })),
    engine.start(),
  ]);
  host.claim({ daemonId: store.daemonId, stateDir: config.stateDir });
  failpoint('start.reconciled');
  // What changes from here on is heard, and looked at by `begin`.
  const stopServing = await beginServing();
  failpoint('start.listening');
  const foreign = startForeignLooks(config, { store, reconciler, log });
  watch.begin();
  await watchProcesses({ store, kernel, reconciler, log });
  const filesWatch = new ResolvConfWatch(config.netnsEtcDir, (name) => {
    const mended = names.mendFile(name);
    if (mended !== undefined) engine.tellMended(mended, `wrote ${config.netnsEtcDir}/${name}/resolv.conf`);
  });
  tellSystemd('READY=1');
  const stopWatchdog = startWatchdog();
  log.info({ socket: config.socket, stateDir: config.stateDir }, 'ready');
  return {
    engine,
    async stop() {
      tellSystemd('STOPPING=1');
      stopWatchdog();
      watch.stop();
      filesWatch.close();
      await foreign.close();
      engine.execs.hangUp();
      await stopServing();
      await reconciler.idle();
      await names.close();
      await kernel.close();
      store.close();
      host.release();
      unlock();
    },
  };
}

function openStoreFor({ stateDir, recover }: Config, log: Logger): Store {
  const path = join(stateDir, 'vethd.db');
  if (!recover) return openStore(path);
  return openStoreOrSetAside(path, (aside) => log.warn({ aside }, 'the damaged database was set aside'));
}

/** What follows other programs' firewalls: the one rule that we may have in Docker's, and forwarding that is shared. */
function startForeignLooks(
  config: Config,
  {
    store,
    reconciler,
    log,
  }: { readonly store: Store; readonly reconciler: Reconciler; readonly log: Logger },
): Looks {
  const wanted = config.manageDockerUser;
  const dockerUser = keepDockerUser({ wanted, keep: keepDockerUserRule, log });
  const othersForward = async () => (await readForeignFirewall()).translates;
  const shared = shareForwarding({ store, reconciler, othersForward, log });
  const look = (): void => {
    if (wanted) dockerUser.look();
    shared.look();
  };
  reconciler.onPass(({ everything }) => {
    if (everything) look();
  });
  return {
    look,
    close: async () => {
      await dockerUser.close();
      await shared.close();
    },
  };
}

/** Names in the namespaces, kept as each pass finds them. */
function startNames(
  config: Config,
  rooms: {
    readonly store: Store;
    readonly kernel: Kernel;
    readonly reconciler: Reconciler;
    readonly log: Logger;
    readonly resolvConf: () => ResolvConf;
    readonly metrics: Metrics;
  },
): NameService {
  const { store, kernel, reconciler, log, resolvConf, metrics } = rooms;
  const resolver = createResolver({
    source: createZoneSource(store),
    upstreams: () => resolvConf().nameservers,
    onQuery: metrics.onQuery,
    onError: (container, error) => log.warn({ container, err: error }, 'the resolver of a container failed'),
  });
  const files = createResolvConfFiles(config.netnsEtcDir, RESOLV_CONF_MARK);
  const names = createNameService({ store, kernel, resolver, files, hostResolvConf: resolvConf, log });
  reconciler.onLook(() => names.foresee());
  reconciler.onApply((scope, present) => names.begin(scope, present));
  reconciler.onPass((scope, result) => names.follow(scope, result));
  return names;
}

function engineConfig(config: Config): Parameters<typeof createEngine>[0]['config'] {
  const { mtu, bridgeName, bridgeSubnet, bridgeDns, allowExec, netnsEtcDir, recover } = config;
  const addressPools = config.addressPools.length > 0 ? config.addressPools : DEFAULT_IPV4_POOLS;
  return { addressPools, mtu, bridgeName, bridgeSubnet, bridgeDns, allowExec, netnsEtcDir, recover };
}

type End = () => Promise<void>;

/** Rarely asked for, so that it is loaded then. */
async function gatherDocument(config: ApiConfig): Promise<object> {
  const openapi = await import('./api/openapi.ts');
  return openapi.gatherDocument(config);
}

/** Begins to listen; gives how that is ended. */
type Listen = () => Promise<End>;

/** Builds the server of the socket, and of the one that only reads if there is one; gives what makes them listen. */
async function buildServers(
  config: Config,
  rooms: {
    readonly engine: Engine;
    readonly log: pino.Logger;
    readonly store: Store;
    readonly reconciler: Reconciler;
    readonly metrics: Metrics;
  },
): Promise<Listen> {
  const { engine, log, store, reconciler, metrics } = rooms;
  const { readOnlySocket, allowUids } = config;
  const [load, readingLoad] = [noLoad(), noLoad()];
  const { addressPools } = engineConfig(config);
  metrics.readFrom({
    store,
    addressPools,
    loads: [load, readingLoad],
    passesWaiting: () => reconciler.waiting,
  });
  const common = apiConfig(config, metrics);
  const uids = allowUids === undefined ? {} : { allowedUids: new Set(allowUids) };
  const writing = { ...common, ...uids, load };
  const listens = [await buildServer(config.socket, inheritedSocket(), { engine, log, config: writing })];
  if (readOnlySocket !== undefined) {
    const reading = { ...common, readOnly: true, load: readingLoad };
    listens.push(await buildServer(readOnlySocket, undefined, { engine, log, config: reading }));
  }
  return async () => {
    const ends: End[] = [];
    for (const begin of listens) ends.push(await begin());
    return async () => {
      await Promise.all(ends.map((end) => end()));
    };
  };
}

async function buildServer(
  path: string,
  inherited: number | undefined,
  { engine, log, config }: { engine: Engine; log: pino.Logger; config: ApiConfig },
): Promise<Listen> {
  const app = buildApp({ engine, logger: log, config, gatherDocument });
  await app.ready();
  return async () => {
    const stopListening = await listen(app.server, path, inherited);
    return async () => {
      stopListening();
      await app.close();
    };
  };
}

function apiConfig(config: Config, metrics: Metrics): ApiConfig {
  const { stateDir, allowExec } = config;
  return {
    version: readVersion(),
    gitCommit: '',
    buildTime: readBuildTime(),
    stateDir,
    allowExec,
    readOnly: false,
    limits: DEFAULT_LIMITS,
    metrics: metrics.text,
    onAnswer: metrics.onAnswer,
    peerOf: peerOfSocket,
  };
}

/** Ends at once and leaves the kernel as it is: the next start repairs what there is to repair. */
function crash(log: Logger, error: unknown): never {
  log.error({ err: error }, 'ending after a programming error');
  exitAtOnce(1);
}

/** How long a stop may take before it is cut short: everything that counts is on the disk already. */
const STOP_MS = 1_500;

function endOn(signals: readonly NodeJS.Signals[], daemon: Daemon, log: Logger): void {
  let isStopping = false;
  for (const signal of signals) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      log.info({ signal }, 'stopping; networks stay as they are');
      setTimeout(() => exitAtOnce(0), STOP_MS).unref();
      daemon.stop().then(
        () => process.exit(0),
        (error: unknown) => crash(log, error),
      );
    });
  }
}

/** The logger of a process that is to change the network of the host. */
function prepare(config: Config): pino.Logger {
  process.umask(0o077);
  const log = pino(
    { level: config.logLevel, base: { pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  );
  requireRoot();
  process.on('uncaughtException', (error) => crash(log, error));
  process.on('unhandledRejection', (error) => crash(log, error));
  return log;
}

/** `vethd`: until a signal ends it. */
export async function run(config: Config, started: StartedThread): Promise<void> {
  const thread = new ThreadClient(started);
  const log = prepare(config);
  const daemon = await start(config, thread, log);
  endOn(['SIGTERM', 'SIGINT'], daemon, log);
}

function requireRoot(): void {
  if (process.getuid?.() !== 0)
    throw new VethdError('forbidden', 'vethd needs root: it changes the network of the host');
}

/** `vethd --recover-once`: a start that answers nobody. */
export async function runRecover(config: Config, started: StartedThread): Promise<void> {
  const thread = new ThreadClient(started);
  const socket = join(config.stateDir, 'recover.sock');
  const daemon = await start({ ...config, socket, readOnlySocket: undefined }, thread, prepare(config));
  const networks = daemon.engine.listNetworks(new Map(), true);
  await daemon.stop();
  const members = networks.reduce((sum, network) => sum + network.members.length, 0);
  process.stdout.write(`${networks.length} networks with ${members} members are known\n`);
}

/** `vethd --purge`; see purge.ts. */
export async function runPurge(config: Config, started: StartedThread): Promise<void> {
  const thread = new ThreadClient(started);
  requireRoot();
  process.umask(0o077);
  makeStateFolder(config.stateDir);
  const unlock = await takeOver(config);
  const host = lockHost();
  const store = openStore(join(config.stateDir, 'vethd.db'));
  const kernel = await openKernel({ thread });
  await purge(config, { store, kernel, reconciler: createReconciler({ store, kernel, drivers: DRIVERS }) });
  host.remove();
  unlock();
}
