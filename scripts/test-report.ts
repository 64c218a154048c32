/**
 * What came of a run of tests: read from vitest's JSON report, added up, shown. Only `run-tests.ts` uses it.
 */
import { readFileSync } from 'node:fs';

/** What came of one check, of one run of vitest, or of all. */
export interface Result {
  readonly passed: number;
  readonly failed: number;
  /** Full names of the tests that did not run. */
  readonly skipped: readonly string[];
}

/** The part of vitest's JSON report that is read here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** What the report at `path` says. A vitest that left none (it crashed or found no test) counts as one failure. */
export function readReport(path: string): Result {
  const report = parseReport(path);
  if (report === undefined || report.testResults.length === 0) return { passed: 0, failed: 1, skipped: [] };
  return sum(report.testResults.map(fileResult));
}

function parseReport(path: string): VitestReport | undefined {
  try {
    const report: VitestReport = JSON.parse(readFileSync(path, 'utf8'));
    return report;
  } catch {
    return undefined;
  }
}

function fileResult({ status, assertionResults }: VitestReport['testResults'][number]): Result {
  const of = (wanted: string) => assertionResults.filter((test) => test.status === wanted).length;
  return {
    passed: of('passed'),
    // A file that cannot be loaded, or whose hooks fail, is "failed" without a failed test in it.
    failed: status === 'failed' ? Math.max(of('failed'), 1) : of('failed'),
    skipped: assertionResults
      .filter((test) => test.status !== 'passed' && test.status !== 'failed')
      .map((test) => test.fullName),
  };
}

/** One line for a check, such as `ok    types  3.4 s`. */
export function formatResult(name: string, { failed }: Result, durationMs: number): string {
  return `${failed > 0 ? 'FAIL' : 'ok  '}  ${name}  ${(durationMs / 1000).toFixed(1)} s`;
}

/** Adds the results up. */
export function sum(results: readonly Result[]): Result {
  const total = (count: (result: Result) => number) =>
    results.reduce((all, result) => all + count(result), 0);
  return {
    passed: total(({ passed }) => passed),
    failed: total(({ failed }) => failed),
    skipped: results.flatMap(({ skipped }) => skipped),
  };
}

/** The last line of a run: `N passed, N failed`, and the skipped ones when there are any. */
export function formatTotals({ passed, failed, skipped }: Result): string {
  return `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`;
}
