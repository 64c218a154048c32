/** Links that were just made: marked as ours by their ifindex, never by a name that may be a stranger's. */
import { failpoint } from '../failpoint.ts';
import type { Link } from '../model/netstate.ts';
import { Batch } from './batch.ts';
import type { Refusal } from './codec/ack.ts';
import { encodeDeleteLink, encodeSetLink, encodeSetPort, NEWBORN_GROUP } from './codec/link.ts';
import type { KnownLink, Target } from './targets.ts';

/** A link whose creation was asked for. */
export interface Birth {
  /** The Operation's place. */
  readonly owner: number;
  readonly target: Target;
  readonly link: Link;
  readonly peer: { readonly target: Target; readonly link: Link } | undefined;
  /** As the creation echoed it; undefined where the kernel does not echo (before 6.2). */
  born: KnownLink | undefined;
}

function findBorn({ born, target, link }: Birth): KnownLink | undefined {
  const found = born ?? target.look({ ifname: link.ifname });
  return found?.group === NEWBORN_GROUP ? found : undefined;
}

/** The peer's link-local mode cannot be given at birth, and must be there before it comes up. */
function finishPeer({ owner, peer }: Birth, ifindex: number, batches: Map<Target, Batch>): void {
  if (peer === undefined) return;
  const { target, link } = peer;
  target.learn(link.ifname, { ifindex, peerIndex: 0, kind: 'veth', up: false, group: 0, alias: '' });
  if (link.addrGenMode === 'eui64') return;
  const batch = batches.get(target) ?? new Batch(target);
  batches.set(target, batch);
  batch.add(owner, encodeSetLink({ ifindex }, { addrGenMode: link.addrGenMode }));
}

/**
 * Gives the links of one namespace that were made what the kernel does not take at birth: alias, address
 * generation mode, port attributes and a bridge's MTU. A link that cannot be marked is deleted again. Tells
 * `onRefusal` of Operations that failed.
 */
export function finishBirths(
  births: readonly Birth[],
  onRefusal: (owner: number, refusal: Refusal) => void,
): void {
  if (births.length > 0) failpoint('birth.unmarked');
  const batches = new Map<Target, Batch>();
  const born = new Map<number, { readonly target: Target; readonly ifindex: number }>();
  for (const birth of births) {
    const { owner, target, link } = birth;
    const found = findBorn(birth);
    if (found === undefined) {
      onRefusal(owner, { errno: 'ENODEV', reason: `${link.ifname} was gone as soon as it was made` });
      continue;
    }
    const { ifindex } = found;
    target.learn(link.ifname, found);
    born.set(owner, { target, ifindex });
    const batch = batches.get(target) ?? new Batch(target);
    batches.set(target, batch);
    const marks = {
      alias: link.alias,
      group: 0,
      addrGenMode: link.addrGenMode,
      ...(link.kind === 'bridge' && link.mtu !== 0 ? { mtu: link.mtu } : {}),
    };
    batch.add(owner, encodeSetLink({ ifindex }, marks));
    if (link.port !== undefined) batch.add(owner, encodeSetPort({ ifindex }, link.port));
    finishPeer(birth, found.peerIndex, batches);
  }
  for (const batch of batches.values()) {
    batch.send((owner, refusal) => {
      onRefusal(owner, refusal);
      const link = born.get(owner);
      link?.target.socket.transact([encodeDeleteLink({ ifindex: link.ifindex })]);
      born.delete(owner);
    });
  }
}
