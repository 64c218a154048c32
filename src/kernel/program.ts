/**
 * Programs of the host inside a container's namespace. As `ip netns exec` does, a program gets the network
 * namespace, a /sys that shows it, and the files of /etc/netns/NAME in the place of those in /etc; else it is
 * the host's. One process from setsid to the program itself: each step replaces the one before, so that its pid
 * and exit code are the program's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { VethdError } from '../errors.ts';
import type { TerminalSize } from '../model/exec.ts';
import type { ProgramSpec, RunningProgram } from './contract.ts';
import { duplicate } from './libc.ts';
import { openPty, resizePty } from './pty.ts';
import { findIdentity } from './users.ts';

/** Of the steps before the program, and the program's unless it brings its own. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** In a mount namespace of its own: $1 is a folder such as /etc/netns/NAME, the rest the next step. */
const ENTER = `
mount -t sysfs sysfs /sys 2>/dev/null
for entry in "$1"/*; do
  if [ -e "$entry" ] && [ -e "/etc/\${entry##*/}" ]; then mount --bind "$entry" "/etc/\${entry##*/}" || exit 126; fi
done
shift
exec "$@"`;

/** With the user and environment of the program: $1 is its directory, the rest the program. */
const START = `
cd -- "$1" || exit 126
shift
command -v -- "$1" >/dev/null 2>&1 || { printf 'exec: "%s": executable file not found in $PATH\\n' "$1" >&2; exit 127; }
exec "$@"`;

/** After the program's end its output is waited for this long: a child in the background may hold it open. */
const OUTPUT_GRACE_MS = 2_000;

/** The command line: enter the namespace of `netnsFd`, then its files, then become who it shall be. */
function commandLine(netnsFd: number, spec: ProgramSpec): string[] {
  const { uid, gid } = spec.user === '' ? { uid: 0, gid: 0 } : findIdentity(spec.user);
  const become =
    uid === 0 && gid === 0 ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'];
  const env = spec.env.some((entry) => entry.startsWith('PATH=')) ? spec.env : [`PATH=${PATH}`, ...spec.env];
  return [
    'setsid',
    ...(spec.terminal === undefined ? [] : ['--ctty']),
    'nsenter',
    // Our descriptor, not a path that could lead elsewhere by now; and not inherited by the program.
    `--net=/proc/${process.pid}/fd/${netnsFd}`,
    '--',
    ...['unshare', '--mount', '--propagation', 'slave', '--'],
    ...['/bin/sh', '-c', ENTER, 'sh', spec.etcFolder === '' ? '/nonexistent' : spec.etcFolder],
    ...become,
    ...['/usr/bin/env', '-i', ...env],
    ...['/bin/sh', '-c', START, 'sh', spec.workingDir],
    ...spec.command,
  ];
}

function start(argv: readonly string[], stdio: 'pipe' | readonly number[]): ChildProcess {
  const [file = '', ...args] = argv;
  return spawn(file, args, { stdio: stdio === 'pipe' ? stdio : [...stdio], cwd: '/', env: { PATH } });
}

/** Resolves with the exit code; 126 when the program could not be started at all. */
function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on('error', () => resolve(126));
    child.on('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}

/**
 * A source as an output that always ends, and never fails: when the source ends or is destroyed, and when
 * reading a terminal gives EIO, which means that the last program with the other side open is gone.
 */
function endingOutput(source: Readable): Readable {
  const output = new PassThrough();
  source.on('error', () => output.end());
  source.on('close', () => output.end());
  source.pipe(output);
  output.on('close', () => source.destroy());
  return output;
}

/** Ends what a child in the background keeps open after the program's end. */
function endOutputs(exited: Promise<number>, sources: readonly Readable[]): void {
  void exited.then(() => {
    setTimeout(() => {
      for (const source of sources) source.destroy();
    }, OUTPUT_GRACE_MS).unref();
  });
}

/** SIGHUP to the whole session's group, as a terminal that is closed sends it. */
function hangUp(pid: number): void {
  try {
    process.kill(-pid, 'SIGHUP');
  } catch {
    // It ended by itself.
  }
}

function startPiped(netnsFd: number, spec: ProgramSpec): RunningProgram {
  const child = start(commandLine(netnsFd, spec), 'pipe');
  const exited = exitOf(child);
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined || stdin === null || stdout === null || stderr === null) {
    throw new VethdError('internal', 'the program could not be started: no process or no descriptors left');
  }
  // A program that does not read its input is its own affair.
  stdin.on('error', () => stdin.destroy());
  endOutputs(exited, [stdout, stderr]);
  return {
    pid,
    stdin,
    stdout: endingOutput(stdout),
    stderr: endingOutput(stderr),
    exited,
    resize: () => {},
    hangUp: () => hangUp(pid),
  };
}

/** Input of a terminal; its end is not passed on, since it would end the output too. */
function writeTerminal(terminal: ReadStream): Writable {
  return new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      if (terminal.destroyed) done();
      else terminal.write(chunk, () => done());
    },
  });
}

function startInTerminal(netnsFd: number, spec: ProgramSpec, size: TerminalSize): RunningProgram {
  const { master, slave } = openPty(size);
  let child: ChildProcess;
  try {
    child = start(commandLine(netnsFd, spec), [slave, slave, slave]);
  } catch (error) {
    closeSync(master);
    throw error;
  } finally {
    closeSync(slave);
  }
  const exited = exitOf(child);
  // A program closes its outputs before it exits. Without anybody left to write, the stream below ends and closes the
  // terminal, and would hang up on the program in its last moment: exit code 129.
  const keeper = duplicate(master);
  void exited.then(() => closeSync(keeper));
  const terminal = new ReadStream(master);
  const stdout = endingOutput(terminal);
  const { pid } = child;
  if (pid === undefined) {
    terminal.destroy();
    throw new VethdError('internal', 'the program could not be started: no process left');
  }
  endOutputs(exited, [terminal]);
  const resize = (wanted: TerminalSize) => {
    if (!terminal.destroyed) resizePty(master, wanted);
  };
  const close = () => {
    hangUp(pid);
    terminal.destroy();
  };
  return { pid, stdin: writeTerminal(terminal), stdout, stderr: undefined, exited, resize, hangUp: close };
}

/**
 * Starts a program in the namespace that `netnsFd` is open on; the descriptor is closed when the program ends,
 * or at once when it cannot be started. Throws invalidArgument for an unknown user, another error when
 * processes, terminals or descriptors have run out. A missing program or directory is told on its stderr, with exit code
 * 127 or 126, as by a shell.
 */
export function startProgram(netnsFd: number, spec: ProgramSpec): RunningProgram {
  let program: RunningProgram;
  try {
    program =
      spec.terminal === undefined ? startPiped(netnsFd, spec) : startInTerminal(netnsFd, spec, spec.terminal);
  } catch (error) {
    closeSync(netnsFd);
    throw error;
  }
  void program.exited.then(() => closeSync(netnsFd));
  return program;
}
