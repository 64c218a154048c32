/**
 * The floor of what vethd really does: the very Operations that its engine asks of the kernel for each step, recorded
 * once and then posted again to our kernel room, with the resolver's sockets. Beside `floor` it tells what the rest of
 * a connect costs the kernel: checks of senders in nftables, the locked port, its forwarding entry.
 */
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { fromEndpointConfig } from '../../../src/api/endpoints/wire.ts';
import { fromNetworkCreate } from '../../../src/api/networks/wire.ts';
import { MAX_MINOR } from '../../../src/api/version.ts';
import { bridgeDriver } from '../../../src/drivers/bridge.ts';
import { hostDriver, nullDriver } from '../../../src/drivers/plain.ts';
import { createEngine, type RunningEngine } from '../../../src/engine/engine.ts';
import type { ApplyRequest, DnsSockets, Kernel, NetnsRef } from '../../../src/kernel/contract.ts';
import { readForeignFirewall } from '../../../src/kernel/foreign-firewall.ts';
import { ephemeralPorts } from '../../../src/kernel/host-ports.ts';
import { openKernel } from '../../../src/kernel/index.ts';
import { readStateFolder } from '../../../src/kernel/state-folder.ts';
import { parsePrefix } from '../../../src/model/address.ts';
import type { NetnsIdentity } from '../../../src/model/container.ts';
import { createReconciler } from '../../../src/reconcile/loop.ts';
import type { Store } from '../../../src/store/contract.ts';
import { openStore } from '../../../src/store/store.ts';
import { addNetns } from '../../helpers/host.ts';
import { insideNetns } from '../../helpers/netns-thread.ts';
import { type BenchNetwork, type Contender, type Entry, type Member, namedTargets } from './contender.ts';

const LIVE = { dryRun: false };
/** The first life of a network makes what stays (the ruleset, the host's switches); the next is what all are like. */
const LIVES_BEFORE = 1;

/** What the kernel was asked and said yes to. */
interface Recorded {
  readonly request: ApplyRequest;
  readonly done: readonly boolean[];
}

interface Recorder {
  readonly kernel: Kernel;
  /** Where the next requests go. */
  into: Recorded[];
}

function recorderOf(kernel: Kernel): Recorder {
  const recorder: Recorder = {
    into: [],
    kernel: {
      ...kernel,
      apply: async (request) => {
        const results = await kernel.apply(request);
        recorder.into.push({ request, done: results.map(({ ok }) => ok) });
        return results;
      },
    },
  };
  return recorder;
}

function engineOver(store: Store, kernel: Kernel): RunningEngine {
  const drivers = { bridge: bridgeDriver, host: hostDriver, null: nullDriver };
  return createEngine({
    store,
    kernel,
    drivers,
    reconciler: createReconciler({ store, kernel, drivers }),
    config: {
      mtu: 1500,
      bridgeName: 'vethd0',
      bridgeSubnet: undefined,
      bridgeDns: false,
      allowExec: false,
      netnsEtcDir: '/etc/netns',
      recover: false,
      addressPools: [{ base: parsePrefix('172.17.0.0/16'), size: 16 }],
    },
    nameservers: () => [],
    ownPorts: () => [],
    hostPorts: () => ({ listeners: [], automatic: ephemeralPorts() }),
    foreignFirewall: readForeignFirewall,
    capabilities: async () => [],
    stateFolder: () => readStateFolder(tmpdir()),
    lastOwner: undefined,
    now: () => BigInt(Date.now()) * 1_000_000n,
    log: pino({ level: 'silent' }),
  });
}

class SameWork implements Contender {
  readonly name = 'same work';
  readonly inspect = undefined;
  readonly list = undefined;
  readonly removeTarget = namedTargets.removeTarget;
  readonly #folder: string;
  readonly #kernel: Kernel;
  readonly #store: Store;
  readonly #recorder: Recorder;
  readonly #engine: RunningEngine;
  readonly #identities = new Map<string, NetnsIdentity>();
  readonly #records = new Map<string, readonly Recorded[]>();
  readonly #sockets = new Map<string, DnsSockets>();
  #lives = 0;

