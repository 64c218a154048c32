/** docker-py, as Debian packages it (python3-docker), against vethd. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attempt } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';

/** Debian's, whatever other Python comes first in the PATH. */
const PYTHON = '/usr/bin/python3';

describeWith([PYTHON, '/usr/lib/python3/dist-packages/docker/__init__.py'], 'docker-py', () => {
  const daemon = daemonForFile();
  beforeAll(() => addNetns('red'));
  afterAll(() => removeNetns('red'));

  test('system, networks, members, containers, events', async () => {
    const script = join(import.meta.dirname, '../clients/networks.py');
    const ended = await attempt(PYTHON, ['-B', script], { env: daemon.dockerEnv });
    expect(ended).toEqual({
      exitCode: 0,
      stdout: ['system', 'networks', 'members', 'containers', 'events'].join('\n'),
      stderr: '',
    });
  });
});
