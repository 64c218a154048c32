/** Which events a client wants: keys are AND-ed, values of one key OR-ed. */
import type { Filters } from '../../engine/contract.ts';
import { hasLabel } from '../../engine/filters.ts';
import type { StoredEvent } from '../../model/event.ts';

// moby: daemon/events/filter.go. Those of objects that vethd has not are known, and match nothing.
const BY_ACTOR = [
  'container',
  'network',
  'daemon',
  'vethd',
  'plugin',
  'volume',
  'service',
  'node',
  'secret',
  'config',
];

/** The keys that `GET /events` knows. */
export const EVENT_FILTERS: ReadonlySet<string> = new Set([
  'type',
  'event',
  'scope',
  'label',
  'image',
  ...BY_ACTOR,
]);

/** `exec_create` and `exec_start` carry the command after a colon, so the bare word matches what begins with it. */
function isAction(action: string, wanted: string): boolean {
  return action === wanted || (/^exec_(?:create|start)$/.test(wanted) && action.startsWith(`${wanted}:`));
}

function matches(event: StoredEvent, key: string, wanted: string): boolean {
  switch (key) {
    case 'type':
      return event.type === wanted;
    case 'event':
      return isAction(event.action, wanted);
    case 'scope':
      return wanted === 'local';
    case 'image':
      return event.attributes['image'] === wanted;
    default:
      return event.actorId.startsWith(wanted) || (event.attributes['name'] ?? '').startsWith(wanted);
  }
}

/** Whether an event passes the filters. Labels are AND-ed among themselves. */
export function passes(event: StoredEvent, filters: Filters): boolean {
  for (const [key, values] of filters) {
    if (values.length === 0) continue;
    const passed =
      key === 'label'
        ? values.every((wanted) => hasLabel(event.attributes, wanted))
        : values.some((wanted) => matches(event, key, wanted));
    if (!passed) return false;
  }
  return true;
}
