/**
 * run-tests [check|unit|kernel|e2e]… [FILE…]: runs the named stages (all when none is named; only those files when
 * some are) and ends with one line, `N passed, N failed`. Exit code 1 when something failed or nothing ran; in
 * continuous integration (`CI` set) also when something was skipped, but for want of a client that the set-up does not
 * install.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { formatResult, formatTotals, type Result, readReport, sum } from './test-report.ts';

type Stage = 'check' | 'unit' | 'kernel' | 'e2e';

/** What is run one after another. Kernel and e2e together, so that both processors have something to do to the end. */
const RUNS: readonly (readonly Stage[])[] = [['check'], ['unit'], ['kernel', 'e2e']];
const stages = RUNS.flat();

/** A run of vitest that takes longer hangs; all of kernel and e2e take seven minutes on two cores. */
const LIMIT_MS = 30 * 60_000;

const colour = process.stdout.isTTY === true;

const checks: readonly (readonly [name: string, file: string, ...args: string[]])[] = [
  [
    'format and lint',
    'node_modules/.bin/biome',
    'ci',
    '--error-on-warnings',
    `--colors=${colour ? 'force' : 'off'}`,
  ],
  ['types', 'node_modules/.bin/tsc', '--noEmit'],
  ['openapi is fresh', 'node_modules/.bin/tsx', 'scripts/openapi.ts', '--check'],
];

/**
 * What describeWith (test/helpers) puts into the name of a test whose program is not there: the docker CLI, which the
 * set-up does not install because its package would start a daemon. Such a test is told, and is no failure.
 */
const NOT_INSTALLED = '(not installed here: ';

const reports = mkdtempSync(join(tmpdir(), 'vethd-test-'));
process.on('exit', () => rmSync(reports, { recursive: true, force: true }));

async function runCheck([name, file, ...args]: (typeof checks)[number]): Promise<Result> {
  const started = performance.now();
  const { failed, all } = await execa(file, args, { reject: false, all: true, stdin: 'ignore' });
  const result = { passed: failed ? 0 : 1, failed: failed ? 1 : 0, skipped: [] };
  console.log(formatResult(name, result, performance.now() - started));
  if (failed) console.log(`${all}\n`);
  return result;
}

/** Runs vitest once; it says itself what happens. */
async function runVitest(projects: readonly Stage[], files: readonly string[]): Promise<Result> {
  const report = join(reports, `${projects.join('-')}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = ['run', ...projects.flatMap((name) => ['--project', name]), ...reporters, ...files];
  const run = await execa('node_modules/.bin/vitest', args, {
    reject: false,
    timeout: LIMIT_MS,
    // With it die the throwaway hosts, and everything in them.
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'inherit', 'inherit'],
    env: colour ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' },
  });
  const result = readReport(report);
  // An error outside of any test, such as an unhandled rejection, is not in the report.
  return run.failed && result.failed === 0 ? { ...result, failed: 1 } : result;
}

async function runChecks(): Promise<Result> {
  const results: Result[] = [];
  for (const check of checks) results.push(await runCheck(check));
  return sum(results);
}

function stageOf(file: string): Stage {
  if (file.startsWith('test/kernel/')) return 'kernel';
  return file.startsWith('test/e2e/') ? 'e2e' : 'unit';
}

async function main(words: readonly string[]): Promise<number> {
  const files = words.filter((word) => word.includes('/'));
  const wanted = stages.filter((stage) => words.includes(stage));
  const chosen =
    files.length > 0 ? stages.filter((stage) => files.some((file) => stageOf(file) === stage)) : wanted;
  const results: Result[] = [];
  for (const together of RUNS) {
    const now = chosen.length === 0 ? together : together.filter((stage) => chosen.includes(stage));
    if (now.length === 0) continue;
    console.log(`==> ${now.join(' and ')}`);
    const own = files.filter((file) => now.includes(stageOf(file)));
    results.push(await (now.includes('check') ? runChecks() : runVitest(now, own)));
  }
  return conclude(sum(results));
}

function conclude(result: Result): number {
  for (const test of result.skipped) console.log(`SKIPPED ${test}`);
  const forgotten = result.skipped.filter((name) => !name.includes(NOT_INSTALLED));
  const skippedInCi = forgotten.length > 0 && (process.env['CI'] ?? '') !== '';
  if (skippedInCi) console.log('A skipped test counts as a failure in continuous integration.');
  if (result.passed + result.failed === 0) console.log('No test ran.');
  console.log(formatTotals(result));
  return result.failed > 0 || result.passed === 0 || skippedInCi ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
