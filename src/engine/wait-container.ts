/** `POST /containers/{id}/wait`. */
import type { StoredEvent } from '../model/event.ts';
import type { EngineContext } from './context.ts';
import { findContainer } from './find.ts';

/** What a client can wait for. */
export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/** Calls `listener` for every event; gives the function that ends it. */
export type Subscribe = (listener: (event: StoredEvent) => void) => () => void;

function nextEvent(
  subscribe: Subscribe,
  id: string,
  actions: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<StoredEvent | undefined> {
  return new Promise((resolve) => {
    const end = (event: StoredEvent | undefined): void => {
      unsubscribe();
      signal.removeEventListener('abort', stop);
      resolve(event);
    };
    const stop = (): void => end(undefined);
    const unsubscribe = subscribe((event) => {
      if (event.type === 'container' && event.actorId === id && actions.has(event.action)) end(event);
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** Resolves with the exit code once the condition holds, or with 0 when `signal` ends the waiting. */
export async function waitContainer(
  context: EngineContext,
  subscribe: Subscribe,
  term: string,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<number> {
  const { container } = await findContainer(context, term);
  if (condition === 'not-running' && container.state !== 'running') return container.exitCode;
  const actions = new Set(condition === 'removed' ? ['destroy'] : ['die', 'destroy']);
  const event = await nextEvent(subscribe, container.id, actions, signal);
  const code = event?.attributes['exitCode'] ?? context.store.getContainer(container.id)?.exitCode ?? 0;
  return Number(code);
}
