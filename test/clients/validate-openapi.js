/** Validates an OpenAPI document, named as the argument, with a public validator; exit code 1 with what is wrong. */
import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';

const [, , file] = process.argv;
const { valid, errors } = await new Validator().validate(readFileSync(file, 'utf8'));
if (!valid) console.error(typeof errors === 'string' ? errors : JSON.stringify(errors, undefined, 2));
process.exitCode = valid ? 0 : 1;
