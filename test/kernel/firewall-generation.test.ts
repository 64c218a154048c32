/** At which generation of nftables our tables are known to be as we left them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderRuleset, rulesetText } from '../../src/firewall/ruleset.ts';
import type { FirewallGeneration, Kernel, KernelChange } from '../../src/kernel/contract.ts';
import { FirewallAuthors, FirewallEvents } from '../../src/kernel/firewall-events.ts';
import { openKernel } from '../../src/kernel/index.ts';
import { NetfilterSocket } from '../../src/kernel/netfilter-socket.ts';
import { applyElementChanges, readGeneration } from '../../src/kernel/nft.ts';
import { HOST } from '../../src/model/netstate.ts';
import type { Operation } from '../../src/model/operation.ts';
import { run } from '../helpers/commands.ts';
import '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const AT = { netns: HOST, object: 'firewall' } as const;
const TEXT = rulesetText(renderRuleset({ networks: [], endpoints: [], guardedForwarding: [] }));
const WHOLE: Operation = { ...AT, op: 'applyRuleset', text: TEXT };

function element(change: { readonly add?: string[]; readonly remove?: string[] }): Operation {
  return { ...AT, op: 'changeElements', changes: [{ set: 'bridges', add: [], remove: [], ...change }] };
}

const socket = new NetfilterSocket();
let kernel: Kernel;
let changes: KernelChange[] = [];

beforeAll(async () => {
  kernel = await openKernel();
});

afterAll(async () => {
  await kernel.close();
  socket.close();
});

async function apply(operation: Operation): Promise<void> {
  expect(await kernel.apply({ operations: [operation], netns: new Map() })).toEqual([{ ok: true }]);
}

/** Waits until the kernel thread has heard of the last transaction, and gives what it then knows. */
async function known(): Promise<FirewallGeneration> {
  return until('the last generation is known', async () => {
    const generation = await kernel.firewallGeneration();
    return generation?.id === readGeneration(socket) && generation;
  });
}

/** Waits until nothing is known. */
async function unknown(): Promise<void> {
  await until('nothing is known', async () => (await kernel.firewallGeneration()) === undefined);
}

test('is not known before events are', async () => {
  await apply(WHOLE);
  expect(await kernel.firewallGeneration()).toBeUndefined();
  expect(await kernel.isFirewallAt({ host: 'any', id: readGeneration(socket) ?? 0 })).toBe(false);
  await kernel.watch((change) => changes.push(change));
  expect(await kernel.firewallGeneration()).toBeUndefined();
});

test('is that of our last transaction, and of what others do elsewhere since', async () => {
  await apply(WHOLE);
  const whole = await known();
  await apply(element({ add: ['"br-a"'] }));
  const more = await known();
  await run('nft', ['add', 'table', 'inet', 'other']);
  const other = await known();
  expect([more.id - whole.id, other.id - more.id]).toEqual([1, 1]);
  expect([more.host, other.host]).toEqual([whole.host, whole.host]);
});

test('is that after senders were forgotten, which nobody waits for', async () => {
  const member = ['"veth0000001" : goto checked_both'];
  await apply(WHOLE);
  await apply({ ...AT, op: 'changeElements', changes: [{ set: 'members', add: member, remove: [] }] });
  const before = await known();
  await apply({ ...AT, op: 'forgetSenders', changes: [{ set: 'members', add: [], remove: member }] });
  // Whoever asks next finds them gone.
  const after = await known();
  expect(after.id - before.id).toBe(1);
  expect(await run('nft', ['list', 'map', 'bridge', 'vethd', 'members'])).not.toContain('veth0000001');
});

test('senders that are not there to be forgotten are told as a change of the firewall', async () => {
  await apply(WHOLE);
  await known();
  changes = [];
  const remove = ['"veth0000002" : goto checked_both'];
  await apply({ ...AT, op: 'forgetSenders', changes: [{ set: 'members', add: [], remove }] });
  await until('it is told', () => changes.some(({ kind }) => kind === 'firewall'));
});

test('is lost when somebody else changes our tables, until we have written all of them', async () => {
  await apply(WHOLE);
  await known();
  await run('nft', ['add', 'element', 'inet', 'vethd', 'bridges', '{ "br-x" }']);
  await unknown();
  await apply(element({ add: ['"br-b"'] }));
  changes = [];
  await run('nft', ['add', 'table', 'ip', 'filter']);
  // Two more transactions have been heard of then, which tell nothing of what was changed.
  await until('it is heard of', () => changes.some(({ kind }) => kind === 'foreignFirewall'));
  expect(await kernel.firewallGeneration()).toBeUndefined();
  await apply(WHOLE);
  await known();
  await run('nft', ['flush', 'ruleset']);
  await unknown();
});

test('is recognised as long as nobody writes anything', async () => {
  await apply(WHOLE);
  const generation = await known();
  expect(await kernel.isFirewallAt(generation)).toBe(true);
  expect(await kernel.isFirewallAt({ ...generation, host: `${generation.host}1` })).toBe(false);
  expect(await kernel.isFirewallAt({ ...generation, id: generation.id + 1 })).toBe(false);
  await run('nft', ['add', 'table', 'inet', 'third']);
  expect(await kernel.isFirewallAt(generation)).toBe(false);
});

test('another kernel thread recognises it, and follows from there', async () => {
  await apply(WHOLE);
  const generation = await known();
  const second = await openKernel();
  await second.watch(() => undefined);
  expect(await second.firewallGeneration()).toBeUndefined();
  expect(await second.isFirewallAt(generation)).toBe(true);
  expect(await second.firewallGeneration()).toEqual(generation);
  await run('nft', ['delete', 'element', 'inet', 'vethd', 'bridges', '{ "br-none" }']).catch(() => undefined);
  expect(await second.firewallGeneration()).toEqual(generation);
  await run('nft', ['add', 'element', 'inet', 'vethd', 'bridges', '{ "br-y" }']);
  await until('it is lost', async () => (await second.firewallGeneration()) === undefined);
  await second.close();
});

test('who comes to a port where an nft of ours has written is somebody else', async () => {
  await apply(WHOLE);
  const authors = new FirewallAuthors();
  const heard: string[] = [];
  const events = new FirewallEvents(authors, (touched) => heard.push(touched));
  const write = (change: 'add' | 'remove') => {
    const changes = { set: 'bridges', add: [], remove: [], [change]: ['"br-p"'] } as const;
    expect(applyElementChanges(socket, [changes])).toEqual({ ok: true });
  };
  write('add');
  await until('a stranger is heard of', () => heard.length === 1);
  authors.add(socket.port, 'ruleset');
  write('remove');
  await until('it is taken for ours', () => events.generation === readGeneration(socket));
  write('add');
  await until('it is not', () => heard.length === 2);
  expect([heard, events.generation]).toEqual([['firewall', 'firewall'], undefined]);
  events.close();
});
