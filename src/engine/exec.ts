/**
 * `docker exec`: programs of the host inside a container's namespace, and what became of them. They are kept
 * in memory alone: a program does not outlive the daemon's knowledge of it. Whoever may call this is root on
 * the host, so it is off unless the daemon was started with --allow-exec.
 */
import { Readable } from 'node:stream';
import { VethdError } from '../errors.ts';
import type { NetnsRef, RunningProgram } from '../kernel/contract.ts';
import type { Container, NetnsIdentity } from '../model/container.ts';
import type { ExecSpec, TerminalSize } from '../model/exec.ts';
import { netnsRefOf } from '../reconcile/desired.ts';
import { type EngineContext, newId } from './context.ts';
import type { ExecStreams, Execs } from './contract.ts';
import { findContainer } from './find.ts';
import { containerEvent } from './memberships.ts';
import { isRunning } from './running.ts';

/** Ended ones are kept for clients that ask for the exit code, the newest ones. */
const MAX_KEPT = 1_024;
/** Programs that run at the same time, those not yet started included. */
const MAX_LIVE = 256;
/** Exit code of what was found but cannot be run, as of a shell. */
const CANNOT_RUN = 126;
const DEFAULT_SIZE: TerminalSize = { rows: 24, columns: 80 };

interface Exec {
  readonly id: string;
  readonly container: Container;
  readonly spec: ExecSpec;
  started: boolean;
  program: RunningProgram | undefined;
  exitCode: number | undefined;
}

interface Place {
  readonly ref: NetnsRef;
  readonly identity: NetnsIdentity;
  /** The name under /run/netns, `''` for none. */
  readonly netnsName: string;
}

function notRunning(id: string): VethdError {
  return new VethdError('conflict', `Container ${id} is not running`);
}

/** Where a container's programs run; follows network mode container:X. */
async function placeOf(context: EngineContext, container: Container): Promise<Place> {
  const { source } = container;
  if (!isRunning(container)) throw notRunning(container.id);
  if (source.kind === 'host')
    return { ref: { kind: 'host' }, identity: context.kernel.hostIdentity, netnsName: '' };
  if (source.kind === 'shared') {
    const other = context.store.getContainer(source.containerId);
    if (other === undefined) throw notRunning(container.id);
    return placeOf(context, other);
  }
  const ref = netnsRefOf(container);
  const probe = ref === undefined ? undefined : await context.kernel.probeNetns(ref);
  if (ref === undefined || probe?.status !== 'present') throw notRunning(container.id);
  return { ref, identity: probe.identity, netnsName: ref.kind === 'name' ? ref.name : '' };
}

/** PATH is the kernel room's; HOSTNAME and TERM as in Docker. The client's come last and win. */
function environmentOf(container: Container, spec: ExecSpec): string[] {
  const hostname = container.config['Hostname'];
  const name = typeof hostname === 'string' && hostname !== '' ? hostname : container.name;
  const base = ['HOME=/root', `HOSTNAME=${name}`, ...(spec.tty ? ['TERM=xterm'] : [])];
  // The CLI sends a bare name for a variable that its own environment lacks.
  return [...base, ...spec.env.filter((entry) => entry.includes('='))];
}

/** NUL would cut an argument short; an entry without a name would be taken for the program. */
function checkSpec(spec: ExecSpec): void {
  if (spec.command.length === 0 || spec.command[0] === '') {
    throw new VethdError('invalidArgument', 'No exec command specified');
  }
  const texts = [...spec.command, ...spec.env, spec.workingDir, spec.user];
  if (texts.some((text) => text.includes('\0')))
    throw new VethdError('invalidArgument', 'exec: a text holds NUL');
  const nameless = spec.env.find((entry) => entry.startsWith('='));
  if (nameless !== undefined) {
    throw new VethdError('invalidArgument', `invalid environment variable: ${nameless}: want NAME=value`);
  }
  if (!/^(?:\/.*)?$/s.test(spec.workingDir)) {
    throw new VethdError('invalidArgument', `Cwd must be an absolute path: ${spec.workingDir}`);
  }
}

/** The streams that the spec attaches; output that nobody takes is read and dropped, so that it never blocks. */
function streamsOf(program: RunningProgram, spec: ExecSpec, attached: boolean): ExecStreams {
  const { stdin, stdout, stderr, exited } = program;
  const wanted = {
    stdin: attached && spec.attachStdin,
    stdout: attached && spec.attachStdout,
    stderr: attached && spec.attachStderr,
  };
  if (!wanted.stdin && !spec.tty) stdin.end();
  if (!wanted.stdout) stdout.resume();
  if (!wanted.stderr) stderr?.resume();
  return {
    stdin: wanted.stdin ? stdin : undefined,
    stdout: wanted.stdout ? stdout : undefined,
    stderr: wanted.stderr ? stderr : undefined,
    exited,
  };
}

/**
 * The streams of a program that cannot be started as it is wished: the reason is its output. The CLI shows no
 * error that comes in the place of the upgraded connection; dockerd writes it into the stream, too.
 */
