/**
 * Deletes links that wait for it, behind everything else. A deletion waits 20 to 40 ms in the kernel for grace
 * periods, one or many links alike, and mostly without holding the lock that other changes need. So it is sent
 * from a pool thread, as a whole group; requests that come meanwhile share the next one.
 */
import { VethdError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import { RETIRED_GROUP } from '../model/netstate.ts';
import { decodeAck } from './codec/ack.ts';
import { encodeDeleteGroup, NEWBORN_GROUP } from './codec/link.ts';
import { decodeMessages, encodeMessage } from './codec/message.ts';
import { receive, sendBehind } from './libc.ts';
import { NetlinkSocket } from './socket.ts';

/** An acknowledgement with the kernel's words. */
const ACK_BYTES = 4096;

/** The one that deletes; opened in the host's namespace, which its socket keeps. */
export class Reaper {
  readonly #socket = new NetlinkSocket();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /**
   * Deletes what a crash left between a link's birth and its marking. At once and on this thread: later, the
   * group may hold a link that is being made.
   */
  deleteNewborn(): void {
    this.#socket.transact([encodeDeleteGroup(NEWBORN_GROUP)]);
  }

  /** Resolves when the links marked before the call are gone. */
  reap(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    // The one that runs may have passed a link marked just now; one more serves all who ask until it starts.
    this.#next = this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return this.#next;
  }

  /** Closes the socket once nothing runs. */
  async close(): Promise<void> {
    for (let last = this.#running; last !== undefined; last = this.#next ?? this.#running) {
      await last.catch(() => undefined);
    }
    this.#socket.close();
  }

  #startNext(): Promise<void> {
    this.#next = undefined;
    return this.#start();
  }

  #start(): Promise<void> {
    const run = this.#run().finally(() => {
      this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  async #run(): Promise<void> {
    const { fd } = this.#socket;
    failpoint('reap.begin');
    await sendBehind(fd, encodeMessage(encodeDeleteGroup(RETIRED_GROUP), 0));
    failpoint('reap.done');
    const answer = Buffer.alloc(ACK_BYTES);
    const bytes = receive(fd, answer, 0);
    for (const message of decodeMessages(answer.subarray(0, bytes))) {
      const refusal = decodeAck(message);
      // ENODEV: the group is empty.
      if (refusal === undefined || refusal.errno === 'ENODEV') continue;
      throw new VethdError('unavailable', `deleting retired links: ${refusal.reason}`, {
        errno: refusal.errno,
      });
    }
  }
}
