/** `POST /containers/{id}/wait`. */
import type { StoredEvent } from '../model/event.ts';
import type { EngineContext } from './context.ts';
import { findContainer } from './find.ts';

/** What a client can wait for. */
export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

/** Calls `listener` for every event; gives the function that ends it. */
export type Subscribe = (listener: (event: StoredEvent) => void) => () => void;

/** Waits for the first of `actions`; gives the exit code that the last `die` told, or else `exitCode`. */
function waitForEvent(
  subscribe: Subscribe,
  id: string,
  actions: ReadonlySet<string>,
  exitCode: number,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve) => {
    let code = exitCode;
    const end = (): void => {
      unsubscribe();
      signal.removeEventListener('abort', end);
      resolve(code);
    };
    const unsubscribe = subscribe(({ type, actorId, action, attributes }) => {
      if (type !== 'container' || actorId !== id) return;
      if (action === 'die') code = Number(attributes['exitCode'] ?? 0);
      if (actions.has(action)) end();
    });
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Resolves with the exit code once the condition holds, or when `signal` ends the waiting. */
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
  return waitForEvent(subscribe, container.id, actions, container.exitCode, signal);
}
