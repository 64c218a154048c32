/**
 * The house's rules about imports, held against every file under src/. A failure shows the offending lines. A new
 * room is a new row of `rooms`.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findCycle, type Import, importsOf, sourceFiles } from './helpers/imports.ts';

/** Who may import whom, besides its own files and `everywhere`. daemon.ts alone knows every room. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  model: [],
  ipam: ['model'],
  drivers: ['model'],
  firewall: ['model'],
  store: ['model'],
  kernel: ['model'],
  dns: ['model'],
  reconcile: ['model', 'store', 'drivers', 'firewall', 'dns', 'kernel'],
  // Host ports are chosen by what is published, and foreign firewalls judged, in the pure firewall room.
  engine: ['model', 'ipam', 'drivers', 'firewall', 'store', 'reconcile'],
  api: ['model', 'engine'],
  // Listeners and wrappers that daemon.ts puts around the others: it needs the names of what they tell.
  metrics: ['model', 'kernel', 'store', 'reconcile', 'api'],
  clients: ['model'],
  'config.ts': ['model'],
  'errors.ts': [],
  'failpoint.ts': [],
  'launch.ts': [],
};

/** They put the rooms together. */
const composers: ReadonlySet<string> = new Set(['main.ts', 'daemon.ts', 'purge.ts']);

/** What every room may import; pure files only the first. */
const forAll: ReadonlySet<string> = new Set(['src/errors.ts', 'src/failpoint.ts']);

/** Packages that have one home: SQL in the store, system calls in the kernel room, HTTP in the API. */
const homes: Readonly<Record<string, readonly string[]>> = {
  'better-sqlite3': ['store'],
  koffi: ['kernel'],
  fastify: ['api'],
  'dns-packet': ['dns'],
  'prom-client': ['metrics'],
};

/** Files that do no I/O, read no clock and draw no random number. */
const pure = [
  /^src\/(model|ipam|drivers|firewall)\//,
  /^src\/kernel\/codec\//,
  /^src\/reconcile\/(desired|forwarding|order|plan|show)\.ts$/,
  /^src\/reconcile\/kinds\//,
  /^src\/dns\/(zone|answer|message)\.ts$/,
];

/** What reads a clock, draws a random number or looks at the process. */
const impureCall = /\b(Date\.now\(|new Date\(\)|performance\.now\(|Math\.random\(|process\.|setTimeout\()/;

const files = sourceFiles('src').filter((file) => !file.endsWith('.test.ts'));
const imports = files.flatMap((file) => importsOf(file));

function roomOf(file: string): string {
  return file.split('/')[1] ?? '';
}

function isPure(file: string): boolean {
  return pure.some((pattern) => pattern.test(file));
}

function show(wrong: readonly Import[]): readonly string[] {
  return wrong.map(({ file, line, text }) => `${file}:${line}: ${text}`);
}

/**
 * The engine asks the kernel what a reference leads to and what is taken, before a transaction; it is handed the
 * kernel by daemon.ts and needs the names of its answers, no more.
 */
function isContractOnly({ file, target, typeOnly }: Import): boolean {
  return typeOnly && roomOf(file) === 'engine' && target === 'src/kernel/contract.ts';
}

function mayImport(one: Import): boolean {
  const { file, target } = one;
  const [room, other] = [roomOf(file), roomOf(target)];
  if (isContractOnly(one)) return true;
  if (composers.has(room) || room === other || forAll.has(target)) return true;
  return target.startsWith('src/') && (rooms[room]?.includes(other) ?? false);
}

function isPureImport({ file, target, typeOnly, text }: Import): boolean {
  if (typeOnly || !isPure(file)) return true;
  if (target === 'node:net') return onlyParsers(text);
  if (target.startsWith('node:')) return false;
  return !target.startsWith('src/') || isPure(target) || target === 'src/errors.ts';
}

/** Whether `import { … } from 'node:net'` takes what only looks at text. */
function onlyParsers(text: string): boolean {
  const names =
    /\{([^}]*)\}/
      .exec(text)?.[1]
      ?.split(',')
      .map((name) => name.trim()) ?? [];
  return names.every((name) => ['', 'isIP', 'isIPv4', 'isIPv6'].includes(name) || name.startsWith('type '));
}

test('every folder of src is a room of the table', () => {
  const known = new Set([...Object.keys(rooms), ...composers]);
  expect(files.filter((file) => !known.has(roomOf(file)))).toEqual([]);
});

test('rooms import only what the table allows', () => {
  const ours = imports.filter(({ target }) => target.startsWith('src/') || target.startsWith('test/'));
  expect(show(ours.filter((one) => !mayImport(one)))).toEqual([]);
});

test('packages stay in their homes', () => {
  const strayed = imports.filter(({ file, target, typeOnly }) => {
    const home = homes[target];
    return !typeOnly && home !== undefined && !home.includes(roomOf(file));
  });
  expect(show(strayed)).toEqual([]);
});

test('pure files import nothing that is not', () => {
  expect(show(imports.filter((one) => !isPureImport(one)))).toEqual([]);
});

test('pure files read no clock, no random number, no process', () => {
  const wrong = files.filter(isPure).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((text, index) =>
        impureCall.test(text) && !/^\s*(\/?\*|\/\/)/.test(text)
          ? [`${file}:${index + 1}: ${text.trim()}`]
          : [],
      ),
  );
  expect(wrong).toEqual([]);
});

test('no file imports itself by a detour', () => {
  expect(findCycle(imports)).toBeUndefined();
});

test('no barrels, no default exports', () => {
  const barrels = files.filter((file) => file.endsWith('/index.ts') && file !== 'src/kernel/index.ts');
  const passedOn = imports.filter(({ text }) => text.startsWith('export'));
  const defaults = files.filter((file) => /^export default\b/m.test(readFileSync(file, 'utf8')));
  expect({ barrels, passedOn: show(passedOn), defaults }).toEqual({
    barrels: [],
    passedOn: [],
    defaults: [],
  });
});

test('every kind of import is seen', () => {
  const source = [
    "import { a } from './a.ts';",
    "import type {\n  B,\n} from '../model/b.ts';",
    "import './c.ts';",
    "export { d } from './d.ts';",
    "const e = await import('./e.ts');",
    "import { f } from '@scope/f/deep';",
  ].join('\n');
  expect(
    importsOf('src/api/x.ts', source).map(({ line, target, typeOnly }) => [line, target, typeOnly]),
  ).toEqual([
    [1, 'src/api/a.ts', false],
    [2, 'src/model/b.ts', true],
    [5, 'src/api/c.ts', false],
    [6, 'src/api/d.ts', false],
    [7, 'src/api/e.ts', false],
    [8, '@scope/f', false],
  ]);
});
