/** `vethctl purge`: afterwards the host is as before the first start, with and without a daemon that runs. */
import { existsSync, readdirSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { Daemon } from '../helpers/daemon.ts';
import { addNetns, ip, removeNetns } from '../helpers/host.ts';
import { difference, world } from '../helpers/world.ts';

const daemon = new Daemon();

afterAll(async () => {
  await daemon.dispose();
  await removeNetns('mine').catch(() => undefined);
});

async function use(): Promise<void> {
  await daemon.start();
  await daemon.call('POST', '/networks/create', { Name: 'lab', EnableIPv6: true });
  await daemon.call('POST', '/networks/lab/connect', { Container: 'mine' });
  await daemon.call('POST', '/containers/create?name=man', { HostConfig: { NetworkMode: 'lab' } });
  await daemon.call('POST', '/containers/man/start');
}

/** Of a namespace that is somebody else's only lo remains up: nobody else may rely on it being down. */
function withoutLoopback(lines: readonly string[]): readonly string[] {
  return lines.filter(
    (line) => !/^mine: .*(?:"lo"|127\.0\.0\.1|::1)/.test(line) && !line.includes(' lo local='),
  );
}

describe('purge', () => {
  test.each([
    ['a running daemon', async () => undefined],
    ['a daemon that was killed', () => daemon.kill()],
  ])('leaves nothing of %s', async (_, before) => {
    if (!existsSync('/run/netns/mine')) await addNetns('mine');
    await ip(['-n', 'mine', 'link', 'set', 'lo', 'up']);
    const clean = await world();
    await use();
    await before();
    await daemon.vethctl('purge', '--force', '--state-dir', daemon.stateDir);
    expect(difference(withoutLoopback(clean), withoutLoopback(await world()))).toEqual([]);
    expect(existsSync(daemon.stateDir)).toBe(false);
    expect(existsSync(daemon.socket)).toBe(false);
    expect(existsSync('/etc/netns') ? readdirSync('/etc/netns') : []).toEqual([]);
    await daemon.kill();
  });
});
