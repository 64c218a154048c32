/** A term that could mean several networks is refused, in the words of each route. */
import { expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';

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
