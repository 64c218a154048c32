/** Tests that need programs which not every machine has. */
import { describe, test } from 'vitest';
import { isInstalled } from './commands.ts';

/**
 * `describe` for tests that need programs: reports them skipped, with the reason in their name, where one of the
 * programs is missing. scripts/run-tests.ts knows such skips by the words in brackets.
 */
export function describeWith(programs: readonly string[], name: string, body: () => void): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) describe(name, body);
  // Without its body, which may make folders and daemons that nobody would remove.
  else test.skip(`${name} (not installed here: ${missing.join(', ')})`);
}
