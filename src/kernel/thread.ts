/** Starts a thread from a file of this folder, built or as source. */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Posted, ThreadOptions } from './wire.ts';

/**
 * The source files are TypeScript, which a worker of Node 20 cannot load by itself, and the loader that the
 * parent runs under (tsx, vitest) does not reach into workers. tsx is registered in the worker then; `--import
 * tsx` in its execArgv has no effect there (tried with tsx 4.23, Node 20.20).
 */
function startSource(url: URL, workerData: unknown): Worker {
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const code = `import(${tsx}).then((tsx) => { tsx.register(); return import(${JSON.stringify(url.href)}); });`;
  return new Worker(code, { ...OPTIONS, eval: true, execArgv: [], workerData });
}

/**
 * Descriptors are handed from one thread to another, so that Node must not close those that a thread opened
 * when it ends: the number may be another file's by then.
 */
const OPTIONS = { trackUnmanagedFds: false };

/** Runs `name` (without extension) of this folder as a thread. */
export function startThread(name: string, workerData: unknown): Worker {
  if (import.meta.url.endsWith('.ts'))
    return startSource(new URL(`./${name}.ts`, import.meta.url), workerData);
  const launcher = JSON.stringify(fileURLToPath(new URL('./launch.cjs', import.meta.url)));
  const code = `require(${launcher}).launch(${JSON.stringify(name)});`;
  return new Worker(code, { ...OPTIONS, eval: true, workerData });
}

/** Folders whose namespaces may be named by path: iproute2's, Docker's, and those of processes. */
const ALLOWED_PATHS: readonly string[] = ['/run/netns', '/var/run/netns', '/run/docker/netns', '/proc'];

/** The kernel thread before somebody speaks with it (thread-client.ts). */
export interface StartedThread {
  readonly worker: Worker;
  readonly options: ThreadOptions;
  /** Gives what the thread has said so far, and keeps nothing more. */
  takeEarly(): Posted[];
}

/**
 * Starts the kernel thread in the namespace of the calling process, which from then on is "the host's". It is ready
 * some tenths of a second later: who starts it first can load the rest meanwhile.
 */
export function startKernelThread(places: Partial<ThreadOptions> = {}): StartedThread {
  const { netnsDir = '/run/netns', allowedPaths = ALLOWED_PATHS } = places;
  const options = { netnsDir, allowedPaths };
  const worker = startThread('worker', options);
  const early: Posted[] = [];
  const keep = (message: Posted): void => void early.push(message);
  worker.on('message', keep);
  const takeEarly = (): Posted[] => {
    worker.off('message', keep);
    return early;
  };
  return { worker, options, takeEarly };
}
