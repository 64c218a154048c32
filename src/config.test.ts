import { expect, test } from 'vitest';
import { readCommand } from './config.ts';

const long = `/${'x'.repeat(107)}`;

test.each([
  [['--socket', 'here'], {}, '--socket here: want an absolute path'],
  [['--socket', long], {}, `--socket ${long}: want a path of at most 107 bytes`],
  [['--ro-socket', `${long.slice(1)}`], {}, 'want an absolute path'],
  [[], { VETHD_RO_SOCKET: long }, `--ro-socket ${long}: want a path of at most 107 bytes`],
  [[], { VETHD_MTU: '5' }, '--mtu 5: want a number from 68 to 65535'],
  [['--nosuch'], {}, "Unknown option '--nosuch'"],
])('%j with %j in the environment is refused', (argv, environment, message) => {
  expect(() => readCommand(argv, environment)).toThrow(
    expect.objectContaining({ kind: 'invalidArgument', message: expect.stringContaining(message) }),
  );
});

test('a flag goes before the environment, that before the default', () => {
  const command = readCommand(['--socket', long.slice(0, 107)], {
    VETHD_SOCKET: '/a',
    VETHD_STATE_DIR: '/b',
  });
  expect(command).toMatchObject({ config: { socket: long.slice(0, 107), stateDir: '/b', mtu: 1500 } });
});
