/** `vethctl ns exec`: a command inside a namespace, as `ip netns exec`. The daemon only says which it is. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { basename, dirname } from 'node:path';
import type { Command } from 'commander';
import { inspectContainer } from '../calls.ts';
import { ask } from '../client.ts';
import type { Shell } from '../shell.ts';

/** What a shell answers for a command that cannot be run (POSIX, Exit Status for Commands). */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/** Adds the command to its group. */
export function addNsExec(ns: Command, shell: Shell): void {
  ns.command('exec <name> <command> [argument...]')
    .description('Run a command inside a namespace (needs root)')
    .passThroughOptions()
    .action(async (name: string, command: string, rest: readonly string[]) => {
      const { NetworkSettings } = await ask(shell.client(), inspectContainer(name));
      if (NetworkSettings.SandboxKey === '') throw new Error(`container ${name} is not running`);
      const [file, ...before] = enter(NetworkSettings.SandboxKey);
      shell.exitWith(await run(file, [...before, command, ...rest], shell));
    });
}

/**
 * The words that run what follows them in a namespace. For a name under /run/netns it is `ip netns exec`, which
 * also puts the files of /etc/netns/NAME (resolv.conf, hosts) in place and mounts a /sys of the namespace.
 */
export function enter(sandboxKey: string): readonly [string, ...string[]] {
  const folder = dirname(sandboxKey);
  if (folder === '/run/netns' || folder === '/var/run/netns') {
    return ['ip', 'netns', 'exec', basename(sandboxKey)];
  }
  return ['nsenter', `--net=${sandboxKey}`, '--'];
}

/**
 * Runs a program on our own terminal and gives its exit code. Signals go on to it; if one ends it, it ends us
 * too, so that whoever waits for us sees what happened.
 */
function run(file: string, args: readonly string[], shell: Shell): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { stdio: 'inherit' });
    const stop = forwardSignals((signal) => child.kill(signal));
    child.once('error', (error: NodeJS.ErrnoException) => {
      stop();
      shell.fail(error);
      resolve(error.code === 'ENOENT' ? NOT_FOUND : CANNOT_RUN);
    });
    child.once('exit', (code, signal) => {
      stop();
      if (signal !== null) process.kill(process.pid, signal);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

const FROM_OTHERS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];

/** The terminal sends these to its whole foreground group: the child has had its own already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

function forwardSignals(forward: (signal: NodeJS.Signals) => void): () => void {
  const onTerminal = process.stdin.isTTY ? () => undefined : forward;
  for (const signal of FROM_OTHERS) process.on(signal, forward);
  for (const signal of FROM_TERMINAL) process.on(signal, onTerminal);
  return () => {
    for (const signal of FROM_OTHERS) process.off(signal, forward);
    for (const signal of FROM_TERMINAL) process.off(signal, onTerminal);
  };
}
