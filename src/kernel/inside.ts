/** What the kernel thread does with a namespace besides netlink: handing out descriptors that belong to it. */
import { closeSync } from 'node:fs';
import { VethdError } from '../errors.ts';
import type { NetnsIdentity } from '../model/container.ts';
import type { DnsSockets, NetnsRef } from './contract.ts';
import { openDnsSockets } from './dns-sockets.ts';
import type { Namespaces } from './netns.ts';

/**
 * Opens the namespace if it is still the one that is meant. The caller closes the descriptor, in whatever thread:
 * it is the process's. Throws notFound when there is none or another one, invalidArgument when it must not be
 * entered.
 */
export function openSameNetns(namespaces: Namespaces, ref: NetnsRef, identity: NetnsIdentity): number {
  const opened = namespaces.open(ref);
  if (opened.status !== 'present') {
    throw new VethdError(opened.status === 'refused' ? 'invalidArgument' : 'notFound', opened.reason);
  }
  const { fd, identity: found } = opened;
  if (found.inode === identity.inode && found.bootId === identity.bootId) return fd;
  closeSync(fd);
  throw new VethdError('notFound', 'the namespace is another one by now', { errno: 'ESTALE' });
}

/** Opens the resolver's sockets in the namespace; errors as of `openSameNetns` and `openDnsSockets`. */
export function openDnsSocketsIn(namespaces: Namespaces, ref: NetnsRef, identity: NetnsIdentity): DnsSockets {
  const fd = openSameNetns(namespaces, ref, identity);
  try {
    return namespaces.within(fd, openDnsSockets);
  } finally {
    closeSync(fd);
  }
}
