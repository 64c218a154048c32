/** Values in texts as Go's strconv reads them: clients compare Docker's messages, which carry Go's words. */

/** A value, or why there is none. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string };

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** strconv.ParseBool. */
export function parseBool(text: string): Parsed<boolean> {
  if (TRUE.has(text) || FALSE.has(text)) return { ok: true, value: TRUE.has(text) };
  return { ok: false, reason: `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax` };
}

/** strconv.Atoi, within what a number holds exactly. */
export function parseInteger(text: string): Parsed<number> {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
  if (value !== undefined && Number.isSafeInteger(value)) return { ok: true, value };
  const fault = value === undefined ? 'invalid syntax' : 'value out of range';
  return { ok: false, reason: `strconv.Atoi: parsing ${JSON.stringify(text)}: ${fault}` };
}
