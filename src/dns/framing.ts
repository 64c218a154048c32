/** DNS over TCP: each message is led by its length in two bytes (RFC 1035 §4.2.2). */

/** The message with its length before it. Messages have at most 65,535 bytes. */
export function frame(message: Uint8Array): Uint8Array {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/**
 * Gives a function that takes a stream's chunks as they come and gives the whole messages in them. Holds at
 * most one unfinished message (65,537 bytes) and the last chunk.
 */
export function createUnframer(): (chunk: Uint8Array) => Uint8Array[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const messages: Uint8Array[] = [];
    let offset = 0;
    while (rest.length - offset >= 2) {
      const end = offset + 2 + rest.readUInt16BE(offset);
      if (end > rest.length) break;
      messages.push(rest.subarray(offset + 2, end));
      offset = end;
    }
    rest = rest.subarray(offset);
    return messages;
  };
}
