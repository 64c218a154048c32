/** Programs inside a namespace: which namespace, which files, which user, which end. */
import { mkdirSync, openSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProgramSpec } from '../../src/kernel/contract.ts';
import { startProgram } from '../../src/kernel/program.ts';
import { addNetns, ip, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const NETNS = 'programs';
const FOLDER = '/run/vethd/etc';

const spec = (command: readonly string[], wish: Partial<ProgramSpec> = {}): ProgramSpec => ({
  command,
  env: ['HOME=/root'],
  workingDir: '/',
  user: '',
  terminal: undefined,
  etcFolder: '',
  ...wish,
});

const start = (wanted: ProgramSpec) => startProgram(openSync(`/run/netns/${NETNS}`, 'r'), wanted);

async function runPiped(wanted: ProgramSpec, input = '') {
  const program = start(wanted);
  program.stdin.end(input);
  const [stdout, stderr, exitCode] = await Promise.all([
    text(program.stdout),
    program.stderr === undefined ? '' : text(program.stderr),
    program.exited,
  ]);
  return { stdout, stderr, exitCode };
}

beforeAll(async () => {
  await addNetns(NETNS);
  await ip(['link', 'add', 'marker0', 'type', 'bridge'], NETNS);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/resolv.conf`, 'nameserver 192.0.2.53\n');
});

afterAll(async () => {
  rmSync(FOLDER, { recursive: true });
  await removeNetns(NETNS);
});

describe('with pipes', () => {
  test('it is in the namespace, and so is its /sys', async () => {
    const { stdout, exitCode } = await runPiped(spec(['sh', '-c', 'ip -br link; ls /sys/class/net']));
    expect(stdout).toMatch(/^marker0 /m);
    expect(stdout).toMatch(/^marker0$/m);
    expect(exitCode).toBe(0);
  });

  test('input, both outputs and the exit code are its own', async () => {
    const ended = await runPiped(spec(['sh', '-c', 'cat; echo to-stderr >&2; exit 7']), 'hello');
    expect(ended).toEqual({ stdout: 'hello', stderr: 'to-stderr\n', exitCode: 7 });
  });

  test.each([
    [
      'a missing program',
      spec(['no-such-program']),
      127,
      'exec: "no-such-program": executable file not found',
    ],
    ['a missing directory', spec(['true'], { workingDir: '/no/such' }), 126, "can't cd to /no/such"],
  ])('%s is told on stderr', async (_case, wanted, code, message) => {
    const { exitCode, stderr } = await runPiped(wanted);
    expect(exitCode).toBe(code);
    expect(stderr).toContain(message);
  });

  test('a signal gives 128 and its number', async () => {
    expect((await runPiped(spec(['sh', '-c', 'kill -TERM $$']))).exitCode).toBe(143);
  });

  test('arguments stay arguments, the environment is the one given', async () => {
    const odd = ['printf', '%s|', '$(id)', "a'b", '--', '-n', 'x=y', ''];
    expect((await runPiped(spec(odd))).stdout).toBe("$(id)|a'b|--|-n|x=y||");
    const { stdout } = await runPiped(spec(['env'], { env: ['PATH=/usr/bin', 'GREETING=good day'] }));
    const lines = stdout.split('\n').filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line));
    expect(lines).toEqual(['GREETING=good day', 'PATH=/usr/bin', '']);
  });

  test('files of the folder take the place of those in /etc, for it alone', async () => {
    const wanted = spec(['cat', '/etc/resolv.conf'], { etcFolder: FOLDER });
    expect((await runPiped(wanted)).stdout).toBe('nameserver 192.0.2.53\n');
    expect((await runPiped(spec(['cat', '/etc/resolv.conf']))).stdout).not.toContain('192.0.2.53');
  });

  test.each([
    ['a name', 'nobody', '65534:65534'],
    ['a number', '1234', '1234:0'],
    ['with a group', '1234:5678', '1234:5678'],
    ['with a group by name', 'nobody:daemon', '65534:1'],
  ])('user: %s', async (_case, user, expected) => {
    const { stdout } = await runPiped(spec(['sh', '-c', 'echo $(id -u):$(id -g) $(id -G)'], { user }));
    expect(stdout.trim()).toBe(`${expected} ${expected.split(':')[1]}`);
  });

  test.each(['nobody-at-all', 'root:nobodies-group', '4294967295', '-1', ''.padEnd(3, ':')])(
    'unknown user %s',
    (user) => {
      expect(() => start(spec(['true'], { user }))).toThrow(
        expect.objectContaining({ kind: 'invalidArgument' }),
      );
    },
  );

  test('a child in the background does not keep the output open', async () => {
    const { stdout, exitCode } = await runPiped(spec(['sh', '-c', 'sleep 60 & echo $!; exit 3']));
    process.kill(Number(stdout));
    expect(exitCode).toBe(3);
  });

  test('hanging up ends it', async () => {
    const program = start(spec(['sleep', '60']));
    await until('the program runs', () => readlinkSync(`/proc/${program.pid}/exe`).endsWith('sleep'));
    program.hangUp();
    expect(await program.exited).toBe(129);
  });
});

describe('with a terminal', () => {
  const terminal = { rows: 33, columns: 77 };

  test('it is one, of that size, and follows a change', async () => {
    const program = start(
      spec(
        [
          'sh',
          '-c',
          'tty; stty size; trap "stty size; exit 5" WINCH; echo ready; while :; do sleep 0.05; done',
        ],
        {
          terminal,
        },
      ),
    );
    let shown = '';
    program.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
    });
    await until('it waits for the change', () => shown.includes('ready'));
    program.resize({ rows: 40, columns: 120 });
    expect(await program.exited).toBe(5);
    expect(shown).toMatch(/^\/dev\/pts\/\d+\r\n33 77\r\nready\r\n40 120\r\n$/);
  });

  test('what is typed is read, and ^D ends the input', async () => {
    const program = start(spec(['cat'], { terminal }));
    program.stdin.write('hello\n');
    program.stdin.write('\u0004');
    expect(await text(program.stdout)).toContain('hello\r\nhello\r\n');
    expect(await program.exited).toBe(0);
  });

  test('a program that closes the terminal before it exits is not hung up on', async () => {
    const script = 'exec 0<&- 1>&- 2>&-; sleep 0.2; exit 7';
    const program = start(spec(['sh', '-c', script], { terminal }));
    await text(program.stdout);
    expect(await program.exited).toBe(7);
  });

  test('^C interrupts it: it is in the foreground of its terminal', async () => {
    // No shell: dash forgets a ^C that comes while it starts a program.
    const program = start(spec(['sleep', '60'], { terminal }));
    await until('it runs', () => readlinkSync(`/proc/${program.pid}/exe`).endsWith('sleep'));
    program.stdin.write('\u0003');
    expect(await program.exited).toBe(130);
  });

  test('hanging up ends it', async () => {
    const program = start(spec(['sleep', '60'], { terminal }));
    await until('the program runs', () => readlinkSync(`/proc/${program.pid}/exe`).endsWith('sleep'));
    program.hangUp();
    expect(await program.exited).toBe(129);
  });
});

test('no descriptor is left', async () => {
  const open = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return /ptmx|pts|net:\[/.test(readlinkSync(`/proc/self/fd/${fd}`));
      } catch {
        return false;
      }
    });
  await until('all are closed', () => open().length === 0);
});
