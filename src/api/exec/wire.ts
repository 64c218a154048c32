/** Docker's JSON of exec to our words and back. */
import type { ExecView } from '../../engine/contract.ts';
import { VethdError } from '../../errors.ts';
import type { ExecSpec, TerminalSize } from '../../model/exec.ts';
import type { ExecAnswer, ExecCreateBody } from './schema.ts';

/** The greatest rows and columns of a terminal (struct winsize: unsigned short). */
const MAX_SIDE = 0xffff;

/** The client's wish. */
export function fromExecCreate(body: ExecCreateBody): ExecSpec {
  return {
    command: body.Cmd ?? [],
    attachStdin: body.AttachStdin ?? false,
    attachStdout: body.AttachStdout ?? false,
    attachStderr: body.AttachStderr ?? false,
    tty: body.Tty ?? false,
    env: body.Env ?? [],
    workingDir: body.WorkingDir ?? '',
    user: body.User ?? '',
    privileged: body.Privileged ?? false,
    detachKeys: body.DetachKeys ?? '',
  };
}

function isSide(value: number | undefined): value is number {
  return value !== undefined && value > 0 && value <= MAX_SIDE;
}

/** `[height, width]`; undefined for none, and for a zero, which means "as you like". */
export function fromConsoleSize(size: readonly number[] | undefined): TerminalSize | undefined {
  const [rows, columns] = size ?? [];
  return isSide(rows) && isSide(columns) ? { rows, columns } : undefined;
}

function parseSide(name: string, text: string | undefined): number {
  const value = /^\d{1,5}$/.test(text ?? '') ? Number(text) : undefined;
  if (isSide(value)) return value;
  throw new VethdError(
    'invalidArgument',
    `invalid ${name} of a terminal: ${text ?? ''}: want 1 to ${MAX_SIDE}`,
  );
}

/** The query of resize; throws invalidArgument. */
export function fromResizeQuery(query: { readonly h?: string; readonly w?: string }): TerminalSize {
  return { rows: parseSide('height h', query.h), columns: parseSide('width w', query.w) };
}

/** What inspect tells. */
export function toExecAnswer({ id, containerId, spec, running, exitCode, pid }: ExecView): ExecAnswer {
  const [entrypoint = '', ...args] = spec.command;
  return {
    ID: id,
    Running: running,
    ExitCode: exitCode ?? null,
    ProcessConfig: {
      tty: spec.tty,
      entrypoint,
      arguments: args,
      privileged: spec.privileged,
      ...(spec.user === '' ? {} : { user: spec.user }),
    },
    OpenStdin: spec.attachStdin,
    OpenStderr: spec.attachStderr,
    OpenStdout: spec.attachStdout,
    CanRemove: exitCode !== undefined,
    ContainerID: containerId,
    DetachKeys: spec.detachKeys,
    Pid: pid,
  };
}
