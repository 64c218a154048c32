/** Starts a thread from a file of this folder, built or as source. */
import { Worker } from 'node:worker_threads';

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
  const launcher = JSON.stringify(new URL('./launch.js', import.meta.url).href);
  const code = `import(${launcher}).then(({ launch }) => launch(${JSON.stringify(name)}));`;
  return new Worker(code, { ...OPTIONS, eval: true, workerData });
}
