import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { peerOf, peerOfSocket } from './peer.ts';

/** Both ends of a connection over a Unix socket. */
async function withConnection(look: (accepted: Socket) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'peer-'));
  const server = createServer().listen(join(folder, 's'));
  try {
    await once(server, 'listening');
    const client = connect(join(folder, 's'));
    const [accepted]: Socket[] = await once(server, 'connection');
    if (accepted === undefined) throw new Error('nothing was accepted');
    await look(accepted);
    client.destroy();
    accepted.destroy();
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

test('the peer of a Unix socket is the process that connected', async () => {
  await withConnection((accepted) => {
    expect(peerOfSocket(accepted)).toEqual({
      pid: process.pid,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    });
  });
});

test('a closed socket has no peer', async () => {
  await withConnection(async (accepted) => {
    accepted.destroy();
    await once(accepted, 'close');
    expect(peerOfSocket(accepted)).toBeUndefined();
  });
});

test('what is no socket is told in the words of the kernel', () => {
  expect(() => peerOf(0x7fff_fff0)).toThrow(/getsockopt: .*EBADF|getsockopt: bad file descriptor/i);
});
