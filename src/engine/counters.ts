/** Counters of a container's interfaces, for `GET /containers/{id}/stats`. */
import { VethdError } from '../errors.ts';
import type { Container } from '../model/container.ts';
import type { LinkCounters } from '../model/netstate.ts';
import { netnsRefOf } from '../reconcile/desired.ts';
import type { EngineContext } from './context.ts';
import { findContainer } from './find.ts';
import { isRunning } from './running.ts';

/** Whose namespace it is: its own or that of the container it shares. */
function ownerOf(context: EngineContext, container: Container): Container {
  if (container.source.kind !== 'shared') return container;
  return context.store.getContainer(container.source.containerId) ?? container;
}

/** By name inside, lo left out; empty where the container does not run or has the host's namespace. */
export async function containerCounters(
  context: EngineContext,
  term: string,
): Promise<ReadonlyMap<string, LinkCounters>> {
  const owner = ownerOf(context, (await findContainer(context, term)).container);
  const ref = netnsRefOf(owner);
  if (ref === undefined || !isRunning(owner)) return new Map();
  const key = owner.id;
  const request = {
    host: [],
    hostSysctls: [],
    netns: [{ key, ref, sysctls: [] }],
    scanNames: false,
    counters: true,
  };
  const found = (await context.kernel.observe(request)).netns.get(key);
  if (found === undefined || found.status !== 'present') {
    throw new VethdError(
      'conflict',
      `the namespace of container ${owner.name} is not there: ${found?.reason ?? ''}`,
    );
  }
  const links = found.state.links.filter(({ ifname }) => ifname !== 'lo');
  return new Map(links.map(({ ifname, counters }) => [ifname, counters]));
}
