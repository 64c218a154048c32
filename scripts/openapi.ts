/**
 * Writes openapi/vethd.yaml from the application's routes, or with `--check` says whether it is current (exit 1
 * when it is not). Needs no root and no daemon: the engine is never called.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { DEFAULT_LIMITS } from '../src/api/context.ts';
import { gatherYaml } from '../src/api/openapi.ts';

const FILE = new URL('../openapi/vethd.yaml', import.meta.url);

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? '0.0.0';
}

const text = await gatherYaml({
  version: readVersion(),
  gitCommit: '',
  buildTime: '',
  stateDir: '',
  allowExec: false,
  readOnly: false,
  limits: DEFAULT_LIMITS,
  metrics: async () => '',
});
if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error('openapi/vethd.yaml is not what the routes say: run npm run openapi');
  process.exitCode = 1;
}
