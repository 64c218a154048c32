/** What the source files import from one another, read from their text. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** One import or re-export of a file. */
export interface Import {
  /** Path from the repository's top of the file that imports. */
  readonly file: string;
  readonly line: number;
  /** The whole statement, on one line. */
  readonly text: string;
  /** What the file imports: a path from the repository's top where it is a file of ours, else the package's name. */
  readonly target: string;
  /** Types alone, which are gone when the program runs. */
  readonly typeOnly: boolean;
}

const statement =
  /^[ \t]*(?:(?:import|export)\b(?:[^;'"`]*?\bfrom)?\s*'([^']+)'|.*\bimport\(\s*'([^']+)'\s*\))/gm;

/** The TypeScript files below a folder, as paths from the repository's top. */
export function sourceFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file))
    .sort();
}

/** The imports of one file, in the order of its lines. */
export function importsOf(file: string, source = readFileSync(file, 'utf8')): readonly Import[] {
  return [...source.matchAll(statement)].map((match) => {
    const text = match[0].trim().replace(/\s+/g, ' ');
    const specifier = match[1] ?? match[2] ?? '';
    return {
      file,
      line: source.slice(0, match.index).split('\n').length,
      text,
      target: targetOf(file, specifier),
      typeOnly: /^(import|export) type /.test(text),
    };
  });
}

function targetOf(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return normalize(join(dirname(file), specifier));
  if (specifier.startsWith('node:')) return specifier;
  const [scope = '', name = ''] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

/** A circle of files that import one another, first file repeated at the end; undefined when there is none. */
export function findCycle(imports: readonly Import[]): readonly string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { file, target } of imports) next.set(file, [...(next.get(file) ?? []), target]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of next.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
