/** What crosses between the daemon's thread and the kernel thread, and in how many messages: each wakes somebody. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync, statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NEWBORN_GROUP } from '../../src/kernel/codec/link.ts';
import type { Kernel, NetnsRef } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { COLLECTIONS } from '../../src/kernel/memory.ts';
import { Namespaces } from '../../src/kernel/netns.ts';
import { NetlinkSocket } from '../../src/kernel/socket.ts';
import { Target, Targets } from '../../src/kernel/targets.ts';
import { startKernelThread } from '../../src/kernel/thread.ts';
import { ThreadClient } from '../../src/kernel/thread-client.ts';
import { addNetns, ip, linksOf, removeNetns } from '../helpers/host.ts';
import { bridgeOperations, connectOperations, named } from '../helpers/operations.ts';
import { until } from '../helpers/until.ts';

const LOST: NetnsRef = { kind: 'name', name: 'lost' };
const NOTHING = { host: [], hostSysctls: [], netns: [], scanNames: false };

let kernel: Kernel;

beforeAll(async () => {
  // It never finds that it is quiet: what it would do then is not the tests'.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  kernel = await openKernel();
  vi.useRealTimers();
});

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(async () => {
  await kernel.close();
});

/** How many calls, and how many answers, each message of `work` holds. */
async function messagesOf(work: () => Promise<unknown>): Promise<{ calls: number[]; answers: number[] }> {
  const calls: number[] = [];
  const answers: number[] = [];
  const post = Worker.prototype.postMessage;
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message, ...rest) {
    calls.push(message.length);
    post.call(this, message, ...rest);
  });
  const emit = Worker.prototype.emit;
  vi.spyOn(Worker.prototype, 'emit').mockImplementation(function (this: Worker, name, ...values) {
    const [message] = values;
    if (name === 'message' && message.type === 'answers') answers.push(message.answers.length);
    return emit.call(this, name, ...values);
  });
  await work();
  vi.restoreAllMocks();
  return { calls, answers };
}

test('what is called in one turn goes in one message, what comes later in another', async () => {
  const together = () => Promise.all([kernel.probeNetns(LOST), kernel.nsidOf(LOST), kernel.visitNetns(LOST)]);
  expect((await messagesOf(together)).calls).toEqual([3]);
  const apart = async () => {
    await kernel.probeNetns(LOST);
    await kernel.probeNetns(LOST);
  };
  expect((await messagesOf(apart)).calls).toEqual([1, 1]);
});

test('an answer waits for the short calls behind it, and not for a long one', async () => {
  const observe = () => kernel.observe(NOTHING);
  const probe = () => kernel.probeNetns(LOST);
  expect((await messagesOf(() => Promise.all([observe(), probe(), probe()]))).answers).toEqual([3]);
  expect((await messagesOf(() => Promise.all([probe(), observe()]))).answers).toEqual([1, 1]);
});

test('each caller gets its own answer or error', async () => {
  await addNetns('a');
  const results = await Promise.allSettled([
    kernel.probeNetns({ kind: 'name', name: 'a' }),
    kernel.openDnsSockets(LOST, kernel.hostIdentity),
    kernel.listNetnsNames(),
  ]);
  expect(results).toMatchObject([
    { status: 'fulfilled', value: { status: 'present' } },
    { status: 'rejected', reason: { kind: 'notFound' } },
    { status: 'fulfilled', value: ['a'] },
  ]);
  await removeNetns('a');
});

/** Descriptors of this process that are of the namespace at that name. */
function descriptorsOf(name: string): string[] {
  const { dev, ino } = statSync(`/run/netns/${name}`);
  return readdirSync('/proc/self/fd').filter((fd) => {
    // Some other one may have been closed meanwhile.
    const stat = statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false });
    return stat?.ino === ino && stat.dev === dev;
  });
}

/** lo of the namespace that was looked at, up. */
const LO_UP = { op: 'changeLink', netns: 'a', object: 'a', ifname: 'lo', change: { up: true } } as const;

test('a namespace that was looked at goes to the kernel thread open, and is closed there', async () => {
  await addNetns('a');
  await addNetns('b');
  const found = kernel.lookAtNetns({ kind: 'name', name: 'a' });
  const identity = found.status === 'present' ? found.identity : undefined;
  const held = descriptorsOf('a');
  expect(held).toHaveLength(1);
  // The name leads elsewhere before the kernel thread hears of it; what was looked at has no other name.
  execFileSync('mount', ['--bind', '/run/netns/b', '/run/netns/a']);
  const netns = new Map([['a', { ref: { kind: 'name', name: 'a' } as const, identity }]]);
  expect(await kernel.apply({ operations: [LO_UP], netns })).toEqual([{ ok: true }]);
  execFileSync('umount', ['/run/netns/a']);
  expect(await linksOf('a')).toMatchObject([{ ifname: 'lo', flags: expect.arrayContaining(['UP']) }]);
  expect(await linksOf('b')).toMatchObject([{ ifname: 'lo', flags: expect.not.arrayContaining(['UP']) }]);
  await until('it is closed', () => descriptorsOf('a').length === 0);
  await removeNetns('a');
  await removeNetns('b');
});

