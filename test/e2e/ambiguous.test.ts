/** Terms that could mean several things: refused in the words of each route, or the nearest meaning wins. */
import { expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';

const daemon = daemonForFile();
/** More than there are hexadecimal digits: two ids begin alike. */
const NETWORKS = 17;

test('an id prefix of several networks is ambiguous; a name equal to it wins', async () => {
  const ids: string[] = [];
  for (let index = 0; index < NETWORKS; index++) {
    ids.push((await daemon.call('POST', '/networks/create', { Name: `many-${index}` })).Id);
  }
  const known: string[] = (await daemon.call('GET', '/networks')).map(({ Id }: { Id: string }) => Id);
  const digit = ids.map((id) => id.slice(0, 1)).find((first, at, all) => all.indexOf(first) !== at) ?? '';
  const count = known.filter((id) => id.startsWith(digit)).length;
  const inspect = await daemon.request('GET', `/networks/${digit}`);
  expect([inspect.status, inspect.body.message]).toEqual([
    400,
    `${count} matches found based on ID prefix: network ${digit} is ambiguous`,
  ]);
  const remove = await daemon.request('DELETE', `/networks/${digit}`);
  expect([remove.status, remove.body.message]).toEqual([
    400,
    `network ${digit} is ambiguous (${count} matches found based on ID prefix)`,
  ]);
  const named = await daemon.call('POST', '/networks/create', { Name: digit });
  expect((await daemon.call('GET', `/networks/${digit}`)).Id).toBe(named.Id);
  await daemon.call('POST', '/networks/prune');
});

test('a namespace that nobody adopted goes before a container whose id begins with its name', async () => {
  await daemon.call('POST', '/networks/create', { Name: 'letters' });
  await addNetns('first');
  await daemon.call('POST', '/networks/letters/connect', { Container: 'first' });
  const { Id: id } = await daemon.call('GET', '/containers/first/json');
  const digit = id.slice(0, 1);
  expect((await daemon.call('GET', `/containers/${digit}/json`)).Name).toBe('/first');
  await addNetns(digit);
  const body = { Container: digit };
  const early = await daemon.request('POST', '/networks/letters/disconnect', body);
  expect([early.status, early.body.message]).toEqual([
    500,
    expect.stringMatching(/^container [0-9a-f]{64} is not connected to network letters$/),
  ]);
  expect(early.body.message).not.toContain(id);
  await daemon.call('POST', '/networks/letters/connect', body);
  const { Containers: members } = await daemon.call('GET', '/networks/letters');
  const names = Object.values<{ Name: string }>(members).map(({ Name }) => Name);
  expect(names.sort()).toEqual([digit, 'first'].sort());
  for (const name of ['first', digit]) {
    await daemon.call('POST', '/networks/letters/disconnect', { Container: name });
    await removeNetns(name);
  }
  await daemon.call('DELETE', '/networks/letters');
});
