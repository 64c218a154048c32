/** Adopted namespaces are remembered for as long as something of ours is in them. */
import type { StoreWriter } from '../store/contract.ts';
import { sharersOf } from './sharers.ts';

/** Forgets a container that vethd only adopted, that has no endpoint left, and whose namespace no other one shares. */
export function forgetIfIdle(writer: StoreWriter, containerId: string): void {
  const container = writer.getContainer(containerId);
  if (container === undefined || container.state !== 'running') return;
  const { kind } = container.source;
  const isAdopted = kind === 'named' || kind === 'path' || kind === 'pid';
  if (!isAdopted || writer.listEndpointsOfContainer(containerId).length > 0) return;
  if (sharersOf(writer, containerId).length === 0) writer.removeContainer(containerId);
}
