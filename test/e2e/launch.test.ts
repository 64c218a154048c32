/** The programs of the build: V8 takes over what it made of each of them then, under the flags that it is started with. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { attempt } from '../helpers/commands.ts';

/** The flags of Node in the first line of a starter. */
function flagsOf(starter: string): string[] {
  const [first = ''] = readFileSync(`bin/${starter}`, 'utf8').split('\n');
  return first.split(' ').filter((word) => word.startsWith('--'));
}

/** Whether V8 took it over, and what the program says of its version. */
async function launched(name: string, flags: readonly string[]): Promise<[taken: string, said: string]> {
  const code = `console.error(require('./dist/program/launch.cjs').launch('${name}'))`;
  const { stdout, stderr } = await attempt(process.execPath, [...flags, '-e', code, name, '--version']);
  return [stderr.trim(), stdout.trim()];
}

test.each([
  ['main', 'vethd', 'vethd'],
  ['daemon', 'vethd', ''],
  ['vethctl', 'vethctl', 'vethctl'],
  ['worker', 'vethd', ''],
  ['capabilities', 'vethd', ''],
])('%s is taken over', async (name, starter, said) => {
  const [taken, version] = await launched(name, flagsOf(starter));
  expect([taken, version.split(' ')[0]]).toEqual(['true', said]);
});

test('under other flags it is parsed anew, and runs as well', async () => {
  expect(await launched('main', ['--max-lazy'])).toEqual(['false', expect.stringMatching(/^vethd \d/)]);
});

test('of Node, loading the daemon loads nothing that only others than vethd use', async () => {
  const code = `require('./dist/program/launch.cjs').launch('daemon');
    console.log(process.moduleLoadList.join());`;
  const { stdout } = await attempt(process.execPath, [...flagsOf('vethd'), '-e', code]);
  const loaded = stdout.split(',');
  expect(loaded).toContain('NativeModule http');
  expect(loaded.filter((name) => /^NativeModule (?:https|http2|zlib)$/.test(name))).toEqual([]);
});
