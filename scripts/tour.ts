/**
 * The tour: in a throwaway host it starts the daemon, tells the story of Docker's bridge network step by step,
 * checks every claim against the kernel, and removes everything. Exit code 1 when a claim does not hold.
 * `npm run quickstart` runs it.
 */
import { Daemon } from './tour/daemon.ts';
import { requireThrowawayHost } from './tour/host.ts';
import {
  cleanRemoval,
  gateway,
  joinBridge,
  killTheDaemon,
  onlyLoopback,
  ownNetwork,
  pingBothWays,
  threeNetworks,
  whoseIsIt,
} from './tour/steps.ts';
import { end, failed } from './tour/story.ts';

async function tellStory(daemon: Daemon): Promise<void> {
  await daemon.start();
  await threeNetworks();
  await onlyLoopback();
  await joinBridge();
  await whoseIsIt();
  await gateway();
  await pingBothWays();
  await ownNetwork();
  await killTheDaemon(daemon);
  await cleanRemoval();
}

const started = performance.now();
const daemon = new Daemon();
try {
  requireThrowawayHost();
  await tellStory(daemon);
  await daemon.end('SIGTERM');
  end((performance.now() - started) / 1000);
} catch (error) {
  failed(error);
  process.exitCode = 1;
} finally {
  await daemon.end('SIGKILL');
}
