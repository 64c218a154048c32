/**
 * Keeps our one rule in Docker's chain DOCKER-USER (`--manage-docker-user`): looks at the start, with each pass over
 * everything, and when somebody has changed a firewall. Without the flag, once: what an earlier run left goes.
 */
import type { Logger } from '../model/logger.ts';
import { createLooks, type Looks } from './looks.ts';

/** What the keeper works with. */
export interface DockerUserOptions {
  readonly wanted: boolean;
  /** Has the rule there, or not (docker-user.ts of the kernel room); gives by which programs it was changed. */
  readonly keep: (wanted: boolean) => Promise<readonly string[]>;
  readonly log: Logger;
}

/** A keeper that has its first look at once. The rule stays when it is closed, as networks do. */
export function keepDockerUser({ wanted, keep, log }: DockerUserOptions): Looks {
  const looks = createLooks(async () => {
    try {
      const programs = await keep(wanted);
      if (programs.length > 0) log.info({ programs, wanted }, 'rule in DOCKER-USER');
    } catch (error) {
      log.warn({ err: error }, 'could not look at DOCKER-USER');
    }
  });
  looks.look();
  return looks;
}
