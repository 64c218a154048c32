/** Takes out of an answer what differs from run to run: ids, times, process ids, paths. */

/** Ids that the scenario made, by the name they were saved under. */
export type SavedIds = ReadonlyMap<string, string>;

const rules: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\b[0-9a-f]{12}\b/g, '<short id>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
];

/** Fields whose value is of its run, with what stands in for a value other than `0` and `''`. */
const ofTheRun: Readonly<Record<string, unknown>> = {
  Pid: 1,
  time: 1,
  timeNano: 1,
  SandboxKey: '<path>',
};

/** The same answer with stand-ins: `<id of lab>` for a saved id, `<id>` for another one, and so on. */
export function normalise(value: unknown, saved: SavedIds, field = ''): unknown {
  if (value !== '' && value !== 0 && field in ofTheRun) return ofTheRun[field];
  if (typeof value === 'string') return normaliseText(value, saved);
  if (Array.isArray(value)) return value.map((item) => normalise(item, saved)).sort(byName);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(
    ([key, item]) => [normaliseText(key, saved), normalise(item, saved, key)] as const,
  );
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function normaliseText(text: string, saved: SavedIds): string {
  let result = text;
  for (const [name, id] of saved) {
    result = result.replaceAll(id, `<id of ${name}>`).replaceAll(id.slice(0, 12), `<short id of ${name}>`);
  }
  for (const [pattern, replacement] of rules) result = result.replace(pattern, replacement);
  return result;
}

/** Lists of named things come in no promised order; others keep theirs. */
function byName(a: unknown, b: unknown): number {
  const [nameA, nameB] = [nameOf(a), nameOf(b)];
  return nameA === undefined || nameB === undefined ? 0 : nameA.localeCompare(nameB);
}

function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('Name' in value)) return undefined;
  return typeof value.Name === 'string' ? value.Name : undefined;
}

/** Those fields of a value alone, given as dotted paths; `*` means each item of an array. */
export function pick(value: unknown, paths: readonly string[]): unknown {
  return Object.fromEntries(paths.flatMap((path) => pickOne(value, path.split('.'), path)));
}

function pickOne(
  value: unknown,
  path: readonly string[],
  whole: string,
): readonly (readonly [string, unknown])[] {
  const [key, ...rest] = path;
  if (key === undefined) return [[whole, value]];
  if (key === '*' && Array.isArray(value)) {
    const items = value.flatMap((item) => pickOne(item, rest, whole).map(([, found]) => found));
    return [[whole, items]];
  }
  if (typeof value !== 'object' || value === null || !(key in value)) return [];
  return pickOne(new Map(Object.entries(value)).get(key), rest, whole);
}
