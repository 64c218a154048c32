/**
 * Brings a body into the shape of its schema before it is checked: member names match without regard to case,
 * and null means "not given", as in Go's decoder. Unknown members are dropped from objects that list theirs.
 */

interface Schema {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
}

const namesOf = new WeakMap<Schema, ReadonlyMap<string, string>>();

function namesInLowerCase(schema: Schema): ReadonlyMap<string, string> {
  const known = namesOf.get(schema);
  if (known !== undefined) return known;
  const names = new Map(Object.keys(schema.properties ?? {}).map((name) => [name.toLowerCase(), name]));
  namesOf.set(schema, names);
  return names;
}

/** Go's zero value: what null stands for as an element of a list or map. */
function zeroOf(schema: Schema): unknown {
  if (schema.type === 'string') return '';
  if (schema.type === 'object') return {};
  if (schema.type === 'array') return [];
  return null;
}

function fitElement(schema: Schema, value: unknown): unknown {
  return value === null ? zeroOf(schema) : fitMembers(schema, value);
}

function fitObject(schema: Schema, value: object): Record<string, unknown> {
  const names = namesInLowerCase(schema);
  const open = schema.additionalProperties;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const name = names.get(key.toLowerCase());
    const own = name === undefined ? undefined : schema.properties?.[name];
    if (name !== undefined && own !== undefined) {
      if (member !== null) result[name] = fitMembers(own, member);
    } else if (typeof open === 'object') result[key] = fitElement(open, member);
    else if (open === true) result[key] = member;
  }
  return result;
}

/**
 * The value with its members named as in the JSON schema and without nulls. What does not fit is left for the
 * check.
 */
export function fitMembers(jsonSchema: object, value: unknown): unknown {
  const schema: Schema = jsonSchema;
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((element) => fitElement(items, element));
  }
  if (typeof value !== 'object' || value === null) return value;
  return schema.properties === undefined && schema.additionalProperties === undefined
    ? value
    : fitObject(schema, value);
}
