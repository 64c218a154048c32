import { spawn } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Kernel, KernelChange } from '../../src/kernel/contract.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { run } from '../helpers/commands.ts';
import { addNetns, ip, linksOf, removeNetns } from '../helpers/host.ts';
import { bridgeOperations, connectOperations, named, refusals } from '../helpers/operations.ts';
import { until } from '../helpers/until.ts';

let kernel: Kernel;
let changes: KernelChange[] = [];

beforeAll(async () => {
  kernel = await openKernel();
  await kernel.watch((change) => changes.push(change));
});

afterAll(async () => {
  await kernel.close();
});

afterEach(async () => {
  for (const { ifname } of await linksOf()) if (ifname !== 'lo') await ip(['link', 'del', ifname]);
  for (const name of await kernel.listNetnsNames()) await removeNetns(name);
});

/** Waits until nothing has been told for a while, and forgets what was. */
async function quiet(): Promise<void> {
  let told = -1;
  await until('no more changes', async () => {
    const still = changes.length === told;
    told = changes.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    return still;
  });
  changes = [];
}

/** Waits until such a change is told. */
function told(expected: Partial<KernelChange>): Promise<KernelChange> {
  return until(JSON.stringify(expected), () =>
    changes.find((change) =>
      Object.entries(expected).every(([key, value]) =>
        Object.entries(change).some(([k, v]) => k === key && v === value),
      ),
    ),
  );
}

test.for([
  ['a new link', ['link', 'add', 'n0', 'type', 'bridge'], 'n0'],
  ['a link that goes down', ['link', 'set', 'b0', 'down'], 'b0'],
  ['a link that goes', ['link', 'del', 'b0'], 'b0'],
  ['a link’s old name', ['link', 'set', 'b0', 'name', 'b9'], 'b0'],
  ['a link’s new name', ['link', 'set', 'b0', 'name', 'b9'], 'b9'],
  ['an address', ['address', 'add', '192.0.2.2/24', 'dev', 'b0'], 'b0'],
  ['an address that goes', ['address', 'flush', 'dev', 'b0'], 'b0'],
  ['an IPv6 address', ['address', 'add', 'fd00::1/64', 'dev', 'b0'], 'b0'],
  ['a route', ['route', 'add', '198.51.100.0/24', 'dev', 'b0'], 'b0'],
  ['an IPv6 route', ['-6', 'route', 'add', 'fd09::/48', 'dev', 'b0'], 'b0'],
  ['a neighbour', ['neigh', 'add', '192.0.2.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'b0'], 'b0'],
  ['a neighbour that goes', ['neigh', 'del', '192.0.2.8', 'dev', 'b0'], 'b0'],
] as const)('tells of %s', async ([, command, ifname]) => {
  await ip(['link', 'add', 'b0', 'up', 'type', 'bridge']);
  await ip(['address', 'add', '192.0.2.1/24', 'dev', 'b0']);
  await ip(['neigh', 'add', '192.0.2.8', 'lladdr', '02:00:00:00:00:08', 'dev', 'b0']);
  await quiet();
  await ip(command);
  await told({ kind: 'network', nsid: undefined, ifname });
});

test('tells of a change inside a namespace by its number', async () => {
  await addNetns('a');
  const operations = [...bridgeOperations('br0'), ...connectOperations('br0', 'a', 'veth1', 2)];
  expect(await refusals(kernel, operations, named('a'))).toEqual([]);
  const nsid = await kernel.nsidOf({ kind: 'name', name: 'a' });
  await quiet();
  await ip(['link', 'set', 'lo', 'up'], 'a');
  await told({ kind: 'network', nsid, ifname: 'lo' });
  await quiet();
  await ip(['route', 'del', 'default'], 'a');
  await told({ kind: 'network', nsid });
  await quiet();
  await run('bridge', ['fdb', 'del', '02:42:0a:4d:00:02', 'dev', 'veth1', 'master']);
  await told({ kind: 'network', nsid: undefined, ifname: 'veth1' });
});

test('a burst is few changes', async () => {
  await ip(['link', 'add', 'b0', 'type', 'bridge']);
  await quiet();
  const lines = Array.from({ length: 500 }, (_, index) => `link set b0 ${index % 2 === 0 ? 'up' : 'down'}\n`);
  await run('ip', ['-batch', '-'], { input: lines.join('') });
  await told({ kind: 'network', ifname: 'b0' });
  await quiet();
  expect(changes.length).toBeLessThan(lines.length);
});

test('more than the socket holds is told as a need to look at everything', async () => {
  await quiet();
  // The thread cannot read while it works: its socket fills with what it causes itself.
  const link = { netns: 'host', object: 'x', op: 'changeLink', ifname: 'lo' } as const;
  const operations = Array.from({ length: 12_000 }, (_, index) => ({
    ...link,
    change: { mtu: 60_000 + (index % 2) },
  }));
  expect(await refusals(kernel, operations, new Map())).toEqual([]);
  await told({ kind: 'resync' });
  await quiet();
  await ip(['link', 'add', 'after', 'type', 'bridge']);
  await told({ kind: 'network', ifname: 'after' });
  await ip(['link', 'set', 'lo', 'mtu', '65536']);
});

test('tells of names, when they lead to a namespace', async () => {
  await quiet();
  await addNetns('a');
  await told({ kind: 'names', name: 'a' });
  await until('the last word was said when it was there', async () => {
    const probe = await kernel.probeNetns({ kind: 'name', name: 'a' });
    return probe.status === 'present' && changes.some((change) => change.kind === 'names');
  });
  await quiet();
  await removeNetns('a');
  await told({ kind: 'names', name: 'a' });
});

test('goes on when the folder of names is another one', async () => {
  mkdirSync('/run/vethd/names/netns', { recursive: true });
  const told: KernelChange[] = [];
  const second = await openKernel({ netnsDir: '/run/vethd/names/netns' });
  await second.watch((change) => told.push(change));
  renameSync('/run/vethd/names/netns', '/run/vethd/names/old');
  await until('it went', () => told.some(({ kind }) => kind === 'resync'));
  told.length = 0;
  mkdirSync('/run/vethd/names/netns');
  await until('it came', () => told.some(({ kind }) => kind === 'resync'));
  mkdirSync('/run/vethd/names/netns/x');
  await until('a name in it', () => told.some((change) => change.kind === 'names' && change.name === 'x'));
  await second.close();
  rmSync('/run/vethd/names', { recursive: true });
});

test('tells when a process ends, also one that has ended', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  await kernel.watchProcess(pid);
  await kernel.watchProcess(pid);
  await quiet();
  child.kill('SIGKILL');
  await told({ kind: 'process', pid });
  await until('it is reaped', () => child.signalCode !== null);
  await quiet();
  await kernel.watchProcess(pid);
  await told({ kind: 'process', pid });
});

test('tells of a change of our nftables tables, and of no others', async () => {
  await quiet();
  await run('nft', ['add', 'table', 'inet', 'other']);
  await run('nft', ['add', 'table', 'inet', 'vethd']);
  await told({ kind: 'firewall' });
  await quiet();
  await run('nft', ['delete', 'table', 'inet', 'other']);
  await quiet();
  expect(changes).toEqual([]);
  await run('nft', ['delete', 'table', 'inet', 'vethd']);
  await told({ kind: 'firewall' });
});
