/** The socket's file and the way to it: for root and the group vethd, and for nobody else. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listen } from '../../src/kernel/listen.ts';
import { attempt } from '../helpers/commands.ts';

const GROUP = 54321;
const NOBODY = 65534;

let folder: string;
let path: string;
const groups = readFileSync('/etc/group');

beforeEach(() => {
  // Not below a folder of mkdtemp, which is its owner's alone.
  folder = mkdtempSync(join(tmpdir(), 'vethd-listen-'));
  rmSync(folder, { recursive: true });
  path = join(folder, 'run/vethd.sock');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  writeFileSync('/etc/group', groups);
});

function modeOf(file: string): string {
  const { uid, gid, mode } = statSync(file);
  return `${uid}:${gid} ${(mode & 0o777).toString(8)}`;
}

/** What somebody with these groups gets, by a program that can change its own. */
async function answerFor(gid: number): Promise<string> {
  const script = `require('http').get({ socketPath: ${JSON.stringify(path)} }, (answer) => answer.pipe(process.stdout))
    .on('error', (error) => console.log(error.code))`;
  const words = [`--reuid=${NOBODY}`, `--regid=${gid}`, '--clear-groups', process.execPath, '-e', script];
  return (await attempt('setpriv', words)).stdout;
}

async function whileListening(work: () => Promise<void>): Promise<void> {
  const server = createServer((_, response) => void response.end('hello'));
  // As the daemon runs.
  const umask = process.umask(0o077);
  try {
    const remove = await listen(server, path, undefined);
    await work();
    remove();
    expect(existsSync(path)).toBe(false);
  } finally {
    process.umask(umask);
    server.close();
  }
}

test('members of the group vethd get to it, others do not', async () => {
  appendFileSync('/etc/group', `vethd:x:${GROUP}:\n`);
  await whileListening(async () => {
    expect(modeOf(path)).toBe(`0:${GROUP} 660`);
    for (const each of [dirname(path), folder]) expect(modeOf(each)).toBe(`0:${GROUP} 750`);
    expect(await answerFor(GROUP)).toBe('hello');
    expect(await answerFor(NOBODY)).toBe('EACCES');
  });
});

test('without that group it is root’s alone', async () => {
  await whileListening(async () => {
    expect(modeOf(path)).toBe('0:0 600');
    expect(modeOf(folder)).toBe('0:0 750');
    expect(await answerFor(GROUP)).toBe('EACCES');
  });
});
