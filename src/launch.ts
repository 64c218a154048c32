/**
 * Runs a program of the build: one file of CommonJS, and beside it what V8 made of that file when it was built (its code
 * cache). Started in turn, a daemon answers after 530 ms with it and 623 without; ECMAScript modules cannot have one. V8
 * refuses what another version of it made, or one with other flags, and parses the file as ever. This file is built as
 * CommonJS, too: what Node needs for the first ECMAScript module of a thread takes 22 ms.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** A program as it is built: a function of what CommonJS gives to a file. */
type Program = (require: (id: string) => unknown, module: { exports: unknown }, filename: string) => void;

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

function load(name: string, cachedDataOf: (path: string) => Buffer | undefined) {
  const path = fileURLToPath(new URL(`./${name}.cjs`, import.meta.url));
  const cachedData = cachedDataOf(cachePathOf(path));
  // The name is part of what V8 made, and the folder has another one while it is built.
  const options = { filename: `${name}.cjs`, ...(cachedData === undefined ? {} : { cachedData }) };
  // The build sees to it that there is nothing but ASCII in it, which V8 takes as it is, without a copy.
  const script = new Script(readFileSync(path, 'latin1'), options);
  const requireOfNode = createRequire(path);
  // Another program of the build goes by the name of its source: `./daemon.ts`.
  const requireOfProgram = (id: string): unknown => {
    const other = /^\.\/(\w+)\.ts$/.exec(id)?.[1];
    return other === undefined ? requireOfNode(id) : load(other, readIfThere).run();
  };
  const run = (): unknown => {
    const module: { exports: unknown } = { exports: {} };
    (script.runInThisContext() as Program)(requireOfProgram, module, path);
    return module.exports;
  };
  return { path, script, run };
}

function cachePathOf(path: string): string {
  return `${path}.cache`;
}

/** Runs `name` (without extension) of this folder. True when V8 took over what it had made. */
export function launch(name: string): boolean {
  const { script, run } = load(name, readIfThere);
  run();
  return script.cachedDataRejected === false;
}

/** Runs it, and keeps what V8 made of it when the process ends; for the build. */
export function launchAndCache(name: string): void {
  const { path, script, run } = load(name, () => undefined);
  run();
  process.once('exit', () => writeFileSync(cachePathOf(path), script.createCachedData()));
}
