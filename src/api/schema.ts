/** Schemas that several resources share. TypeScript's types of the wire are derived from them, never written twice. */
import type { Static, TSchema } from 'typebox';
import * as Type from 'typebox';

/** `{"message": "…"}`, the body of every error. */
export const ErrorAnswer = Type.Object(
  { message: Type.String({ description: 'What is wrong, with the offending value.' }) },
  { description: 'An error.', examples: [{ message: 'network lab not found' }] },
);

/** The id of the examples. */
export const EXAMPLE_ID = '8b1a9953c4611296a827abf8c47804d7c1d4a3f9ee0b7e2d5b6c7d8e9fa0b1c2';

/** The error answers of every route, for its `response`. */
export const ERRORS = { '4xx': ErrorAnswer, '5xx': ErrorAnswer } as const;

/** What a dry run answers. */
export const DryRunAnswer = Type.Object(
  {
    Commands: Type.Array(Type.String(), {
      description: 'The ip, nft and sysctl command lines that would do the same, in order.',
    }),
  },
  {
    description: 'The answer to `dry-run`: nothing was changed.',
    examples: [{ Commands: ['ip link add br-0123456789ab type bridge'] }],
  },
);

/** The parameter of every changing route. */
export const DryRun = {
  'dry-run': Type.Optional(
    Type.String({
      description: 'Change nothing; answer 200 with the command lines that would do the same. 1 or true.',
      examples: ['true'],
    }),
  ),
} as const;

/** The parameter `filters`. */
export const FiltersParameter = Type.Optional(
  Type.String({
    description: 'JSON: `{"key":["value"]}`, or the older `{"key":{"value":true}}`.',
    examples: ['{"name":["lab"]}'],
  }),
);

/** An empty body. */
export const Nothing = Type.Unsafe<undefined>({ type: 'null', description: 'No body.' });

/** Nothing, or the commands of a dry run. */
export const NothingOrDryRun = Type.Unsafe<Static<typeof DryRunAnswer> | undefined>({
  ...DryRunAnswer,
  description: 'No body; in a dry run what would be done.',
});

/**
 * A map with keys of any text. Not `Type.Record`: its pattern for keys lets those with a newline through
 * unchecked, and drops them from answers.
 */
export function MapOf<Schema extends TSchema>(values: Schema, options: object = {}) {
  return Type.Unsafe<Record<string, Static<Schema>>>({
    type: 'object',
    additionalProperties: values,
    ...options,
  });
}

/** A map of texts. */
export const StringMap = MapOf(Type.String());

/** The same schema, for a member that may be null in an answer. */
export function Nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Unsafe<Static<Schema> | null>({ ...schema, nullable: true });
}

/** What a path's `{id}` says. */
export const IdParameter = Type.Object({
  id: Type.String({ description: 'Id, name or beginning of the id.', examples: ['lab'] }),
});

/** An answer in plain text, in place of a schema of `response`. */
export function PlainText(description: string, example: string) {
  return {
    description,
    content: { 'text/plain': { schema: Type.String(), example } },
  };
}
