import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { endsContainer, exitCodeOfSignal } from './signals.ts';

test.each(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGKILL', 'SIGTERM', 'SIGUSR1'] as const)('%s ends', (name) => {
  expect(endsContainer(constants.signals[name])).toBe(true);
});

test.each(['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH'] as const)(
  '%s does not',
  (name) => {
    expect(endsContainer(constants.signals[name])).toBe(false);
  },
);

test('the exit code of SIGTERM is 143', () => {
  expect(exitCodeOfSignal(constants.signals.SIGTERM)).toBe(143);
});
