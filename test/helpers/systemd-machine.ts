/**
 * A machine of its own under a real systemd: a container whose /usr is this machine's with vethd installed on top, as
 * docs/systemd.md says, and whose /etc, /var and /run begin empty. Nothing of it stays.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { attempt, type Ended, run } from './commands.ts';
import { until } from './until.ts';

const repository = resolve(import.meta.dirname, '../..');

/** Run by `sh -euc` in a mount namespace of its own, with the folder as its argument. */
const BOOT = `
folder=$1
# The throwaway host's /sys covers the control groups, without which there is no systemd.
umount /sys 2>/dev/null || true
mount -t tmpfs tmpfs "$folder"
mkdir -p "$folder/root/usr" "$folder/upper" "$folder/work"
mount -t overlay -o "lowerdir=/usr,upperdir=$folder/upper,workdir=$folder/work" overlay "$folder/root/usr"
lib=$folder/root/usr/lib
units=$lib/systemd/system
mkdir -p "$lib/vethd/node_modules" "$lib/sysusers.d" "$lib/modules-load.d" "$units/vethd.service.d"
cp -r bin dist migrations package.json "$lib/vethd"
mount --bind node_modules "$lib/vethd/node_modules"
cp systemd/vethd.service systemd/vethd.socket "$units"
cp systemd/vethd.sysusers "$lib/sysusers.d/vethd.conf"
cp systemd/vethd.modules-load "$lib/modules-load.d/vethd.conf"
printf '[Service]\\nWatchdogSec=2s\\nEnvironment=VETHD_RO_SOCKET=/run/vethd/read.sock\\n' >"$units/vethd.service.d/test.conf"
printf '[Unit]\\nWants=vethd.socket vethd.service\\n' >"$units/test.target"
systemd-nspawn --quiet --register=no --keep-unit "--directory=$folder/root" --volatile=yes \\
  --private-network --console=pipe --boot systemd.unit=test.target || true
# What nspawn made below our own control group, it leaves.
while IFS=: read -r _ hierarchy path; do
  case $hierarchy in '' | name=systemd) ;; *) continue ;; esac
  for tree in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    for group in "$tree$path/payload" "$tree$path/supervisor"; do
      if [ -d "$group" ]; then find "$group" -depth -type d -exec rmdir {} +; fi
    done
  done
done </proc/self/cgroup
`;

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** The machine. `end` it, whatever happens. */
export class SystemdMachine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vethd-systemd-'));
  #nspawn: ChildProcess | undefined;
  #output = '';
  /** Process 1 of the machine, as seen from here. */
  #init = 0;

  /** Boots it, and waits until systemd has started what it was told to. */
  async boot(): Promise<void> {
    const words = ['--mount', '--propagation', 'private', 'sh', '-euc', BOOT, 'boot', this.#folder];
    const child = spawn('unshare', words, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#nspawn = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    await until('process 1 runs', () => this.#findInit(child), 20_000);
    await until('the units have started', async () => (await this.#state()) !== 'starting', 40_000);
  }

  #findInit(child: ChildProcess): boolean {
    if (child.exitCode !== null)
      throw new Error(`systemd-nspawn ended with ${child.exitCode}: ${this.#output}`);
    const init = childrenOf(child.pid ?? 0)
      .flatMap(childrenOf)
      .find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'systemd\n');
    this.#init = init ?? 0;
    return this.#init > 0;
  }

  async #state(): Promise<string> {
    const { stdout } = await this.attempt('systemctl', 'is-system-running');
    if (!/^(starting|running|degraded)$/.test(stdout)) throw new Error(`the machine is ${stdout}`);
    return stdout;
  }

  #inside(words: readonly string[], ...more: readonly string[]): readonly string[] {
    const enter = [`--target=${this.#init}`, '--mount', '--uts', '--ipc', '--net', ...more];
    const path = 'PATH=/usr/lib/vethd/bin:/usr/sbin:/usr/bin';
    return [...enter, 'env', '--ignore-environment', path, ...words];
  }

  /** Runs a program in it, as root. */
  attempt(...words: readonly string[]): Promise<Ended> {
    return attempt('nsenter', this.#inside(words, '--pid'));
  }

  /** As `attempt`, for a program that must succeed; gives its stdout. */
  run(...words: readonly string[]): Promise<string> {
    return run('nsenter', this.#inside(words, '--pid'));
  }

  /** A program in it that goes on, among our own processes, so that signals reach it; the caller ends it. */
  spawn(...words: readonly string[]): ChildProcessByStdio<null, Readable, null> {
    return spawn('nsenter', this.#inside(words), { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Turns it off. */
  async end(): Promise<void> {
    const child = this.#nspawn;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      if (this.#init === 0) child.kill('SIGKILL');
      else process.kill(this.#init, 'SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
