/**
 * Has the kernel tell when the process behind a container of the kind `pid` ends, so that the container ends with it
 * at once, though something else keeps the namespace. The change it tells of is looked at as any other.
 */
import type { Kernel } from '../kernel/contract.ts';
import type { Logger } from '../model/logger.ts';
import type { Store } from '../store/contract.ts';
import type { Reconciler } from './loop.ts';

/** What the watch over processes works with. */
export interface ProcessesOptions {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly reconciler: Reconciler;
  readonly log: Logger;
}

/** Watches the processes of stored containers, and of each that a pass finds from now on. */
export async function watchProcesses({ store, kernel, reconciler, log }: ProcessesOptions): Promise<void> {
  // By container and process: a number may come back as another process, a namespace with another one.
  const watched = new Set<string>();
  const watch = async (containerId: string): Promise<void> => {
    const source = store.getContainer(containerId)?.source;
    if (source?.kind !== 'pid') return;
    const key = `${containerId} ${source.pid} ${source.startTime}`;
    if (watched.has(key)) return;
    watched.add(key);
    await kernel.watchProcess(source.pid).catch((error: unknown) => {
      watched.delete(key);
      log.warn(
        { err: error, pid: source.pid },
        'cannot watch a process: its end is noticed by its links only',
      );
    });
  };
  reconciler.onPass(async (_scope, { present }) => {
    for (const containerId of present.keys()) await watch(containerId);
  });
  for (const { id } of store.listContainers()) await watch(id);
}
