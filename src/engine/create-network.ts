/** `POST /networks/create`. */
import { bridgeName } from '../drivers/bridge.ts';
import { VethdError } from '../errors.ts';
import type { HostRoute } from '../kernel/contract.ts';
import { formatPrefix, overlaps } from '../model/address.ts';
import type { Network, NetworkSpec } from '../model/network.ts';
import { driverNetworkOf } from '../reconcile/desired.ts';
import { scopeOf } from '../reconcile/scope.ts';
import type { StoreReader } from '../store/contract.ts';
import { carryOut, type EventDraft } from './carry-out.ts';
import { type EngineContext, formatTime, newId } from './context.ts';
import type { Mode, Outcome } from './contract.ts';

/** What `POST /networks/create` answers. */
export interface CreatedNetwork {
  readonly id: string;
  readonly warning: string;
}

function checkBridgeName(reader: StoreReader, network: Network): void {
  const name = bridgeName(driverNetworkOf(network));
  const holder = reader
    .listNetworks()
    .find((other) => other.driver === 'bridge' && !other.configOnly && bridgeName(driverNetworkOf(other)) === name);
  if (holder === undefined) return;
  throw new VethdError(
    'forbidden',
    `cannot create network ${network.id} (${name}): conflicts with network ${holder.id} (${name}): networks have same bridge name`,
  );
}
