/** Whether a container runs: somebody wants it to, and its namespace is there. */
import type { Container } from '../model/container.ts';

/** True for a started container whose namespace is there; a namespace of ours always is, or is made at once. */
export function isRunning(container: Container): boolean {
  if (container.state !== 'running') return false;
  return container.source.kind === 'named' ? container.identity !== undefined : true;
}
