/**
 * What came of a run of tests: read from vitest's JSON report, added up, shown. Only `run-tests.ts` uses it.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** What came of one test file, or of one check. */
export interface FileResult {
  /** Path from the repository's top, or the check's name. */
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  /** Full names of the tests that did not run. */
  readonly skipped: readonly string[];
  readonly durationMs: number;
  /** What to show when something failed; `''` where another result of the same run shows it. */
  readonly output: string;
}

/** The part of vitest's JSON report that is read here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/**
 * The results of one vitest process, a file each, from its report at `path`. A process that left no report (it
 * crashed, hung or found no test) counts as one failure called `label`.
 */
export function readReport(
  path: string,
  run: { readonly label: string; readonly output: string; readonly durationMs: number },
): readonly FileResult[] {
  const report = parseReport(path);
  if (report === undefined || report.testResults.length === 0) {
    return [
      { name: run.label, passed: 0, failed: 1, skipped: [], durationMs: run.durationMs, output: run.output },
    ];
  }
  return report.testResults.map((file, index) => fileResult(file, index === 0 ? run.output : ''));
}

function parseReport(path: string): VitestReport | undefined {
  try {
    const report: VitestReport = JSON.parse(readFileSync(path, 'utf8'));
    return report;
  } catch {
    return undefined;
  }
}

function fileResult(file: VitestReport['testResults'][number], output: string): FileResult {
  const count = (status: string) => file.assertionResults.filter((test) => test.status === status).length;
  const passed = count('passed');
  const failed = count('failed');
  return {
    name: relative(process.cwd(), file.name),
    passed,
    // A file that cannot be loaded, or whose hooks fail, is "failed" without a failed test in it.
    failed: file.status === 'failed' ? Math.max(failed, 1) : failed,
    skipped: file.assertionResults
      .filter((test) => test.status !== 'passed' && test.status !== 'failed')
      .map((test) => test.fullName),
    durationMs: file.endTime - file.startTime,
    output,
  };
}

/** One line for a result, such as `ok    test/kernel/link.test.ts  12 passed  3.4 s`. */
export function formatResult(result: FileResult): string {
  const counts = [`${result.passed} passed`];
  if (result.failed > 0) counts.push(`${result.failed} failed`);
  if (result.skipped.length > 0) counts.push(`${result.skipped.length} skipped`);
  const seconds = (result.durationMs / 1000).toFixed(1);
  return `${result.failed > 0 ? 'FAIL' : 'ok  '}  ${result.name}  ${counts.join(', ')}  ${seconds} s`;
}

/** The sums over all results. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Adds the results up. */
export function sum(results: readonly FileResult[]): Totals {
  const total = (count: (result: FileResult) => number) =>
    results.reduce((all, result) => all + count(result), 0);
  return {
    passed: total((result) => result.passed),
    failed: total((result) => result.failed),
    skipped: total((result) => result.skipped.length),
  };
}

/** The last line of a run: `N passed, N failed`, and the skipped ones when there are any. */
export function formatTotals(totals: Totals): string {
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
  return `${totals.passed} passed, ${totals.failed} failed${skipped}`;
}
