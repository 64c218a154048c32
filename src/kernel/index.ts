/**
 * The seam to the kernel. Behind it one thread speaks rtnetlink and enters namespaces; this side, in the
 * daemon's thread, only posts calls and receives answers. It never changes namespace.
 */
import { VethdError } from '../errors.ts';
import { overlaps } from '../model/address.ts';
import type { Capability, Kernel } from './contract.ts';
import { Handover } from './handover.ts';
import { hostOnLinkRoutes } from './host-routes.ts';
import { Namespaces } from './netns.ts';
import { observeInParts } from './observe-parts.ts';
import { startProgram } from './program.ts';
import { startKernelThread, startThread } from './thread.ts';
import { ThreadClient } from './thread-client.ts';
import { fromWire, type ThreadOptions } from './wire.ts';

/** Where namespaces are found, or the thread that was told before, and whom to tell of the end. */
export interface KernelOptions extends Partial<ThreadOptions> {
  /** Of a thread that was started before, which was given the folders then. */
  readonly thread?: ThreadClient;
  /**
   * The kernel thread has ended unasked: no call will succeed any more, and the process should end. Without
   * it the error is thrown where nobody catches it.
   */
  readonly onFatal?: (error: Error) => void;
}

function startError(error: VethdError): VethdError {
  if (error.errno !== 'EPERM' && error.errno !== 'EACCES') return error;
  const message = `no right to change the network (${error.message}): want root, or CAP_NET_ADMIN and CAP_SYS_ADMIN`;
  return new VethdError('unavailable', message, { cause: error, errno: error.errno });
}

/**
 * Starts the kernel thread in the namespace of the calling process, which from then on is "the host's", and clears away
 * what a crash left half made there: no other daemon may be at work in it. Throws
 * unavailable where the kernel refuses the first socket, for want of CAP_NET_ADMIN for instance.
 */
export async function openKernel({ onFatal, ...options }: KernelOptions = {}): Promise<Kernel> {
  const thread = options.thread ?? new ThreadClient(startKernelThread(options));
  if (onFatal !== undefined) thread.onFatal = onFatal;
  const namespaces = new Namespaces(thread.options);
  const handover = new Handover(namespaces);
  const ready = await thread.started();
  if (ready.type === 'failed') throw startError(fromWire(ready.error));
  if (ready.type !== 'ready') throw new Error(`the kernel thread began with ${ready.type}`);
  await thread.call('clear');
  return {
    bootId: ready.bootId,
    hostIdentity: ready.hostIdentity,
    probeNetns: (ref) => thread.call('probeNetns', ref),
    lookAtNetns: (ref) => handover.probe(ref),
    visitNetns: (ref) => thread.call('visitNetns', ref),
    listNetnsNames: () => thread.call('listNetnsNames'),
    bindNetns: (ref, identity, name) => thread.call('bindNetns', ref, identity, name),
    nsidOf: (ref) => thread.call('nsidOf', ref),
    findProcess: (nsid) => thread.call('findProcess', nsid),
    listOnLinkPrefixes: async (families) => [
      ...(families.includes('ipv4') ? hostOnLinkRoutes().map(({ destination }) => destination) : []),
      ...(families.includes('ipv6') ? await thread.call('listOnLinkPrefixes') : []),
    ],
    findOnLinkRoutes: async (prefixes) => [
      ...hostOnLinkRoutes().filter(({ destination }) => prefixes.some((one) => overlaps(one, destination))),
      ...(prefixes.some(({ address }) => address.family === 'ipv6')
        ? await thread.call('findOnLinkRoutes', prefixes)
        : []),
    ],
    observe: (request) => observeInParts((...part) => thread.call('observe', ...part), request),
    prepare: (preparation) => thread.prepare(preparation, handover.take(preparation)),
    apply: (request) => thread.call('apply', request, handover.take(request)),
    reap: () => thread.call('reap'),
    watch: (listener) => {
      thread.listen(listener);
      return thread.call('watch');
    },
    firewallGeneration: () => thread.call('firewallGeneration'),
    isFirewallAt: (generation) => thread.call('isFirewallAt', generation),
    watchProcess: (pid) => thread.call('watchProcess', pid),
    openDnsSockets: (ref, identity) => thread.call('openDnsSockets', ref, identity),
    startProgram: async (ref, identity, spec) =>
      startProgram(await thread.call('openNetns', ref, identity), spec),
    close: async () => {
      await thread.close();
      handover.close();
      namespaces.close();
    },
  };
}

/** Tries in a scratch namespace what the kernel can do; changes nothing outside it. */
export function probeCapabilities(): Promise<readonly Capability[]> {
  return new Promise((resolve, reject) => {
    const worker = startThread('capabilities', undefined);
    worker.once('message', (capabilities: readonly Capability[]) => resolve(capabilities));
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the probing thread ended without an answer')));
  });
}
