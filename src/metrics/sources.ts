/** Where figures come from that nobody tells of. */
import type { ApiLoad } from '../api/context.ts';
import type { AddressPool } from '../model/network.ts';
import type { StoreReader } from '../store/contract.ts';

/** What the figures are read from when somebody asks. */
export interface MetricsSources {
  readonly store: StoreReader;
  /** Pools of automatic subnets. */
  readonly addressPools: readonly AddressPool[];
  /** Of every application that listens. */
  readonly loads: readonly ApiLoad[];
  readonly passesWaiting: () => number;
}
