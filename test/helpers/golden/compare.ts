/** Field by field: where two answers differ. */
import type { RecordedAnswer } from './replay.ts';

/** One place where the answers differ; `undefined` where one side has no such field. */
export interface FieldDifference {
  /** `scenario / step`. */
  readonly at: string;
  /** Dotted path in the answer: `status`, `contentType`, `body.IPAM.Config.0.Gateway`. */
  readonly field: string;
  readonly docker: unknown;
  readonly vethd: unknown;
}

/** A difference that is meant: docs and reason in one. */
export interface IntendedDifference {
  /** Which steps: `scenario / step`. */
  readonly at: RegExp;
  readonly field: RegExp;
  readonly reason: string;
  /** What vethd says instead, where it is always the same. */
  readonly vethd?: unknown;
}

/** All the places where two recordings of a scenario differ. */
export function compareAnswers(
  scenario: string,
  docker: readonly RecordedAnswer[],
  vethd: readonly RecordedAnswer[],
): readonly FieldDifference[] {
  return docker.flatMap((answer, index) => {
    const at = `${scenario} / ${answer.step}`;
    return compareValues(answer, vethd[index], '').map((difference) => ({ at, ...difference }));
  });
}

type Found = Omit<FieldDifference, 'at'>;

function compareValues(docker: unknown, vethd: unknown, field: string): readonly Found[] {
  if (!isTree(docker) || !isTree(vethd) || Array.isArray(docker) !== Array.isArray(vethd)) {
    return Object.is(docker, vethd) ? [] : [{ field, docker, vethd }];
  }
  const [left, right] = [new Map(Object.entries(docker)), new Map(Object.entries(vethd))];
  const keys = [...new Set([...left.keys(), ...right.keys()])];
  return keys.flatMap((key) =>
    compareValues(left.get(key), right.get(key), field === '' ? key : `${field}.${key}`),
  );
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether a difference is one of the meant ones. */
export function isIntended(found: FieldDifference, intended: IntendedDifference): boolean {
  return (
    intended.at.test(found.at) &&
    intended.field.test(found.field) &&
    (!('vethd' in intended) || JSON.stringify(intended.vethd) === JSON.stringify(found.vethd))
  );
}
