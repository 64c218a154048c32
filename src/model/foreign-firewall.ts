/** What other programs' firewalls do with forwarded packets. */

import type { Family } from './address.ts';

/** A base chain on the forward hook. */
export interface ForeignForwardChain {
  readonly family: 'ip' | 'ip6' | 'inet';
  readonly table: string;
  readonly chain: string;
  readonly policy: 'accept' | 'drop';
  /** Interfaces for which a rule of it (or of Docker's chain for users) accepts both ways. */
  readonly accepts: readonly string[];
  /** Whether Docker's chain for users accepts what bears FORWARD_MARK; not unless said. */
  readonly acceptsMarked?: boolean;
  /** Of the older iptables, which nft does not see. */
  readonly legacy: boolean;
}

/** Other programs' firewalls, as far as they concern us. */
export interface ForeignFirewall {
  readonly forwardChains: readonly ForeignForwardChain[];
  /** Families whose filter table has Docker's chain for users' rules. */
  readonly dockerUser: readonly string[];
  /** Families whose filter table has chains of ufw. */
  readonly ufw: readonly string[];
  readonly firewalld: boolean;
  /** Families in which another program translates what leaves the host: it forwards for bridges of its own. */
  readonly translates: readonly Family[];
}
