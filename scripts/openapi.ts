/**
 * Writes openapi/vethd.yaml from the application's routes, or with `--check` says whether it is current (exit 1
 * when it is not). Needs no root and no daemon: the engine is never called.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { buildApp } from '../src/api/app.ts';
import { DEFAULT_LIMITS } from '../src/api/context.ts';
import type { Engine } from '../src/engine/contract.ts';

const FILE = new URL('../openapi/vethd.yaml', import.meta.url);

/** An engine for an application that answers nothing: every use of it is a fault of the caller. */
function noEngine(): Engine {
  return new Proxy<Engine>(Object.create(null), {
    get: (_target, verb) => {
      throw new Error(`the document asked the engine for ${String(verb)}`);
    },
  });
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? '0.0.0';
}

async function writeDocument(): Promise<string> {
  const app = buildApp({
    engine: noEngine(),
    config: {
      version: readVersion(),
      gitCommit: '',
      buildTime: '',
      stateDir: '',
      allowExec: false,
      readOnly: false,
      limits: DEFAULT_LIMITS,
      metrics: async () => '',
    },
  });
  await app.ready();
  const text = app.swagger({ yaml: true });
  await app.close();
  return text;
}

const text = await writeDocument();
if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error('openapi/vethd.yaml is not what the routes say: run npm run openapi');
  process.exitCode = 1;
}