function refusal(message: string, spec: ExecSpec, attached: boolean): ExecStreams {
  const output = attached ? Readable.from([Buffer.from(`${message}\n`)]) : undefined;
  return {
    stdin: undefined,
    stdout: spec.tty ? output : undefined,
    stderr: spec.tty ? undefined : output,
    exited: Promise.resolve(CANNOT_RUN),
  };
}

/** The programs of one daemon. */
export function createExecs(context: EngineContext): Execs {
  const execs = new Map<string, Exec>();
  const running = () =>
    [...execs.values()].filter(({ program, exitCode }) => program !== undefined && exitCode === undefined);

  function get(id: string): Exec {
    const exec = execs.get(id);
    if (exec === undefined) throw new VethdError('notFound', `No such exec instance: ${id}`);
    return exec;
  }

  /** Makes room: the oldest ended one goes, then the oldest that nobody started. */
  function forgetOldest(): void {
    const all = [...execs.values()];
    const live = all.filter(({ exitCode }) => exitCode === undefined);
    if (live.length >= MAX_LIVE) {
      const idle = live.find(({ started }) => !started);
      if (idle === undefined) {
        throw new VethdError('unavailable', `${MAX_LIVE} exec programs run already`, { errno: 'EAGAIN' });
      }
      execs.delete(idle.id);
    }
    const ended = all.find(({ exitCode }) => exitCode !== undefined);
    if (all.length >= MAX_KEPT && ended !== undefined) execs.delete(ended.id);
  }

  async function record(
    exec: Exec,
    action: string,
    attributes: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const draft = containerEvent(exec.container, action, { execID: exec.id, ...attributes });
    const event = await context.store.write((writer) =>
      writer.appendEvent({ ...draft, timeNano: context.now() }),
    );
    context.publish(event);
  }

  function follow(exec: Exec, program: RunningProgram): void {
    void program.exited.then((exitCode) => {
      exec.exitCode = exitCode;
      // An event that cannot be kept (disk full) must not end the daemon; the exit code is kept here.
      record(exec, 'exec_die', { exitCode: String(exitCode) }).catch(() => undefined);
    });
  }

  async function launch(exec: Exec, size: TerminalSize | undefined): Promise<RunningProgram> {
    const { container, spec } = exec;
    const current = context.store.getContainer(container.id) ?? container;
    const place = await placeOf(context, current);
    const program = await context.kernel.startProgram(place.ref, place.identity, {
      command: spec.command,
      env: environmentOf(current, spec),
      workingDir: spec.workingDir === '' ? '/' : spec.workingDir,
      user: spec.user,
      terminal: spec.tty ? (size ?? DEFAULT_SIZE) : undefined,
      etcFolder: place.netnsName === '' ? '' : `${context.config.netnsEtcDir}/${place.netnsName}`,
    });
    exec.program = program;
    follow(exec, program);
    return program;
  }

  return {
    create: async (containerTerm, spec) => {
      if (!context.config.allowExec) {
        throw new VethdError(
          'forbidden',
          'exec is off, because it gives root on the host to whoever may use this socket: start vethd with --allow-exec',
        );
      }
      checkSpec(spec);
      const { container } = await findContainer(context, containerTerm);
      await placeOf(context, container);
      forgetOldest();
      const exec: Exec = {
        id: newId(),
        container,
        spec,
        started: false,
        program: undefined,
        exitCode: undefined,
      };
      execs.set(exec.id, exec);
      await record(exec, `exec_create: ${spec.command.join(' ')}`);
      return exec.id;
    },
    start: async (id, attached, size) => {
      const exec = get(id);
      if (exec.started) {
        const state = exec.exitCode === undefined ? 'is already running' : 'has already run';
        throw new VethdError('conflict', `Error: Exec command ${id} ${state}`);
      }
      exec.started = true;
      try {
        const program = await launch(exec, size);
        const streams = streamsOf(program, exec.spec, attached);
        await record(exec, `exec_start: ${exec.spec.command.join(' ')}`);
        return streams;
      } catch (error) {
        exec.exitCode ??= CANNOT_RUN;
        if (!(error instanceof VethdError) || error.kind !== 'invalidArgument') throw error;
        return refusal(error.message, exec.spec, attached);
      }
    },
    inspect: (id) => {
      const { container, spec, program, exitCode } = get(id);
      const isUp = program !== undefined && exitCode === undefined;
      return { id, containerId: container.id, spec, running: isUp, exitCode, pid: program?.pid ?? 0 };
    },
    resize: (id, size) => {
      const { program, exitCode } = get(id);
      if (program === undefined || exitCode !== undefined) {
        throw new VethdError('conflict', `cannot resize a stopped container: exec ${id} is not running`);
      }
      program.resize(size);
    },
    listRunning: (containerId) =>
      running()
        .filter(({ container }) => container.id === containerId)
        .map(({ id }) => id),
    hangUp: (containerId) => {
      for (const { container, program } of running()) {
        if (containerId === undefined || container.id === containerId) program?.hangUp();
      }
    },
  };
}
