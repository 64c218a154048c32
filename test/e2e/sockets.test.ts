/** Who may talk to the daemon: the socket that only reads, and users by the kernel's word. */
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attempt } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { request } from '../helpers/http.ts';

const ALLOWED = 65534;
const OTHER = 65533;

/** Asks as another user, with a program that can change its own uid; gives the status code that came back. */
async function statusFor(uid: number, socket: string, path: string): Promise<string> {
  const script = `require('http').get({socketPath: ${JSON.stringify(socket)}, path: ${JSON.stringify(path)}},
    (answer) => process.stdout.write(String(answer.statusCode), () => process.exit()))`;
  const words = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', process.execPath, '-e', script];
  const { stdout, stderr } = await attempt('setpriv', words);
  if (stdout === '') throw new Error(stderr);
  return stdout;
}

/** The last line of the log about such a write. */
function writeOf(path: string, status: number): object | undefined {
  const line = daemon.logs
    .split('\n')
    .findLast((text) => text.includes(`"path":"${path}","status":${status}`));
  return line === undefined ? undefined : JSON.parse(line);
}

const folder = mkdtempSync(join(tmpdir(), 'vethd-ro-'));
const readOnly = join(folder, 'vethd-ro.sock');
const daemon = new Daemon({ args: ['--ro-socket', readOnly, '--allow-uids', `4711,${ALLOWED}`] });

beforeAll(() => daemon.start());
afterAll(async () => {
  await daemon.dispose();
  rmSync(folder, { recursive: true });
});

describe('the socket that only reads', () => {
  test('is nobody else’s, as the first', () => {
    expect(statSync(readOnly).mode & 0o007).toBe(0);
    expect(statSync(daemon.socket).mode & 0o007).toBe(0);
  });

  test('answers GET and HEAD', async () => {
    expect((await request(readOnly, 'GET', '/networks')).body).toHaveLength(3);
    expect((await request(readOnly, 'HEAD', '/_ping')).status).toBe(200);
    expect((await request(readOnly, 'GET', '/vethd/plan')).body).toEqual({ Commands: [] });
  });

  test.each([
    ['POST', '/networks/create', { Name: 'lab' }],
    ['POST', '/v1.44/networks/prune', undefined],
    ['DELETE', '/networks/bridge', undefined],
    ['PATCH', '/vethd/endpoints/x', {}],
    ['POST', '/vethd/reconcile', undefined],
    ['PUT', '/containers/x/archive', undefined],
  ])('refuses %s %s', async (method, path, body) => {
    const answer = await request(readOnly, method, path, body === undefined ? {} : { body });
    expect([403, 404]).toContain(answer.status);
    expect(answer.body).toEqual({ message: expect.stringMatching(/read-only|page not found/) });
    expect(await daemon.call('GET', '/networks')).toHaveLength(3);
  });

  test('refuses the connection to whoever wants it for more', async () => {
    const headers = { Connection: 'Upgrade', Upgrade: 'tcp' };
    const answer = await request(readOnly, 'POST', '/exec/x/start', { headers, body: {} });
    expect(answer.status).toBe(403);
  });

  test('tells the events of what the other one changed', async () => {
    const since = (Date.now() / 1000).toFixed(3);
    await daemon.call('POST', '/networks/create', { Name: 'seen' });
    await daemon.call('DELETE', '/networks/seen');
    const until = (Date.now() / 1000 + 1).toFixed(3);
    const lines = await request(readOnly, 'GET', `/events?since=${since}&until=${until}`, { lines: true });
    expect(lines.body.map((event: { Action: string }) => event.Action)).toEqual(['create', 'destroy']);
  });
});

describe('with --allow-uids', () => {
  beforeAll(() => {
    // The modes are not what keeps the others out here.
    for (const place of [daemon.folder, folder]) chmodSync(place, 0o755);
    for (const socket of [daemon.socket, readOnly]) chmodSync(socket, 0o666);
  });

  test('others than those and root are refused', async () => {
    expect(await statusFor(OTHER, daemon.socket, '/networks')).toBe('403');
    expect(await statusFor(ALLOWED, daemon.socket, '/networks')).toBe('200');
    expect((await daemon.request('GET', '/networks')).status).toBe(200);
  });

  test('the socket that only reads is for whoever can open it', async () => {
    expect(await statusFor(OTHER, readOnly, '/networks')).toBe('200');
  });

  test.each(['', 'root', '1,', '-1', '4294967295'])('%j is no list of users', async (text) => {
    const wrong = new Daemon({ args: [`--allow-uids=${text}`] });
    await expect(wrong.start()).rejects.toThrow(/--allow-uids .*want numbers of users/);
    await wrong.dispose();
  });
});

test('each write is logged with who it was', async () => {
  await daemon.call('POST', '/networks/create', { Name: 'mine' });
  await expect
    .poll(() => writeOf('/networks/create', 201))
    .toMatchObject({
      peer: { pid: process.pid, uid: 0, gid: 0 },
    });
  await daemon.call('DELETE', '/networks/mine');
});

test('both sockets go with the daemon', async () => {
  await daemon.stop();
  expect([existsSync(readOnly), existsSync(daemon.socket)]).toEqual([false, false]);
});
