import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Kernel, NetnsRef } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { HOST } from '../../src/model/netstate.ts';
import type { Operation } from '../../src/model/operation.ts';
import { run } from '../helpers/commands.ts';
import { addNetns, inNetns, ip, linksOf, listNetns, removeNetns } from '../helpers/host.ts';
import { named, refusals } from '../helpers/operations.ts';
import { until } from '../helpers/until.ts';

let kernel: Kernel;

beforeAll(async () => {
  kernel = await openKernel();
});

afterAll(async () => {
  await kernel.close();
});

afterEach(async () => {
  for (const name of await kernel.listNetnsNames()) await removeNetns(name);
  for (const name of listNetns()) rmSync(`/run/netns/${name}`, { recursive: true });
});

const byName = (name: string): NetnsRef => ({ kind: 'name', name });
const byPath = (path: string): NetnsRef => ({ kind: 'path', path });
const byPid = (pid: number, startTime?: string): NetnsRef => ({ kind: 'pid', pid, startTime });

/** The namespace that a path leads to, as the kernel room writes it. */
function inodeOf(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}

/** A process in a network namespace of its own; end it with `stop`. */
async function startSleeper() {
  const child = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  await until('it sleeps', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    pid,
    stop: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

describe('a namespace by name', () => {
  test('is the one that `ip netns add` made', async () => {
    await addNetns('a');
    const probe = await kernel.probeNetns(byName('a'));
    const identity = { bootId: kernel.bootId, inode: inodeOf('/run/netns/a') };
    const createdMs = statSync('/run/netns/a').mtimeMs;
    expect(probe).toEqual({ status: 'present', identity, startTime: undefined, createdMs });
  });

  test('is visited to see its links', async () => {
    await addNetns('a');
    await run('ip', ['-n', 'a', 'link', 'add', 'br0', 'type', 'bridge']);
    const probe = await kernel.probeNetns(byName('a'));
    expect(await kernel.visitNetns(byName('a'))).toEqual({ ...probe, ifnames: ['lo', 'br0'] });
    expect(await kernel.visitNetns(byName('nope'))).toMatchObject({ status: 'absent' });
  });

  test('is absent when it is not there', async () => {
    expect(await kernel.probeNetns(byName('nope'))).toMatchObject({ status: 'absent' });
  });

  test.for(['', '.', '..', '../netns/a', 'a/b', '/run/netns/a', 'a\0', '-a', ' a', 'a'.repeat(129)])(
    'is refused for the name %j',
    async (name) => {
      expect(await kernel.probeNetns(byName(name))).toMatchObject({ status: 'refused' });
    },
  );

  test('is refused where a symbolic link leads to one', async () => {
    await addNetns('a');
    symlinkSync('/run/netns/a', '/run/netns/link');
    expect(await kernel.probeNetns(byName('link'))).toEqual({
      status: 'refused',
      reason: '/run/netns/link is a symbolic link: want the namespace itself',
    });
  });

  test('is refused for a file, a folder and a FIFO', async () => {
    writeFileSync('/run/netns/file', '');
    mkdirSync('/run/netns/folder');
    await run('mkfifo', ['/run/netns/fifo']);
    for (const name of ['file', 'folder', 'fifo']) {
      const reason = `/run/netns/${name} is not a namespace`;
      expect(await kernel.probeNetns(byName(name))).toMatchObject({ status: 'refused', reason });
    }
  });

  test('is refused for another kind of namespace', async () => {
    writeFileSync('/run/netns/uts', '');
    await run('mount', ['--bind', '/proc/self/ns/uts', '/run/netns/uts']);
    const reason = '/run/netns/uts is not a network namespace';
    expect(await kernel.probeNetns(byName('uts'))).toEqual({ status: 'refused', reason });
    await run('umount', ['/run/netns/uts']);
  });

  test('is refused where it is the host’s own or process 1’s', async () => {
    for (const [name, path] of [
      ['own', '/proc/self/ns/net'],
      ['init', '/proc/1/ns/net'],
    ] as const) {
      writeFileSync(`/run/netns/${name}`, '');
      await run('mount', ['--bind', path, `/run/netns/${name}`]);
      const probe = await kernel.probeNetns(byName(name));
      await run('umount', [`/run/netns/${name}`]);
      // In a throwaway host process 1 is in the host's namespace.
      const reason = expect.stringMatching(/ is (the host's own|process 1's) network namespace$/);
      expect(probe).toEqual({ status: 'refused', reason });
    }
  });

  test('is refused in a folder that others can change', async () => {
    await addNetns('a');
    await run('chmod', ['0777', '/run/netns']);
    expect(await kernel.probeNetns(byName('a'))).toMatchObject({ status: 'refused' });
    await run('chmod', ['0755', '/run/netns']);
    expect(await kernel.probeNetns(byName('a'))).toMatchObject({ status: 'present' });
  });

  test('names that lead nowhere are not listed', async () => {
    await addNetns('b');
    await addNetns('a');
    writeFileSync('/run/netns/file', '');
    expect(await kernel.listNetnsNames()).toEqual(['a', 'b']);
  });
});

describe('a namespace by path', () => {
  test('may come from an allowed folder', async () => {
    await addNetns('a');
    const present = { status: 'present', identity: { inode: inodeOf('/run/netns/a') } };
    expect(await kernel.probeNetns(byPath('/run/netns/a'))).toMatchObject(present);
    expect(await kernel.probeNetns(byPath('/var/run/netns/a'))).toMatchObject(present);
  });

  test.for([
    '/tmp/a',
    '/run/netns/../netns/a',
    '/run/netns/sub/a',
    '/run/netns//a',
    'run/netns/a',
    '/proc/self/ns/net',
    '/proc/1/../1/ns/net',
    '/proc/1/root/run/netns/a',
    '/proc/1',
    '/proc/01/ns/net',
    '',
  ])('is refused for %j', async (path) => {
    await addNetns('a');
    expect(await kernel.probeNetns(byPath(path))).toMatchObject({ status: 'refused' });
  });

  test('of a process is the process’s', async () => {
    const sleeper = await startSleeper();
    const probe = await kernel.probeNetns(byPath(`/proc/${sleeper.pid}/ns/net`));
    expect(probe).toMatchObject({
      status: 'present',
      identity: { inode: inodeOf(`/proc/${sleeper.pid}/ns/net`) },
    });
    await sleeper.stop();
  });
});

describe('a namespace by process', () => {
  test('is that of the living process, and of no later one with its pid', async () => {
    const { pid, stop } = await startSleeper();
    const probe = await kernel.probeNetns(byPid(pid));
    if (probe.status !== 'present') throw new Error(probe.reason);
    const { startTime } = probe;
    expect(startTime).toMatch(/^\d+$/);
    // Nothing keeps the file of a namespace without a name: it may be another one, and younger, at each look.
    const { createdMs: _, ...lasting } = probe;
    expect(await kernel.probeNetns(byPid(pid, startTime))).toMatchObject(lasting);
    const another = { status: 'absent', reason: `process ${pid} is another one now` };
    expect(await kernel.probeNetns(byPid(pid, '1'))).toEqual(another);
    await stop();
    expect(await kernel.probeNetns(byPid(pid, startTime))).toMatchObject({ status: 'absent' });
  });

  test('is refused for a process of the host, and for process 1', async () => {
    expect(await kernel.probeNetns(byPid(process.pid))).toMatchObject({
      status: 'refused',
      reason: expect.stringContaining("is the host's own network namespace"),
    });
    expect(await kernel.probeNetns(byPid(1))).toMatchObject({ status: 'refused' });
  });

  test.for([0, -1, 2 ** 31 - 1, 4_194_305])('is absent for pid %d', async (pid) => {
    expect(await kernel.probeNetns(byPid(pid))).toMatchObject({ status: 'absent' });
  });
});

describe('namespaces that we make', () => {
  const create: Operation = { op: 'createNetns', netns: 'c', object: 'c', name: 'c', alias: 'vethd:c' };
  const remove: Operation = { op: 'removeNetns', netns: HOST, object: 'c', name: 'c' };

  test('are those of `ip netns`', async () => {
    expect(await refusals(kernel, [create], new Map())).toEqual([]);
    expect(await ip(['netns', 'list'])).toMatch(/^c\b/);
    expect((await linksOf('c')).map(({ ifname, ifalias }) => [ifname, ifalias])).toEqual([['lo', 'vethd:c']]);
    await inNetns('c', 'true');
    await removeNetns('c');
    expect(await kernel.probeNetns(byName('c'))).toMatchObject({ status: 'absent' });
  });

  test('are found again by their alias', async () => {
    await addNetns('stranger');
    await refusals(kernel, [create], new Map());
    const scan = { host: [], hostSysctls: [], scanNames: true };
    const queryOf = (name: string) => ({ key: name, ref: byName(name), sysctls: [] });
    const { ownNetns } = await kernel.observe({ ...scan, netns: [] });
    expect(ownNetns).toEqual([{ name: 'c', alias: 'vethd:c', identity: expect.anything() }]);
    const queries = ['stranger', 'c', 'nobody'].map(queryOf);
    expect((await kernel.observe({ ...scan, netns: queries })).ownNetns).toEqual(ownNetns);
  });

  test('are not made over something else', async () => {
    writeFileSync('/run/netns/c', 'something else');
    expect(await refusals(kernel, [create], new Map())).toEqual(['createNetns EEXIST']);
  });

  test('with a bad name are not made at all', async () => {
    const bad = { ...create, name: '../c' };
    expect(await refusals(kernel, [bad], new Map())).toEqual(['createNetns EINVAL']);
  });

  test('go, whoever made them, and only as they were seen', async () => {
    await addNetns('c');
    const stale = new Map([['c', { ref: byName('c'), identity: { bootId: kernel.bootId, inode: '4:1' } }]]);
    expect(await refusals(kernel, [remove], stale)).toEqual(['removeNetns ESTALE']);
    expect(await refusals(kernel, [remove], named('c'))).toEqual([]);
    expect(listNetns()).toEqual([]);
    expect(await refusals(kernel, [remove], new Map())).toEqual(['removeNetns ENOENT']);
  });

  test('made and removed leave the thread where it was', async () => {
    expect(await refusals(kernel, [create, remove], new Map())).toEqual([]);
    const { host } = await kernel.observe({ host: 'all', hostSysctls: [], netns: [], scanNames: false });
    expect(host.links.map(({ ifname }) => ifname)).toEqual((await linksOf()).map(({ ifname }) => ifname));
    expect(kernel.hostIdentity.inode).toBe(inodeOf('/proc/self/ns/net'));
  });
});

describe('numbers of namespaces', () => {
  test('are given once, and none to what is not there', async () => {
    await addNetns('a');
    const nsid = await kernel.nsidOf(byName('a'));
    expect(nsid).toBeGreaterThanOrEqual(0);
    expect(await kernel.nsidOf(byName('a'))).toBe(nsid);
    expect(await kernel.nsidOf(byName('nope'))).toBe(-1);
  });
});
