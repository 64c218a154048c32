/** Schemas of exec. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { EXAMPLE_ID } from '../schema.ts';

const Text = Type.String();
const Flag = Type.Boolean();

const ConsoleSize = Type.Optional(
  Type.Array(Type.Integer(), { description: 'Height and width of the terminal.', examples: [[24, 80]] }),
);

/** `POST /containers/{id}/exec`. */
export const ExecCreateBody = Type.Object(
  {
    Cmd: Type.Optional(Type.Array(Text, { description: 'The program and its arguments.' })),
    AttachStdin: Type.Optional(Flag),
    AttachStdout: Type.Optional(Flag),
    AttachStderr: Type.Optional(Flag),
    Tty: Type.Optional(Flag),
    ConsoleSize,
    DetachKeys: Type.Optional(Text),
    Env: Type.Optional(Type.Array(Text, { description: '`NAME=value`.' })),
    Privileged: Type.Optional(Flag),
    User: Type.Optional(Type.String({ description: '`user[:group]` of the host, names or numbers.' })),
    WorkingDir: Type.Optional(Type.String({ description: 'An absolute path of the host.' })),
  },
  {
    description: 'A program of the host to be run in the network namespace.',
    examples: [{ Cmd: ['ip', 'address'], AttachStdout: true, AttachStderr: true }],
  },
);

/** `POST /exec/{id}/start`. */
export const ExecStartBody = Type.Object(
  {
    Detach: Type.Optional(Flag),
    Tty: Type.Optional(Type.Boolean({ description: 'Ignored: what create said counts.' })),
    ConsoleSize,
  },
  { description: 'How to start it.', examples: [{ Detach: false, Tty: false }] },
);

/** What create answers. */
export const ExecCreated = Type.Object(
  { Id: Text },
  { description: 'The id of the exec.', examples: [{ Id: '7f1f3bd7b0a3'.padEnd(64, '0') }] },
);

/** `GET /exec/{id}/json`. */
export const ExecAnswer = Type.Object(
  {
    ID: Text,
    Running: Flag,
    ExitCode: Type.Unsafe<number | null>({
      type: 'integer',
      nullable: true,
      description: 'null before the end.',
    }),
    ProcessConfig: Type.Object({
      tty: Flag,
      entrypoint: Text,
      arguments: Type.Array(Text),
      privileged: Flag,
      user: Type.Optional(Text),
    }),
    OpenStdin: Flag,
    OpenStderr: Flag,
    OpenStdout: Flag,
    CanRemove: Flag,
    ContainerID: Text,
    DetachKeys: Text,
    Pid: Type.Integer({ description: 'On the host; 0 before the start.' }),
  },
  {
    description: 'A program and what became of it.',
    examples: [
      {
        ID: EXAMPLE_ID,
        Running: false,
        ExitCode: 0,
        ProcessConfig: { tty: false, entrypoint: 'ip', arguments: ['address'], privileged: false },
        OpenStdin: false,
        OpenStderr: true,
        OpenStdout: true,
        CanRemove: true,
        ContainerID: EXAMPLE_ID,
        DetachKeys: '',
        Pid: 4242,
      },
    ],
  },
);

/** The path of an exec. */
export const ExecId = Type.Object({ id: Type.String({ description: 'The id that create gave.' }) });

/** The query of resize. */
export const ResizeQuery = Type.Object({
  h: Type.Optional(Type.String({ description: 'Rows.', examples: ['24'] })),
  w: Type.Optional(Type.String({ description: 'Columns.', examples: ['80'] })),
});

export type ExecCreateBody = Static<typeof ExecCreateBody>;
export type ExecStartBody = Static<typeof ExecStartBody>;
export type ExecAnswer = Static<typeof ExecAnswer>;
