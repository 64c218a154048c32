/** resolv.conf files of namespaces on a real file system: ours, others', and what is put in the way. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatResolvConf, parseResolvConf, RESOLV_CONF_MARK } from '../../src/dns/resolv-conf.ts';
import { createResolvConfFiles, type ResolvConfFiles, watchFile } from '../../src/kernel/resolv-conf.ts';

const TEXT = formatResolvConf({ search: ['example'], options: [] });

let root: string;
let folder: string;
let files: ResolvConfFiles;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vethd-resolv-'));
  folder = join(root, 'netns');
  files = createResolvConfFiles(folder, RESOLV_CONF_MARK);
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

const path = (name: string) => join(folder, name, 'resolv.conf');

describe('ours', () => {
  test('is absent, written, replaced, removed with its folder', () => {
    expect(files.list()).toEqual([]);
    expect(files.keep('web1', TEXT)).toBe('written');
    expect(files.keep('web1', TEXT)).toBe('kept');
    expect(readFileSync(path('web1'), 'utf8')).toBe(TEXT);
    expect(files.list()).toEqual(['web1']);
    const other = TEXT.replace('example', 'example.org');
    expect(files.keep('web1', other)).toBe('written');
    expect(readFileSync(path('web1'), 'utf8')).toBe(other);
    expect(readdirSync(join(folder, 'web1'))).toEqual(['resolv.conf']);
    files.remove('web1');
    expect(readdirSync(folder)).toEqual([]);
    files.removeFolder();
    expect(existsSync(folder)).toBe(false);
  });

  test('modes do not depend on our umask', () => {
    const before = process.umask(0o077);
    files.keep('web1', TEXT);
    process.umask(before);
    const modes = [folder, join(folder, 'web1'), path('web1')].map((file) => statSync(file).mode & 0o777);
    expect(modes).toEqual([0o755, 0o755, 0o644]);
  });

  test('the modes of folders that are there stay', () => {
    mkdirSync(join(folder, 'web1'), { recursive: true });
    chmodSync(join(folder, 'web1'), 0o700);
    files.keep('web1', TEXT);
    expect(statSync(join(folder, 'web1')).mode & 0o777).toBe(0o700);
  });

  test('what else is in the folder stays', () => {
    files.keep('web1', TEXT);
    writeFileSync(join(folder, 'web1', 'hosts'), '127.0.0.1 localhost\n');
    files.remove('web1');
    expect(readdirSync(join(folder, 'web1'))).toEqual(['hosts']);
    files.removeFolder();
    expect(existsSync(folder)).toBe(true);
  });

  const left = () => join(folder, '.web1.resolv.conf.vethd');

  test('a file that a crash left half made does not matter', () => {
    mkdirSync(join(folder, 'web1'), { recursive: true });
    writeFileSync(left(), 'half');
    files.keep('web1', TEXT);
    expect([readdirSync(folder), readdirSync(join(folder, 'web1'))]).toEqual([['web1'], ['resolv.conf']]);
  });

  test.each<[string, () => void]>([
    ['before its folder was made', () => mkdirSync(folder)],
    ['while its folder was empty', () => mkdirSync(join(folder, 'web1'), { recursive: true })],
    ['before it replaced another', () => files.keep('web1', TEXT)],
  ])('what a crash left %s is listed, and removed with it', (_when, make) => {
    make();
    writeFileSync(left(), TEXT);
    expect(files.list()).toEqual(['web1']);
    files.remove('web1');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('what a crash left of one whose folder has other files goes alone', () => {
    mkdirSync(join(folder, 'web1'), { recursive: true });
    writeFileSync(join(folder, 'web1', 'hosts'), '127.0.0.1 localhost\n');
    writeFileSync(left(), TEXT);
    files.remove('web1');
    expect([readdirSync(folder), readdirSync(join(folder, 'web1'))]).toEqual([['web1'], ['hosts']]);
  });
});

test('an empty file is written to, but never removed: it may be what a power cut left, or a user’s wish', () => {
  mkdirSync(join(folder, 'web1'), { recursive: true });
  writeFileSync(path('web1'), '');
  files.remove('web1');
  expect(readFileSync(path('web1'), 'utf8')).toBe('');
  expect(files.list()).toEqual([]);
  files.keep('web1', TEXT);
  expect(files.list()).toEqual(['web1']);
});

describe("somebody else's", () => {
  const expectForeign = (name: string) => {
    expect(files.keep(name, TEXT)).toBe('foreign');
    files.remove(name);
    expect(files.list()).toEqual([]);
  };

  test.each([
    ['a file', 'nameserver 192.0.2.1\n'],
    ['a file of ours that a user took over', TEXT.replace(/^.*\n/, '')],
  ])('%s is left alone', (_case, text) => {
    mkdirSync(join(folder, 'web1'), { recursive: true });
    writeFileSync(path('web1'), text);
    expectForeign('web1');
    expect(readFileSync(path('web1'), 'utf8')).toBe(text);
  });

  test('a link to a file is not followed, even to one with our mark', () => {
    const target = join(root, 'target');
    writeFileSync(target, TEXT);
    mkdirSync(join(folder, 'web1'), { recursive: true });
    symlinkSync(target, path('web1'));
    expectForeign('web1');
    expect(lstatSync(path('web1')).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, 'utf8')).toBe(TEXT);
  });

  test('a link in the place of the folder is not followed', () => {
    const target = join(root, 'target');
    mkdirSync(target);
    mkdirSync(folder);
    symlinkSync(target, join(folder, 'web1'));
    expectForeign('web1');
    expect(readdirSync(target)).toEqual([]);
  });

  test('a folder and a fifo of that name', () => {
    mkdirSync(path('web1'), { recursive: true });
    expectForeign('web1');
    mkdirSync(join(folder, 'web2'));
    execFileSync('mkfifo', [path('web2')]);
    expectForeign('web2');
  });
});

test.each(['..', '.', 'a/b', '/etc', '', 'x\0y', `-${'a'.repeat(3)}`, 'n'.repeat(129)])(
  '%j is no name',
  (name) => {
    expect(() => files.keep(name, TEXT)).toThrow(expect.objectContaining({ kind: 'invalidArgument' }));
    expect(() => files.remove(name)).toThrow(expect.objectContaining({ kind: 'invalidArgument' }));
  },
);

describe('watchFile', () => {
  test('reads again after every kind of change, and only then', () => {
    const file = join(root, 'resolv.conf');
    let reads = 0;
    const read = watchFile(file, (text) => {
      reads++;
      return parseResolvConf(text).nameservers.length;
    });
    expect(read()).toBe(1);
    writeFileSync(file, 'nameserver 192.0.2.1\nnameserver 192.0.2.2\n');
    expect([read(), read(), read()]).toEqual([2, 2, 2]);
    const before = reads;
    utimesSync(file, 1, 1);
    writeFileSync(join(root, 'new'), 'nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n');
    renameSync(join(root, 'new'), file);
    expect([read(), read()]).toEqual([3, 3]);
    expect(reads).toBe(before + 1);
    rmSync(file);
    expect(read()).toBe(1);
  });
});
