/**
 * Writes lines to one reader, who may be slow: what he has not taken waits in a bounded queue, and when that is
 * full he is cut off. Whoever makes the lines never waits.
 */
import type { Writable } from 'node:stream';
import { endWithConnection } from '../long-answer.ts';

/** What may wait for a reader. */
export interface QueueLimits {
  readonly streamEvents: number;
  readonly streamBytes: number;
}

/** The lines to one reader. */
export interface LineStream {
  /** Adds a line, or cuts the reader off when too much waits. */
  push(line: string): void;
  /** Ends the answer once everything waiting is written; later lines are dropped. */
  end(): void;
  /** Ends the answer and its connection now; a reader who is behind is cut off. */
  close(): void;
}

/** Lines to `sink`, first those of `backlog`, which do not count against the limits. */
export function createLineStream(sink: Writable, backlog: Iterable<string>, limits: QueueLimits): LineStream {
  const past = backlog[Symbol.iterator]();
  const queue: string[] = [];
  let queuedBytes = 0;
  let isBlocked = false;
  let isEnding = false;

  function next(): string | undefined {
    const old = past.next();
    if (old.done !== true) return old.value;
    const line = queue.shift();
    queuedBytes -= line === undefined ? 0 : Buffer.byteLength(line);
    return line;
  }

  function pump(): void {
    if (sink.destroyed || sink.writableEnded) return;
    while (!isBlocked) {
      const line = next();
      if (line === undefined) break;
      isBlocked = !sink.write(line);
    }
    if (isBlocked) sink.once('drain', resume);
    else if (isEnding) sink.end();
  }

  function resume(): void {
    isBlocked = false;
    pump();
  }

  pump();
  return {
    push: (line) => {
      if (isEnding || sink.destroyed) return;
      queue.push(line);
      queuedBytes += Buffer.byteLength(line);
      if (queue.length > limits.streamEvents || queuedBytes > limits.streamBytes) sink.destroy();
      else if (!isBlocked) pump();
    },
    end: () => {
      if (isEnding) return;
      isEnding = true;
      if (!isBlocked) pump();
    },
    close: () => {
      if (isBlocked) sink.destroy();
      else endWithConnection(sink);
    },
  };
}
