/** Adopted namespaces are remembered for as long as something of ours is in them. */
import type { StoreWriter } from '../store/contract.ts';

/** Forgets a container that vethd only adopted and that has no endpoint left. */
export function forgetIfIdle(writer: StoreWriter, containerId: string): void {
  const container = writer.getContainer(containerId);
  if (container === undefined || container.state !== 'running') return;
  const { kind } = container.source;
  const isAdopted = kind === 'named' || kind === 'path' || kind === 'pid';
  if (isAdopted && writer.listEndpointsOfContainer(containerId).length === 0)
    writer.removeContainer(containerId);
}
