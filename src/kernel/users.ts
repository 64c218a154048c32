/** Who `docker exec --user` means, from the host's /etc/passwd and /etc/group. */
import { readFileSync } from 'node:fs';
import { VethdError } from '../errors.ts';

/** Numbers to run as. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

const NUMBER = /^(0|[1-9]\d{0,9})$/;
/** The last but one: the greatest means "leave as it is" to the kernel. */
const MAX_ID = 0xfffffffe;

function parseId(text: string): number | undefined {
  return NUMBER.test(text) && Number(text) <= MAX_ID ? Number(text) : undefined;
}

/** The line of a passwd-like file whose field `column` is `value`, split at its colons. */
function findLine(path: string, column: number, value: string): readonly string[] | undefined {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.map((line) => line.split(':')).find((fields) => fields[column] === value);
}

function noSuch(what: string, name: string): VethdError {
  return new VethdError(
    'invalidArgument',
    `unable to find ${what} ${name}: no matching entries in ${what} file`,
  );
}

function findGroup(group: string): number {
  const id = parseId(group) ?? parseId(findLine('/etc/group', 0, group)?.[2] ?? '');
  if (id === undefined) throw noSuch('group', group);
  return id;
}

/**
 * The identity of `user[:group]`, each a name or a number; the group of a user without one is that of its
 * passwd entry, or root's for a number without entry, as in Docker. Throws invalidArgument for an unknown name.
 */
export function findIdentity(text: string): Identity {
  const [user = '', group] = text.split(':', 2);
  const entry = findLine('/etc/passwd', parseId(user) === undefined ? 0 : 2, user);
  const uid = parseId(user) ?? parseId(entry?.[2] ?? '');
  if (uid === undefined) throw noSuch('user', user);
  const gid = group === undefined || group === '' ? (parseId(entry?.[3] ?? '') ?? 0) : findGroup(group);
  return { uid, gid };
}
