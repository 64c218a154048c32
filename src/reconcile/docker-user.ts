/**
 * Keeps our one rule in Docker's chain DOCKER-USER (`--manage-docker-user`): looks at the start, with each pass over
 * everything, and when somebody has changed a firewall. Without the flag, once: what an earlier run left goes.
 */
import type { Logger } from '../model/logger.ts';

/** Docker makes its chains in many transactions: they are waited for. */
const SETTLE_MS = 100;

/** What the keeper works with. */
export interface DockerUserOptions {
  readonly wanted: boolean;
  /** Has the rule there, or not (docker-user.ts of the kernel room); gives by which programs it was changed. */
  readonly keep: (wanted: boolean) => Promise<readonly string[]>;
  readonly log: Logger;
}

/** The keeper. */
export interface DockerUserKeeper {
  /** Has a look soon; looks asked for meanwhile are one. */
  look(): void;
  /** Ends it, after the look in hand. The rule stays, as networks do. */
  close(): Promise<void>;
}

class Keeper implements DockerUserKeeper {
  readonly #options: DockerUserOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: DockerUserOptions) {
    this.#options = options;
  }

  look(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#running.then(() => this.#keep());
    }, SETTLE_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #keep(): Promise<void> {
    const { wanted, keep, log } = this.#options;
    try {
      const programs = await keep(wanted);
      if (programs.length > 0) log.info({ programs, wanted }, 'rule in DOCKER-USER');
    } catch (error) {
      log.warn({ err: error }, 'could not look at DOCKER-USER');
    }
  }
}

/** A keeper that has its first look at once. */
export function keepDockerUser(options: DockerUserOptions): DockerUserKeeper {
  const keeper = new Keeper(options);
  keeper.look();
  return keeper;
}
