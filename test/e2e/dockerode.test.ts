/** dockerode, as it is, against vethd. It is installed by `scripts/setup test` beside the daemon's own packages. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attempt } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';

const clients = join(import.meta.dirname, '../clients');
const isInstalled = existsSync(join(clients, 'node_modules/dockerode'));
const describeIfInstalled = isInstalled ? describe : describe.skip;

describeIfInstalled(`dockerode${isInstalled ? '' : ' (not installed here: npm ci in test/clients)'}`, () => {
  const daemon = daemonForFile();
  beforeAll(() => addNetns('red'));
  afterAll(() => removeNetns('red'));

  test('system, networks, members, containers, events', async () => {
    const ended = await attempt(process.execPath, [join(clients, 'dockerode.js')], { env: daemon.dockerEnv });
    expect(ended).toEqual({
      exitCode: 0,
      stdout: ['system', 'networks', 'members', 'containers', 'events'].join('\n'),
      stderr: '',
    });
  });
});
