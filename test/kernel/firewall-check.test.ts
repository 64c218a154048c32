/** Every golden ruleset is one that nft and this kernel take, and take a second time. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { attempt } from '../helpers/commands.ts';
import '../helpers/host.ts';

const folder = new URL('../golden/nft/', import.meta.url);

describe('nft takes', () => {
  test.for(readdirSync(folder).sort())('%s', async (name) => {
    const input = readFileSync(new URL(name, folder), 'utf8');
    for (const args of [
      ['--check', '-f', '-'],
      ['-f', '-'],
      ['-f', '-'],
    ]) {
      expect(await attempt('nft', args, { input })).toMatchObject({ exitCode: 0, stderr: '' });
    }
  });
});
