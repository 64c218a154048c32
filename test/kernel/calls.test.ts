/** What crosses between the daemon's thread and the kernel thread, and in how many messages: each wakes somebody. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync, statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NEWBORN_GROUP } from '../../src/kernel/codec/link.ts';
import type { ApplyRequest, Kernel, NetnsRef } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { COLLECTIONS } from '../../src/kernel/memory.ts';
import { Namespaces } from '../../src/kernel/netns.ts';
import { NetlinkSocket } from '../../src/kernel/socket.ts';
import { Target, Targets } from '../../src/kernel/targets.ts';
import { startKernelThread } from '../../src/kernel/thread.ts';
import { ThreadClient } from '../../src/kernel/thread-client.ts';
import { addNetns, ip, linksOf, removeNetns } from '../helpers/host.ts';
import { bridgeOperations, connectOperations, disconnectOperation, named } from '../helpers/operations.ts';
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
  const list = () => kernel.listNetnsNames();
  const probe = () => kernel.probeNetns(LOST);
  expect((await messagesOf(() => Promise.all([list(), probe(), probe()]))).answers).toEqual([3]);
  expect((await messagesOf(() => Promise.all([probe(), list()]))).answers).toEqual([1, 1]);
});

test('an answer waits for a few short calls, not for a thousand', async () => {
  const probes = Array.from({ length: 20 }, () => () => kernel.probeNetns(LOST));
  const list = () => kernel.listNetnsNames();
  const { answers } = await messagesOf(() => Promise.all([list, ...probes].map((call) => call())));
  expect(answers).toEqual([8, 8, 5]);
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

/** A reference to the namespace at that name, as it is now. */
async function identified(name: string): Promise<ApplyRequest['netns']> {
  const ref = { kind: 'name', name } as const;
  const probe = await kernel.probeNetns(ref);
  if (probe.status !== 'present') throw new Error(probe.reason);
  return new Map([[name, { ref, identity: probe.identity }]]);
}

test('what is prepared is posted in the same turn, as a look is, and has no answer', async () => {
  const work = async () => {
    kernel.prepare({ netns: new Map(), names: new Map() });
    const looking = kernel.observe(NOTHING);
    const asking = kernel.probeNetns(LOST);
    expect(Worker.prototype.postMessage).toHaveBeenCalledTimes(2);
    await Promise.all([looking, asking]);
  };
  const { calls, answers } = await messagesOf(work);
  expect(calls).toEqual([1, 1, 1]);
  expect(answers.reduce((sum, count) => sum + count)).toBe(2);
});

test('a namespace and its links that are prepared are those of the apply that follows', async () => {
  await addNetns('a');
  await addNetns('b');
  const connect = [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)];
  await kernel.apply({ operations: connect, netns: named('a') });
  const netns = await identified('a');
  const whole = (...names: string[]) => ({ index: [], whole: names });
  kernel.prepare({
    netns,
    names: new Map([
      ['a', whole('eth0')],
      ['host', whole('veth1')],
    ]),
  });
  await until('it is open', () => descriptorsOf('a').length === 1);
  // Both names lead elsewhere by now: who asks only then finds another namespace, and no link.
  execFileSync('mount', ['--bind', '/run/netns/b', '/run/netns/a']);
  await ip(['link', 'set', 'veth1', 'name', 'other']);
  expect(await kernel.apply({ operations: [disconnectOperation('a', 'veth1')], netns })).toEqual([
    { ok: true },
  ]);
  execFileSync('umount', ['/run/netns/a']);
  await kernel.reap();
  expect([await linksOf('a'), await linksOf()].map((links) => links.map(({ ifname }) => ifname))).toEqual([
    ['lo'],
    ['lo', 'br0'],
  ]);
  expect(descriptorsOf('a')).toEqual([]);
  await ip(['link', 'del', 'br0']);
  for (const name of ['a', 'b']) await removeNetns(name);
});

test('what is prepared is let go by every other call', async () => {
  await addNetns('a');
  const netns = await identified('a');
  const prepare = async () => {
    kernel.prepare({ netns, names: new Map([['a', { index: [], whole: [] }]]) });
    await until('it is open', () => descriptorsOf('a').length === 1);
  };
  await prepare();
  await kernel.probeNetns(LOST);
  expect(descriptorsOf('a')).toEqual([]);
  await prepare();
  const other = new Map([
    ['a', { ref: { kind: 'name', name: 'a' } as const, identity: kernel.hostIdentity }],
  ]);
  const refused = await kernel.apply({ operations: [LO_UP], netns: other });
  expect(refused).toMatchObject([{ ok: false, errno: 'ESTALE' }]);
  expect(descriptorsOf('a')).toEqual([]);
  await removeNetns('a');
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
