/** A Linux bridge takes 1,023 ports: the next member is refused before anything is touched. */
import { expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, removeNetns, snapshot } from '../helpers/host.ts';

const daemon = daemonForFile();
const PORTS = 1023;

test('the 1,024th endpoint is refused, names the reason and changes nothing', async () => {
  await daemon.call('POST', '/networks/create', {
    Name: 'big',
    IPAM: { Config: [{ Subnet: '10.90.0.0/16' }] },
  });
  // Containers that were never started hold their place and address, and cost the kernel nothing.
  const names = Array.from({ length: PORTS }, (_, index) => `member-${index}`);
  for (let from = 0; from < PORTS; from += 64) {
    await Promise.all(
      names
        .slice(from, from + 64)
        .map((name) =>
          daemon.call('POST', `/containers/create?name=${name}`, { HostConfig: { NetworkMode: 'big' } }),
        ),
    );
  }
  await addNetns('late');
  const before = await snapshot();
  const answer = await daemon.request('POST', '/networks/big/connect', { Container: 'late' });
  expect(answer.status).toBe(403);
  expect(answer.body.message).toContain('network big is full: a Linux bridge takes 1023 ports');
  expect(await snapshot()).toEqual(before);
  expect((await daemon.call('GET', '/networks/big')).Containers).toEqual({});
  await daemon.call('DELETE', '/containers/member-0');
  await daemon.call('POST', '/networks/big/connect', { Container: 'late' });
  await daemon.call('POST', '/networks/big/disconnect', { Container: 'late' });
  await daemon.call('POST', '/containers/prune');
  await daemon.call('DELETE', '/networks/big');
  await removeNetns('late');
});
