/** Text as docker prints it: tables, short ids, sizes. Pure. */

/** Blanks between columns, and the least width of a column: docker's tabwriter (minwidth 10, padding 3). */
const GAP = 3;
const LEAST_WIDTH = 10;

function widthOf(text: string): number {
  return [...text].length;
}

/** Lines of cells in columns; the last column is not padded. Each line ends with a newline. */
export function formatTable(lines: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const cells of lines) {
    cells.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? LEAST_WIDTH, widthOf(cell) + GAP);
    });
  }
  return lines.map((cells) => `${formatLine(cells, widths)}\n`).join('');
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
  const last = cells.length - 1;
  return cells
    .map((cell, column) =>
      column === last ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)),
    )
    .join('');
}

/** An id as docker shows it: the first 12 digits. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** JSON on one line or indented by four blanks, as `docker inspect` does; ends with a newline. */
export function formatJson(value: unknown, shape: 'line' | 'indented' = 'line'): string {
  return `${shape === 'line' ? JSON.stringify(value) : JSON.stringify(value, null, 4)}\n`;
}

/** Labels as docker lists them: `a=1,b=2`. */
export function formatLabels(labels: Readonly<Record<string, string>> | null): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function isNumber(chunk: string): boolean {
  return /^\d/.test(chunk);
}

/** Numbers by their value, the one with fewer leading zeros first. */
function compareChunks(a: string, b: string): number {
  if (a === b) return 0;
  const both = isNumber(a) && isNumber(b);
  const [left, right] = both ? [BigInt(a), BigInt(b)] : [a, b];
  if (left === right) return a.length - b.length;
  return left < right ? -1 : 1;
}

/**
 * Docker's order of names: web2 before web10, digits before the rest, capitals first. By hand, for Intl.Collator needs 20 ms to be made,
 * as long as all the rest of a list.
 */
export function compareNames(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => name.match(/\d+|\D+/g) ?? []);
  for (const [index, chunk] of (left ?? []).entries()) {
    const order = compareChunks(chunk, right?.[index] ?? '');
    if (order !== 0) return order;
  }
  return compareChunks(a, b);
}

/** A number and its noun: `1 packet`, `2 packets`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
