/** DNS over TCP: each message is led by its length in two bytes (RFC 1035 §4.2.2). */

/** The message with its length before it. Messages have at most 65,535 bytes. */
export function frame(message: Uint8Array): Uint8Array {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/**
 * Gives a function that takes a stream's chunks as they come and gives the whole messages in them, each when it is
 * asked for: what is not taken comes first next time. Holds at most the bytes that were not taken, one unfinished
 * message (65,537 bytes) and the last chunk.
 */
export function createUnframer(): (chunk: Uint8Array) => IterableIterator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);

  function* whole(): Generator<Uint8Array> {
    while (rest.length >= 2) {
      const end = 2 + rest.readUInt16BE(0);
      if (end > rest.length) return;
      const message = rest.subarray(2, end);
      rest = rest.subarray(end);
      yield message;
    }
  }

  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    return whole();
  };
}
