/**
 * run-tests [check|unit|kernel|e2e]… [FILE…]: runs the named stages (all when none is named; only those files when
 * some are) and ends with one line, `N passed, N failed`. Exit code 1 when something failed or nothing ran; in
 * continuous integration (`CI` set) also when something was skipped, but for want of a client that the set-up does not
 * install.
 *
 * A file of test/kernel or test/e2e gets a vitest process in a throwaway host of its own, two at a time: they share
 * nothing but the processor, vitest starts in about a second, and most of a file's time is waiting.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type FileResult, formatResult, formatTotals, readReport, sum } from './test-report.ts';

const stages = ['check', 'unit', 'kernel', 'e2e'] as const;
type Stage = (typeof stages)[number];

/** A file that takes longer hangs; the slowest takes about a minute. A long form of a test may need more. */
const fileTimeoutMs = Number(process.env['VETHD_TEST_TIMEOUT_S'] ?? 300) * 1000;
const filesAtOnce = 2;
const vitest = 'node_modules/.bin/vitest';

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

/** Runs a command to its end, whatever its exit code, with stdout and stderr in one text. */
async function runCommand(file: string, args: readonly string[]) {
  const started = performance.now();
  const ended = await execa(file, args, {
    reject: false,
    all: true,
    stdin: 'ignore',
    timeout: fileTimeoutMs,
    // The throwaway host dies with its first process, and everything in it.
    killSignal: 'SIGKILL',
    env: colour ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' },
  });
  const note = ended.timedOut ? `\nended after ${fileTimeoutMs / 1000} s\n` : '';
  return { ok: !ended.failed, output: ended.all + note, durationMs: performance.now() - started };
}

function announce(result: FileResult): FileResult {
  console.log(formatResult(result));
  for (const test of result.skipped) console.log(`      SKIPPED ${test}`);
  if (result.failed > 0 && result.output !== '') console.log(`${result.output}\n`);
  return result;
}

async function runCheck([name, file, ...args]: (typeof checks)[number]): Promise<FileResult> {
  const run = await runCommand(file, args);
  return announce({
    name,
    passed: run.ok ? 1 : 0,
    failed: run.ok ? 0 : 1,
    skipped: [],
    durationMs: run.durationMs,
    output: run.output,
  });
}

/** How vitest is run: by which command, and with which options. */
interface VitestRun {
  readonly prefix: readonly string[];
  readonly options: readonly string[];
}

/** Runs vitest once. */
async function runVitest(stage: Stage, files: readonly string[], { prefix, options }: VitestRun) {
  const label = files.length === 1 ? files.join() : stage;
  const report = join(reports, `${label.replaceAll('/', '-')}.json`);
  const [file = vitest, ...args] = [
    ...prefix,
    vitest,
    ...['run', '--project', stage, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ...options,
    ...files,
  ];
  const run = await runCommand(file, args);
  const results = readReport(report, { label, ...run });
  const failures = sum(results).failed;
  if (!run.ok && failures === 0) return [lostFailure(label, run), ...results].map(announce);
  return results.map(announce);
}

/** An error outside of any test, such as an unhandled rejection: vitest's report does not hold it. */
function lostFailure(label: string, run: { output: string; durationMs: number }): FileResult {
  const name = `${label} (an error outside of any test)`;
  return { name, passed: 0, failed: 1, skipped: [], durationMs: run.durationMs, output: run.output };
}

/**
 * A file begins after 1.3 s in a thread and after 2.0 in a process (alone on two cores), for which it takes twice the
 * processor's time. What belongs to the whole process a thread cannot set.
 */
function poolOf(file: string): 'threads' | 'forks' {
  return readFileSync(file, 'utf8').includes('process.umask(') ? 'forks' : 'threads';
}

/** Each file in its own throwaway host, a few at a time. */
async function runHosts(stage: Stage, files: readonly string[]): Promise<readonly FileResult[]> {
  const waiting = [...files];
  const results: FileResult[] = [];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const options = [`--pool=${poolOf(file)}`];
      results.push(...(await runVitest(stage, [file], { prefix: ['scripts/throwaway'], options })));
    }
  };
  await Promise.all(Array.from({ length: filesAtOnce }, work));
  return results;
}

function testFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(folder, file))
    .sort();
}

async function runChecks(): Promise<readonly FileResult[]> {
  const results: FileResult[] = [];
  for (const check of checks) results.push(await runCheck(check));
  return results;
}

function runStage(stage: Stage, files: readonly string[]): Promise<readonly FileResult[]> {
  if (stage === 'check') return runChecks();
  if (stage === 'unit') return runVitest(stage, files, { prefix: [], options: [] });
  return runHosts(stage, files.length > 0 ? files : testFiles(`test/${stage}`));
}

function stageOf(file: string): Stage {
  if (file.startsWith('test/kernel/')) return 'kernel';
  return file.startsWith('test/e2e/') ? 'e2e' : 'unit';
}

async function main(words: readonly string[]): Promise<number> {
  const files = words.filter((word) => word.includes('/'));
  const wanted = stages.filter((stage) => words.includes(stage));
  const everything = wanted.length === 0 && files.length === 0;
  const results: FileResult[] = [];
  for (const stage of stages) {
    const own = files.filter((file) => stageOf(file) === stage);
    if (!everything && own.length === 0 && (!wanted.includes(stage) || files.length > 0)) continue;
    console.log(`==> ${stage}`);
    results.push(...(await runStage(stage, own)));
  }
  return conclude(results);
}

function conclude(results: readonly FileResult[]): number {
  const totals = sum(results);
  const forgotten = results.flatMap(({ skipped }) => skipped).filter((name) => !name.includes(NOT_INSTALLED));
  const skippedInCi = forgotten.length > 0 && (process.env['CI'] ?? '') !== '';
  if (skippedInCi) console.log('A skipped test counts as a failure in continuous integration.');
  if (totals.passed + totals.failed === 0) console.log('No test ran.');
  console.log(formatTotals(totals));
  return totals.failed > 0 || totals.passed === 0 || skippedInCi ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
