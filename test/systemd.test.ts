import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attempt } from './helpers/commands.ts';
import { describeWith } from './helpers/describe-with.ts';

/** In tenths. Dockerd's and podman's units are at 96. */
const exposureAtMost = 44;

describeWith(['systemd-analyze'], 'the units', () => {
  test(`exposure of vethd.service is at most ${exposureAtMost / 10}`, async () => {
    const ended = await attempt('systemd-analyze', [
      'security',
      '--no-pager',
      '--offline=true',
      `--threshold=${exposureAtMost}`,
      './systemd/vethd.service',
    ]);
    expect(ended.exitCode, ended.stdout).toBe(0);
  });

  test('systemd understands every line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vethd-units-'));
    try {
      for (const unit of ['vethd.service', 'vethd.socket']) {
        // The program's path is the package's; here any program that exists will do.
        const text = readFileSync(`systemd/${unit}`, 'utf8').replace(
          /^ExecStart=.*$/m,
          'ExecStart=/bin/true',
        );
        writeFileSync(join(folder, unit), text);
      }
      const units = [join(folder, 'vethd.service'), join(folder, 'vethd.socket')];
      const ended = await attempt('systemd-analyze', ['verify', '--man=no', ...units]);
      expect(ended.stderr).toBe('');
      expect(ended.exitCode).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
