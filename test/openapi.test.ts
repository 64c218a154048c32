/** The OpenAPI document is one, by the judgement of somebody else's validator. `scripts/setup test` installs it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attempt } from './helpers/commands.ts';

const repository = join(import.meta.dirname, '..');
const clients = join(import.meta.dirname, 'clients');
const isInstalled = existsSync(join(clients, 'node_modules/@seriousme/openapi-schema-validator'));
const note = isInstalled ? '' : ' (no validator installed here: npm ci in test/clients)';

test.skipIf(!isInstalled)(`openapi/vethd.yaml is valid${note}`, { timeout: 60_000 }, async () => {
  const script = join(clients, 'validate-openapi.js');
  const ended = await attempt(process.execPath, [script, join(repository, 'openapi/vethd.yaml')]);
  expect(ended).toEqual({ exitCode: 0, stdout: '', stderr: '' });
});
