/**
 * `vethd --purge`: removes everything that vethd ever made on this host: links, its namespaces, its nftables tables,
 * its rule in DOCKER-USER, its resolv.conf files, its state; puts the host's settings back. Namespaces and links of
 * other people stay. A daemon that runs on the same state folder is ended first.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config.ts';
import { RESOLV_CONF_MARK } from './dns/resolv-conf.ts';
import { VethdError } from './errors.ts';
import { failpoint } from './failpoint.ts';
import { renderRemoval } from './firewall/skeleton.ts';
import type { Kernel } from './kernel/contract.ts';
import { keepDockerUserRule } from './kernel/docker-user.ts';
import { clearSocket } from './kernel/listen.ts';
import { lockFolder } from './kernel/lock.ts';
import { createResolvConfFiles } from './kernel/resolv-conf.ts';
import { stopUnits } from './kernel/systemd.ts';
import { HOST } from './model/netstate.ts';
import type { Reconciler } from './reconcile/loop.ts';
import { EVERYTHING } from './reconcile/scope.ts';
import type { Store } from './store/contract.ts';

/** How long a running daemon may take to end. */
const END_MS = 5_000;

/** What a purge works with. */
export interface PurgeRooms {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly reconciler: Reconciler;
}

/** The pid in the folder's lock file: of the daemon that has it, or of the last one. */
function lastHolder(stateDir: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(stateDir, 'lock'), 'utf8').trim());
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function tryLockFolder(stateDir: string): (() => void) | undefined {
  try {
    return lockFolder(stateDir);
  } catch (error) {
    if (error instanceof VethdError && error.kind === 'conflict') return undefined;
    throw error;
  }
}

/**
 * Takes the lock of the state folder from the daemon that has it, after systemd was told not to start another one.
 * Throws conflict when that one does not end.
 */
export async function takeOver({ stateDir, socket }: Config): Promise<() => void> {
  const free = tryLockFolder(stateDir);
  const holder = free === undefined ? lastHolder(stateDir) : undefined;
  await stopUnits(holder, socket);
  if (free !== undefined) return free;
  const deadline = performance.now() + END_MS;
  for (let asked = false; performance.now() < deadline; asked = true) {
    const unlock = tryLockFolder(stateDir);
    if (unlock !== undefined) return unlock;
    if (!asked && holder !== undefined) process.kill(holder, 'SIGTERM');
    await sleep(50);
  }
  return lockFolder(stateDir);
}

function removeRows(store: Store): Promise<void> {
  return store.write((writer) => {
    for (const { id } of writer.listContainers()) writer.removeContainer(id);
    for (const { id } of writer.listNetworks()) writer.removeNetwork(id);
  });
}

async function removeTables(kernel: Kernel): Promise<void> {
  const text = renderRemoval();
  const results = await kernel.apply({
    operations: [{ op: 'applyRuleset', netns: HOST, object: 'firewall', text }],
    netns: new Map(),
  });
  for (const result of results) if (!result.ok) throw new VethdError('internal', `nft: ${result.reason}`);
}

/** Removes it all; the state folder last, so that an interrupted purge can be repeated. Closes the rooms. */
export async function purge(config: Config, { store, kernel, reconciler }: PurgeRooms): Promise<void> {
  await removeRows(store);
  failpoint('purge.rows');
  const { failures } = await reconciler.reconcile(EVERYTHING);
  const [failure] = failures.values();
  if (failure !== undefined) throw failure;
  failpoint('purge.links');
  await kernel.reap();
  await removeTables(kernel);
  failpoint('purge.tables');
  await keepDockerUserRule(false);
  const files = createResolvConfFiles(config.netnsEtcDir, RESOLV_CONF_MARK);
  for (const name of files.list()) files.remove(name);
  files.removeFolder();
  failpoint('purge.files');
  await kernel.close();
  store.close();
  await clearSocket(config.socket);
  rmSync(config.stateDir, { recursive: true, force: true });
}
