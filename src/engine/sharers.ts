/** Who lives in whose namespace (network mode `container:X`). */
import type { Container } from '../model/container.ts';
import type { StoreReader } from '../store/contract.ts';

/** The containers that live in this one's namespace (network mode `container:X`). */
export function sharersOf(reader: StoreReader, containerId: string): Container[] {
  return reader.listContainersSharing(containerId);
}
