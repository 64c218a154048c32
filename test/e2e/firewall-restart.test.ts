/** A start leaves our tables alone where nobody has changed anything since the last one, and only there. */
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NetfilterSocket } from '../../src/kernel/netfilter-socket.ts';
import { readGeneration } from '../../src/kernel/nft.ts';
import { run } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const daemon = new Daemon();
const socket = new NetfilterSocket();

beforeAll(async () => {
  await daemon.start();
  await daemon.call('POST', '/networks/create', { Name: 'lab' });
  await addNetns('one');
  await daemon.call('POST', '/networks/lab/connect', { Container: 'one' });
});

afterAll(async () => {
  socket.close();
  await daemon.dispose();
  await removeNetns('one');
});

/** Numbers of our tables' objects: those of tables made anew are others. */
async function handles(): Promise<readonly string[]> {
  const tables = await Promise.all(
    ['inet', 'bridge'].map((family) => run('nft', ['--handle', 'list', 'table', family, 'vethd'])),
  );
  return [...tables.join('\n').matchAll(/# handle \d+/g)].map(([handle]) => handle);
}

const listing = (): Promise<string> => run('nft', ['--stateless', 'list', 'ruleset']);

/** Waits until the daemon has noted the state that nftables is in. */
async function noted(): Promise<void> {
  await until('it is noted', () => {
    const database = new Database(`${daemon.stateDir}/vethd.db`, { readonly: true });
    const text = database.prepare("SELECT value FROM meta WHERE key = 'setting.firewall'").pluck().get();
    database.close();
    return JSON.parse(String(text)).generation.id === readGeneration(socket);
  });
}

async function restart(meanwhile: () => Promise<unknown> = async () => undefined): Promise<void> {
  await daemon.kill();
  await meanwhile();
  await daemon.start();
}

test('where nothing was changed, the tables are the same as before', async () => {
  await noted();
  const before = [await handles(), await listing()];
  await restart();
  await restart();
  expect([await handles(), await listing()]).toEqual(before);
  // They are followed from there: elements come and go, and what somebody breaks is mended.
  await addNetns('two');
  await daemon.call('POST', '/networks/lab/connect', { Container: 'two' });
  expect(await handles()).toEqual(expect.arrayContaining([...(before[0] ?? [])]));
  await daemon.call('POST', '/networks/lab/disconnect', { Container: 'two' });
  await until('it is forgotten', async () => (await listing()) === before[1]);
  await run('nft', ['flush', 'set', 'bridge', 'vethd', 'sources4']);
  await until('it is mended', async () => (await listing()) === before[1]);
  await removeNetns('two');
});

test.each([
  ['flushed', ['flush', 'ruleset']],
  ['emptied in part', ['flush', 'set', 'bridge', 'vethd', 'sources4']],
  ['given one more rule', ['insert', 'rule', 'inet', 'vethd', 'forward', 'drop']],
])('what was %s meanwhile is mended', async (_, command) => {
  await noted();
  const [before, tables] = [await listing(), await handles()];
  await restart(() => run('nft', command));
  expect(await listing()).toBe(before);
  expect(await handles()).not.toEqual(tables);
});

test.each(['apply.changeElements', 'apply.createBridge', 'birth.unmarked'])(
  'after a crash at %s the tables are what the rows ask for',
  async (place) => {
    await noted();
    await daemon.kill();
    await daemon.start({ VETHD_FAILPOINT: place });
    await expect(daemon.call('POST', '/networks/create', { Name: 'more' })).rejects.toThrow();
    await daemon.kill();
    await daemon.start();
    const found = await listing();
    const { Id } = await daemon.call('GET', '/networks/more');
    expect(found).toContain(`"br-${Id.slice(0, 12)}"`);
    // Written anew by the same rows they are the same.
    await run('nft', ['flush', 'ruleset']);
    await until('it is mended', async () => (await listing()) === found);
    await daemon.call('DELETE', '/networks/more');
  },
);
