/** The host's ports, as far as publishing cares about them. */
import type { Address } from './address.ts';
import type { Protocol } from './endpoint.ts';

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A port of the host that a program listens on; an address of `0.0.0.0` or `::` stands for all. */
export interface HostListener {
  readonly protocol: Protocol;
  readonly address: Address;
  readonly port: number;
}
