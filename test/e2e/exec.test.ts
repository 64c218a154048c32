/** `docker exec` with the unmodified CLI: which namespace, which streams, which end. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attempt } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

describeWith(['docker', 'script'], 'docker exec', () => {
  const daemon = daemonForFile({ args: ['--allow-exec'] });
  const env = { DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: daemon.folder };

  /** Runs the CLI with a terminal, made by script(1); gives what the terminal showed. */
  const inTerminal = (command: string, input: string) =>
    attempt('script', ['-qec', command, '/dev/null'], { env: { ...env, TERM: 'xterm' }, input });

  beforeAll(async () => {
    await addNetns('red');
    await addNetns('blue');
    await daemon.docker('network', 'create', '--subnet', '10.90.0.0/24', 'lab');
    await daemon.docker('network', 'connect', '--ip', '10.90.0.10', 'lab', 'red');
    await daemon.docker('network', 'connect', '--ip', '10.90.0.11', '--alias', 'db', 'lab', 'blue');
  });

  afterAll(async () => {
    await daemon.docker('network', 'disconnect', 'lab', 'red');
    await daemon.docker('network', 'disconnect', 'lab', 'blue');
    await daemon.docker('network', 'rm', 'lab');
    await removeNetns('red');
    await removeNetns('blue');
  });

  test('runs in the namespace', async () => {
    expect(await daemon.docker('exec', 'red', 'ip', '-4', '-br', 'address')).toMatch(
      /^eth0@\S+ +UP +10\.90\.0\.10\/24/m,
    );
  });

  test('both outputs and the exit code come back', async () => {
    const ended = await daemon.tryDocker('exec', 'red', 'sh', '-c', 'echo out; echo error >&2; exit 42');
    expect(ended).toEqual({ exitCode: 42, stdout: 'out', stderr: 'error' });
  });

  test('input goes in with -i, to its end', async () => {
    const input = 'x'.repeat(300_000);
    const ended = await attempt('docker', ['exec', '-i', 'red', 'wc', '-c'], { env, input });
    expect([ended.stdout, ended.exitCode]).toEqual(['300000', 0]);
  });

  test('without -i there is no input', async () => {
    expect(await daemon.docker('exec', 'red', 'wc', '-c')).toBe('0');
  });

  test('much output arrives whole', async () => {
    expect((await daemon.docker('exec', 'red', 'seq', '200000')).split('\n')).toHaveLength(200_000);
  });

  test('-t gives a terminal of the size of the client', async () => {
    const ended = await inTerminal(
      'stty rows 31 cols 97; docker exec -it red sh -c "tty; stty size; exit 9"',
      '',
    );
    // At the end of its input script(1) types a NUL, which the terminal shows, at any time.
    expect(ended.stdout.replaceAll('^@', '')).toMatch(/\/dev\/pts\/\d+\r?\n31 97/);
    expect(ended.exitCode).toBe(9);
  });

  test('what is typed into the terminal is read', async () => {
    const ended = await inTerminal('docker exec -it red sh -c "read line; echo got:\\$line"', 'hello\n');
    expect(ended.stdout).toContain('got:hello');
  });

  test('-e, -w and -u', async () => {
    const program = ['sh', '-c', 'echo $GREETING $PWD $(id -un) $HOSTNAME'];
    const text = await daemon.docker(
      'exec',
      '-e',
      'GREETING=hi',
      '-w',
      '/usr',
      '-u',
      'nobody',
      'red',
      ...program,
    );
    expect(text).toBe('hi /usr nobody red');
  });

  test.each([
    ['a missing program', ['exec', 'red', 'no-such-program'], 127, 'executable file not found'],
    ['a missing directory', ['exec', '-w', '/no/such', 'red', 'true'], 126, '/no/such'],
    [
      'an unknown user',
      ['exec', '-u', 'nobody-at-all', 'red', 'true'],
      126,
      'unable to find user nobody-at-all',
    ],
    ['an unknown container', ['exec', 'green', 'true'], 1, 'No such container: green'],
  ])('%s', async (_case, args, code, message) => {
    const ended = await daemon.tryDocker(...args);
    expect(ended.exitCode).toBe(code);
    expect(`${ended.stdout}${ended.stderr}`).toContain(message);
  });

  test('names of the network resolve and answer', async () => {
    const program = ['getent', 'hosts', 'db'];
    expect(await daemon.docker('exec', 'red', ...program)).toMatch(/^10\.90\.0\.11 +db/);
    expect(await daemon.docker('exec', 'red', 'ping', '-c', '1', '-W', '1', 'blue')).toContain('1 received');
  });

  test('-d answers at once and the program goes on', async () => {
    await daemon.docker('exec', '-d', 'red', 'sleep', '60');
    const running = async () => {
      const [shown] = JSON.parse(await daemon.docker('inspect', 'red'));
      return shown.ExecIDs as string[] | null;
    };
    const ids = (await running()) ?? [];
    expect(ids).toHaveLength(1);
    const inspected = await daemon.call('GET', `/exec/${ids[0]}/json`);
    expect(inspected).toMatchObject({
      Running: true,
      ExitCode: null,
      ProcessConfig: { entrypoint: 'sleep' },
    });
    process.kill(inspected.Pid, 'SIGTERM');
    await until('it has ended', async () => (await running()) === null);
    expect((await daemon.call('GET', `/exec/${ids[0]}/json`)).ExitCode).toBe(143);
  });

  test('a container that stops ends its programs', async () => {
    await daemon.docker('run', '-d', '--name', 'green', '--network', 'lab', 'any');
    const { Id } = await daemon.call('POST', '/containers/green/exec', { Cmd: ['sleep', '60'] });
    await daemon.call('POST', `/exec/${Id}/start`, { Detach: true });
    await daemon.docker('rm', '-f', 'green');
    await until('it has ended', async () => !(await daemon.call('GET', `/exec/${Id}/json`)).Running);
  });

  test('started twice: 409', async () => {
    const { Id } = await daemon.call('POST', '/containers/red/exec', { Cmd: ['true'] });
    await daemon.call('POST', `/exec/${Id}/start`, { Detach: true });
    const again = await daemon.request('POST', `/exec/${Id}/start`, { Detach: true });
    expect([again.status, again.body.message]).toEqual([409, expect.stringContaining(`Exec command ${Id}`)]);
  });

  test('no command, NUL, a nameless variable, a relative directory: 400', async () => {
    const wishes = [
      {},
      { Cmd: [] },
      { Cmd: ['a\0b'] },
      { Cmd: ['true'], Env: ['=x'] },
      { Cmd: ['true'], WorkingDir: 'x' },
    ];
    for (const wish of wishes) {
      expect((await daemon.request('POST', '/containers/red/exec', wish)).status).toBe(400);
    }
  });

  test('events tell of it', async () => {
    const events = await daemon.docker(
      'events',
      '--since',
      '1h',
      '--until',
      // `0s` would be the second that has begun: the CLI sends whole ones.
      (Date.now() / 1000).toFixed(3),
      '--filter',
      'container=red',
      '--format',
      '{{.Action}}',
    );
    expect(events).toContain('exec_create: ip -4 -br address');
    expect(events).toContain('exec_start: ip -4 -br address');
    expect(events).toContain('exec_die');
  });
});

describeWith(['docker'], 'without --allow-exec', () => {
  test('403 that says what to do', async () => {
    const daemon = new Daemon();
    await daemon.start();
    try {
      await addNetns('grey');
      const answer = await daemon.request('POST', '/containers/grey/exec', { Cmd: ['true'] });
      expect([answer.status, answer.body.message]).toEqual([403, expect.stringContaining('--allow-exec')]);
    } finally {
      await removeNetns('grey');
      await daemon.dispose();
    }
  });
});
