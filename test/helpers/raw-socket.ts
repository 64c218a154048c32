/** Connections to a Unix socket below HTTP. */
import { connect, type Socket } from 'node:net';

/** A connection, and what has come back on it so far. Not reading is the point of some tests: see `pause`. */
export interface RawConnection {
  readonly socket: Socket;
  /** Resolves with everything that came when the other side ends the connection. */
  readonly ended: Promise<string>;
}

/** Connects and sends `bytes`; rejects when nobody answers there. */
export function openRaw(socketPath: string, bytes: string | Uint8Array = ''): Promise<RawConnection> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let received = '';
    const ended = new Promise<string>((end) => {
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
      });
      socket.on('close', () => end(received));
    });
    socket.once('error', reject);
    socket.once('connect', () => {
      // A reset by the other side is how some of these connections are meant to end.
      socket.off('error', reject).on('error', () => socket.destroy());
      if (bytes.length > 0) socket.write(bytes);
      resolve({ socket, ended });
    });
  });
}