test('a namespace that was looked at is held for a turn, and for nobody else', async () => {
  await addNetns('a');
  await addNetns('b');
  const lookAt = (name: string) => kernel.lookAtNetns({ kind: 'name', name });
  lookAt('a');
  lookAt('b');
  expect([descriptorsOf('a').length, descriptorsOf('b').length]).toEqual([0, 1]);
  const other = lookAt('a').status === 'present' ? kernel.hostIdentity : undefined;
  const netns = new Map([['a', { ref: { kind: 'name', name: 'a' } as const, identity: other }]]);
  expect(await kernel.apply({ operations: [LO_UP], netns })).toMatchObject([{ ok: false, errno: 'ESTALE' }]);
  await until('both are closed', () => descriptorsOf('a').length + descriptorsOf('b').length === 0);
  await removeNetns('a');
  await removeNetns('b');
});

test('the last namespace that was worked in is given out again to who asks for it next', async () => {
  await addNetns('a');
  await addNetns('b');
  const namespaces = new Namespaces({ netnsDir: '/run/netns', allowedPaths: [] });
  const host = new NetlinkSocket();
  const worked = (...names: string[]) => {
    const targets = new Targets(namespaces, host, named(...names));
    const fds = names.map((name) => {
      const target = targets.get(name);
      return target instanceof Target ? target.fd : -1;
    });
    targets.end();
    return fds;
  };
  const [fd] = worked('a');
  expect(descriptorsOf('a')).toEqual([String(fd)]);
  const again = namespaces.open({ kind: 'name', name: 'a' });
  expect(again).toMatchObject({ status: 'present', fd });
  if (again.status === 'present') closeSync(again.fd);
  worked('a');
  namespaces.forget();
  expect(descriptorsOf('a')).toEqual([]);
  // Of two none is kept: nobody asks for both.
  worked('a', 'b');
  expect([...descriptorsOf('a'), ...descriptorsOf('b')]).toEqual([]);
  host.close();
  namespaces.close();
  for (const name of ['a', 'b']) await removeNetns(name);
});

test('a namespace in which links were put is used for its sockets, and then let go', async () => {
  await addNetns('a');
  const ref: NetnsRef = { kind: 'name', name: 'a' };
  const probe = await kernel.probeNetns(ref);
  if (probe.status !== 'present') throw new Error(probe.reason);
  const connect = {
    operations: [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)],
    netns: named('a'),
  };
  const [results, sockets] = await Promise.all([
    kernel.apply(connect),
    kernel.openDnsSockets(ref, probe.identity),
  ]);
  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(descriptorsOf('a')).toEqual([]);
  closeSync(sockets.udpFd);
  closeSync(sockets.tcpFd);
  // Another one by that name is told from the one that was just worked in.
  const other = { ...probe.identity, inode: '1:1' };
  const [, refused] = await Promise.allSettled([
    kernel.apply({ operations: [], netns: new Map() }),
    kernel.openDnsSockets(ref, other),
  ]);
  expect(refused).toMatchObject({ status: 'rejected', reason: { kind: 'notFound', errno: 'ESTALE' } });
  const again = { op: 'changeLink', netns: 'a', object: 'x', ifname: 'eth0', change: { mtu: 1300 } } as const;
  expect(await kernel.apply({ operations: [again], netns: named('a') })).toEqual([{ ok: true }]);
  await until('it is let go', () => descriptorsOf('a').length === 0);
  await removeNetns('a');
});

test('when it is quiet, memory is given back', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const collect = vi.fn();
  vi.stubGlobal('gc', collect);
  const quiet = await openKernel();
  await quiet.listNetnsNames();
  expect(collect).not.toHaveBeenCalled();
  vi.advanceTimersByTime(3_000);
  // The call came after the pause had begun to be measured: one more is waited for.
  expect(collect).not.toHaveBeenCalled();
  vi.advanceTimersByTime(3_000);
  await until('it has collected', () => collect.mock.calls.length === COLLECTIONS);
  vi.useRealTimers();
  vi.unstubAllGlobals();
  await quiet.close();
});

test('a thread that is only started leaves alone what may be half made; opened later, it clears that away', async () => {
  await ip(['link', 'add', 'newborn', 'type', 'bridge']);
  await ip(['link', 'set', 'newborn', 'group', String(NEWBORN_GROUP)]);
  const started = startKernelThread();
  await once(started.worker, 'message');
  const names = async () => (await linksOf()).map(({ ifname }) => ifname);
  expect(await names()).toContain('newborn');
  const later = await openKernel({ thread: new ThreadClient(started) });
  expect(await names()).not.toContain('newborn');
  await later.close();
});
