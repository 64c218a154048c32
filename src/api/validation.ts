/** Says in a sentence what is wrong with a member of a body. */
import type { FastifySchemaValidationError } from 'fastify';
import { VethdError } from '../errors.ts';

function memberOf(instancePath: string): string {
  return instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
}

function got(error: FastifySchemaValidationError): string {
  if (!('data' in error)) return '';
  const text = JSON.stringify(error.data) ?? 'nothing';
  return `, got ${text.length > 64 ? `${text.slice(0, 64)}…` : text}`;
}

function want(error: FastifySchemaValidationError): string {
  const { type } = error.params;
  return error.keyword === 'type' ? `want ${String(type)}` : (error.message ?? 'wrong value');
}

/** The error for what a schema refuses: it names the member, what would be right, and the value. */
export function schemaError(errors: readonly FastifySchemaValidationError[], where: string): VethdError {
  const [error] = errors;
  if (error === undefined) throw new Error('a schema refused a request without saying why');
  const member = memberOf(error.instancePath);
  return new VethdError(
    'invalidArgument',
    `invalid ${member === '' ? where : `${where} member ${member}`}: ${want(error)}${got(error)}`,
  );
}
