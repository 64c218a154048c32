/**
 * What this program is, by the files that it consists of. The path counts on two folders between this file and the
 * repository's top: as source and in dist/program.
 */
import { readFileSync, statSync } from 'node:fs';

/** The version of vethd; `unknown` where package.json has none. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const manifest: unknown = JSON.parse(text);
  const known = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return known ? String(manifest.version) : 'unknown';
}

/** When it was built: RFC 3339. */
export function readBuildTime(): string {
  return statSync(new URL(import.meta.url)).mtime.toISOString();
}
