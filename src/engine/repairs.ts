/** Drift that was mended, told as events `vethd repair`: what it was, and the command lines that did the same. */
import type { Repair } from '../reconcile/loop.ts';
import type { StoreReader } from '../store/contract.ts';
import type { EventDraft } from './carry-out.ts';
import type { EngineContext } from './context.ts';

/** A whole ruleset has hundreds of lines; an event tells how it begins. */
const MAX_CHARACTERS = 2_048;

function shorten(commands: readonly string[]): string {
  const text = commands.join('\n');
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)} …`;
}

/** What the object is, as a person calls it. */
function describeObject(store: StoreReader, id: string): Record<string, string> {
  const endpoint = store.getEndpoint(id);
  if (endpoint !== undefined) {
    const { containerId, networkId, veth } = endpoint;
    const container = store.getContainer(containerId)?.name ?? containerId;
    const network = store.getNetwork(networkId)?.name ?? networkId;
    return { what: 'endpoint', name: veth, container, network };
  }
  const network = store.getNetwork(id);
  if (network !== undefined) return { what: 'network', name: network.name };
  const container = store.getContainer(id);
  if (container !== undefined) return { what: 'container', name: container.name };
  return { what: id === 'host' || id === 'firewall' ? id : 'remains', name: '' };
}

function draftsOf(store: StoreReader, { object, commands, waitMs }: Repair): EventDraft[] {
  const attributes = describeObject(store, object);
  const how = shorten(commands);
  const event = { type: 'vethd', actorId: object } as const;
  const repair: EventDraft = { ...event, action: 'repair', attributes: { ...attributes, how } };
  if (waitMs === 0) return [repair];
  const wait = `${waitMs / 1_000} s`;
  const warning = `somebody undoes every repair: the next one waits ${wait}, later ones longer`;
  return [repair, { ...event, action: 'warning', attributes: { ...attributes, warning } }];
}

/** Stores and publishes an event for each repair, and a warning where the budget of repairs was spent. */
export async function tellRepairs(context: EngineContext, repairs: readonly Repair[]): Promise<void> {
  if (repairs.length === 0) return;
  const timeNano = context.now();
  const events = await context.store.write((writer) =>
    repairs
      .flatMap((repair) => draftsOf(writer, repair))
      .map((event) => writer.appendEvent({ ...event, timeNano })),
  );
  for (const event of events) context.publish(event);
}
