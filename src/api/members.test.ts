import * as Type from 'typebox';
import { describe, expect, test } from 'vitest';
import { fitMembers } from './members.ts';
import { MapOf } from './schema.ts';

const Schema = Type.Object({
  Name: Type.Optional(Type.String()),
  IPAM: Type.Optional(
    Type.Object({ Config: Type.Optional(Type.Array(Type.Object({ Subnet: Type.Optional(Type.String()) }))) }),
  ),
  Labels: Type.Optional(MapOf(Type.String())),
  Ends: Type.Optional(MapOf(Type.Object({ Mac: Type.Optional(Type.String()) }))),
  Open: Type.Optional(Type.Object({ Known: Type.Optional(Type.String()) }, { additionalProperties: true })),
});

describe('a body fitted to its schema', () => {
  test.each([
    [
      'names match without regard to case',
      { nAmE: 'x', ipam: { CONFIG: [{ subnet: 's' }] } },
      { Name: 'x', IPAM: { Config: [{ Subnet: 's' }] } },
    ],
    ['null means not given', { Name: null, IPAM: null, Labels: null }, {}],
    [
      'null in a list or map is the zero value',
      { IPAM: { Config: [null] }, Labels: { a: null }, Ends: { n: null } },
      { IPAM: { Config: [{}] }, Labels: { a: '' }, Ends: { n: {} } },
    ],
    ['unknown members go', { Nonsense: 1, Name: 'x' }, { Name: 'x' }],
    [
      'keys of maps keep their case',
      { Labels: { Name: '1', nAME: '2' } },
      { Labels: { Name: '1', nAME: '2' } },
    ],
    ['the last of two spellings counts', { name: 'a', NAME: 'b' }, { Name: 'b' }],
    [
      'an open object keeps what it does not list',
      { open: { known: 'x', Other: [null, { a: null }] } },
      { Open: { Known: 'x', Other: [null, { a: null }] } },
    ],
    ['wrong types are left for the check', { Name: 5, IPAM: 'x' }, { Name: 5, IPAM: 'x' }],
  ])('%s', (_name, body, fitted) => {
    expect(fitMembers(Schema, body)).toEqual(fitted);
  });
});
