/** Records what a real dockerd answers: a fresh one for each scenario. Started by scripts/record-docker. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, run } from '../test/helpers/commands.ts';
import { writeRecording } from '../test/helpers/golden/recording.ts';
import { replay } from '../test/helpers/golden/replay.ts';
import type { Scenario } from '../test/helpers/golden/scenario.ts';
import { scenarios } from '../test/helpers/golden/scenarios.ts';
import { request } from '../test/helpers/http.ts';
import { until } from '../test/helpers/until.ts';

/** Control groups know no throwaway host: those of the recorded containers are removed by this name. */
const cgroupParent = `vethd-record-${process.ppid}`;
const controllers = ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids'];

/** A host's /sys/fs/cgroup, which the throwaway host's fresh /sys lacks, in the old layout where the kernel has it. */
async function mountControlGroups(): Promise<void> {
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/sys/fs/cgroup']);
  for (const controller of controllers) {
    const folder = `/sys/fs/cgroup/${controller}`;
    mkdirSync(folder);
    await attempt('mount', ['-t', 'cgroup', '-o', controller, 'cgroup', folder]);
  }
}

async function removeControlGroups(): Promise<void> {
  for (const controller of controllers) {
    const folder = `/sys/fs/cgroup/${controller}/${cgroupParent}`;
    if (existsSync(folder))
      await attempt('find', [folder, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
  }
}

/** Folders that dockerd shares with whoever else runs one are emptied for this host. */
async function hideSharedFolders(): Promise<void> {
  for (const folder of ['/run/docker', '/run/containerd']) {
    mkdirSync(folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  }
}

function startDockerd(folder: string): ChildProcess {
  const args = [
    `--host=unix://${folder}/docker.sock`,
    `--data-root=${folder}/data`,
    `--exec-root=${folder}/exec`,
    `--pidfile=${folder}/pid`,
    `--cgroup-parent=/${cgroupParent}`,
    '--storage-driver=vfs',
  ];
  const child = spawn('dockerd', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    writeFileSync(`${folder}/log`, text, { flag: 'a' });
  });
  return child;
}

/** An image of one static program, called busybox. */
async function importImage(folder: string): Promise<void> {
  const root = join(folder, 'root/bin');
  mkdirSync(root, { recursive: true });
  cpSync(await run('which', ['busybox']), join(root, 'busybox'));
  await run('ln', ['-s', 'busybox', join(root, 'sleep')]);
  await run('tar', ['-C', join(folder, 'root'), '-cf', `${folder}/image.tar`, '.']);
  await run('docker', [`--host=unix://${folder}/docker.sock`, 'import', `${folder}/image.tar`, 'busybox']);
}

async function removeEverything(socket: string): Promise<void> {
  const containers = await request(socket, 'GET', '/containers/json?all=1');
  for (const { Id } of containers.body) await request(socket, 'DELETE', `/containers/${Id}?force=1`);
  await request(socket, 'POST', '/networks/prune');
}

async function record(scenario: Scenario): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vethd-record-'));
  const socket = join(folder, 'docker.sock');
  const dockerd = startDockerd(folder);
  try {
    await until(
      'dockerd answers',
      async () => (await request(socket, 'GET', '/_ping')).status === 200,
      30_000,
    );
    await importImage(folder);
    const { body: version } = await request(socket, 'GET', '/version');
    const answers = await replay(socket, scenario);
    writeRecording(scenario.name, { recordedFrom: `dockerd ${version.Version}`, answers });
    console.log(`${scenario.name}: ${answers.length} answers`);
    await removeEverything(socket);
  } catch (error) {
    if (existsSync(`${folder}/log`)) console.error(readFileSync(`${folder}/log`, 'utf8').slice(-2000));
    throw error;
  } finally {
    dockerd.kill('SIGTERM');
    if (dockerd.exitCode === null) await once(dockerd, 'exit');
    await attempt('ip', ['link', 'del', 'docker0']);
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.env['VETHD_THROWAWAY'] !== '1') throw new Error('start it with scripts/record-docker');
await mountControlGroups();
await hideSharedFolders();
try {
  for (const scenario of scenarios) await record(scenario);
} finally {
  await removeControlGroups();
}
