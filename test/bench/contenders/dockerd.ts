/**
 * The installed dockerd over its Unix socket, with real containers (of one static program), in a network namespace of
 * its own: its chains and vethd's tables do not meet.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, isInstalled, run } from '../../helpers/commands.ts';
import { addNetns } from '../../helpers/host.ts';
import { until } from '../../helpers/until.ts';
import { DockerClient } from '../harness/docker-client.ts';
import type { BenchNetwork, Contender, Entry, Member } from './contender.ts';

const HOST = 'bench-dockerd';
/** Control groups know no throwaway host: those of our containers are removed by this name. */
const CGROUP_PARENT = `vethd-bench-${process.ppid}`;
const CONTROLLERS = ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids'];
const START_MS = 60_000;

/** A throwaway host's fresh /sys has no control groups, and shares these folders with any other dockerd. */
async function prepareHost(): Promise<void> {
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/sys/fs/cgroup']);
  for (const controller of CONTROLLERS) {
    const folder = `/sys/fs/cgroup/${controller}`;
    mkdirSync(folder);
    await attempt('mount', ['-t', 'cgroup', '-o', controller, 'cgroup', folder]);
  }
  for (const folder of ['/run/docker', '/run/containerd']) {
    mkdirSync(folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  }
}

async function removeControlGroups(): Promise<void> {
  for (const controller of CONTROLLERS) {
    const folder = `/sys/fs/cgroup/${controller}/${CGROUP_PARENT}`;
    if (existsSync(folder)) await attempt('find', [folder, '-depth', '-type', 'd', '-delete']);
  }
}

function startDockerd(folder: string): ChildProcess {
  // nsenter, not `ip netns exec`, which would mount another /sys without control groups.
  const args = [
    `--net=/run/netns/${HOST}`,
    'dockerd',
    `--host=unix://${folder}/docker.sock`,
    `--data-root=${folder}/data`,
    `--exec-root=${folder}/exec`,
    `--pidfile=${folder}/pid`,
    `--cgroup-parent=/${CGROUP_PARENT}`,
    '--storage-driver=vfs',
  ];
  return spawn('nsenter', args, { stdio: 'ignore' });
}

/** An image `bench` that can sleep. */
async function importImage(folder: string): Promise<void> {
  const programs = join(folder, 'root/bin');
  mkdirSync(programs, { recursive: true });
  cpSync(await run('which', ['busybox']), join(programs, 'busybox'));
  await run('tar', ['-C', join(folder, 'root'), '-cf', `${folder}/image.tar`, '.']);
  await run('docker', [`--host=unix://${folder}/docker.sock`, 'import', `${folder}/image.tar`, 'bench']);
}

class Dockerd implements Contender {
  readonly name = 'dockerd';
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #client: DockerClient;

  constructor(folder: string, process: ChildProcess) {
    this.#folder = folder;
    this.#process = process;
    this.#client = new DockerClient(`${folder}/docker.sock`);
  }

  async start(): Promise<void> {
    await until('dockerd answers', () => this.#client.call('GET', '/_ping'), START_MS);
    await importImage(this.#folder);
  }

  async createNetwork({ name, subnet, gateway }: BenchNetwork): Promise<void> {
    const config = { Subnet: subnet, Gateway: gateway };
    await this.#client.call('POST', '/networks/create', { Name: name, IPAM: { Config: [config] } });
  }

  async connect({ name }: BenchNetwork, { target }: Member): Promise<void> {
    await this.#client.call('POST', `/networks/${name}/connect`, { Container: target });
  }

  async disconnect({ name }: BenchNetwork, { target }: Member): Promise<void> {
    await this.#client.call('POST', `/networks/${name}/disconnect`, { Container: target });
  }

  async removeNetwork({ name }: BenchNetwork): Promise<void> {
    await this.#client.call('DELETE', `/networks/${name}`);
  }

  inspect = ({ name }: BenchNetwork): Promise<unknown> => this.#client.call('GET', `/networks/${name}`);

  list = (): Promise<unknown> => this.#client.call('GET', '/networks');

  /** A running container on no network; one started on `none` could not be connected to another. */
  async addTarget(name: string): Promise<string> {
    const spec = { Image: 'bench', Cmd: ['/bin/busybox', 'sleep', '1000000'] };
    await this.#client.call('POST', `/containers/create?name=${name}`, spec);
    await this.#client.call('POST', `/containers/${name}/start`);
    await this.#client.call('POST', '/networks/bridge/disconnect', { Container: name });
    const shown: { readonly State: { readonly Pid: number } } = JSON.parse(
      await this.#client.call('GET', `/containers/${name}/json`),
    );
    return `/proc/${shown.State.Pid}/ns/net`;
  }

  async removeTarget(name: string): Promise<void> {
    await this.#client.call('DELETE', `/containers/${name}?force=1`);
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    const containers: readonly { readonly Id: string }[] = JSON.parse(
      await this.#client.call('GET', '/containers/json?all=1'),
    );
    for (const { Id } of containers) await this.removeTarget(Id);
    this.#client.close();
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
    await removeControlGroups();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Says which program is not there. */
function missing(): string | undefined {
  const program = ['dockerd', 'docker', 'busybox', 'nsenter'].find((name) => !isInstalled(name));
  return program === undefined ? undefined : `${program} is not installed`;
}

/** Docker itself. */
export const dockerd: Entry = {
  name: 'dockerd',
  missing,
  async open() {
    await prepareHost();
    await addNetns(HOST);
    const folder = mkdtempSync(join(tmpdir(), 'vethd-bench-'));
    const contender = new Dockerd(folder, startDockerd(folder));
    await contender.start();
    return contender;
  },
};