  constructor(kernel: Kernel, folder: string) {
    this.#folder = folder;
    this.#kernel = kernel;
    this.#store = openStore(join(folder, 'vethd.db'));
    this.#recorder = recorderOf(kernel);
    this.#engine = engineOver(this.#store, this.#recorder.kernel);
  }

  start(): Promise<void> {
    return this.#engine.start();
  }

  async addTarget(name: string): Promise<string> {
    const path = await namedTargets.addTarget(name);
    const probe = await this.#kernel.probeNetns({ kind: 'name', name });
    if (probe.status !== 'present') throw new Error(probe.reason);
    this.#identities.set(name, probe.identity);
    return path;
  }

  async createNetwork({ name, subnet, gateway }: BenchNetwork): Promise<void> {
    const body = { Name: name, IPAM: { Config: [{ Subnet: subnet, Gateway: gateway }] } };
    await this.#step(`create ${name}`, () =>
      this.#engine.createNetwork(fromNetworkCreate(body, MAX_MINOR), LIVE),
    );
  }

  async connect({ name }: BenchNetwork, { target }: Member): Promise<void> {
    const ref: NetnsRef = { kind: 'name', name: target };
    const identity = this.#identities.get(target) ?? this.#kernel.hostIdentity;
    const work = this.#step(`connect ${target}`, () =>
      this.#engine.connect(name, target, fromEndpointConfig(), LIVE),
    );
    const sockets = this.#isRecorded ? this.#kernel.openDnsSockets(ref, identity) : undefined;
    await work;
    if (sockets !== undefined) this.#sockets.set(target, await sockets);
  }

  async disconnect({ name }: BenchNetwork, { target }: Member): Promise<void> {
    const sockets = this.#sockets.get(target);
    this.#sockets.delete(target);
    for (const fd of sockets === undefined ? [] : [sockets.udpFd, sockets.tcpFd]) closeSync(fd);
    await this.#step(`disconnect ${target}`, () => this.#engine.disconnect(name, target, false, LIVE));
  }

  async removeNetwork({ name }: BenchNetwork): Promise<void> {
    await this.#step(`remove ${name}`, () => this.#engine.removeNetwork(name, LIVE));
    this.#lives += 1;
  }

  settle(): Promise<void> {
    return this.#kernel.reap();
  }

  async close(): Promise<void> {
    this.#store.close();
    await this.#kernel.close();
    rmSync(this.#folder, { recursive: true });
  }

  get #isRecorded(): boolean {
    return this.#lives > LIVES_BEFORE;
  }

  /** By the engine in the first lives, of which the last one's requests are kept; from then on those alone. */
  async #step(key: string, verb: () => Promise<unknown>): Promise<void> {
    if (!this.#isRecorded) {
      this.#recorder.into = [];
      await verb();
      this.#records.set(key, this.#recorder.into);
      return;
    }
    for (const { request, done } of this.#records.get(key) ?? []) {
      const results = await this.#kernel.apply(request);
      const refused = results.findIndex((result, index) => !result.ok && done[index] === true);
      const result = results[refused];
      if (result?.ok === false) throw new Error(`${request.operations[refused]?.op}: ${result.reason}`);
    }
  }
}

/** What vethd does, without what it is. Needs two rounds before those that count. */
export const sameWork: Entry = {
  name: 'same work',
  missing: () => undefined,
  open: async () => {
    await addNetns('bench-same');
    // The kernel thread is started, and so gets its namespace, before the first await.
    const kernel = await insideNetns('bench-same', () => openKernel());
    const contender = new SameWork(kernel, mkdtempSync(join(tmpdir(), 'vethd-same-work-')));
    await contender.start();
    return contender;
  },
};
