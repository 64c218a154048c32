/** What goes to the kernel as bytes ends up as what nft makes of the same text. */
import { afterAll, describe, expect, test } from 'vitest';
import { GOLDEN_INPUTS } from '../../src/firewall/ruleset.fixture.ts';
import { diffRulesets, renderRuleset, rulesetText } from '../../src/firewall/ruleset.ts';
import { NetfilterSocket } from '../../src/kernel/netfilter-socket.ts';
import { applyElementChanges, runNft } from '../../src/kernel/nft.ts';
import { formatElementChanges } from '../../src/model/nft-sets.ts';
import { run } from '../helpers/commands.ts';
import '../helpers/host.ts';

const socket = new NetfilterSocket();

afterAll(() => socket.close());

async function load(text: string): Promise<void> {
  expect(await runNft(text, () => undefined)).toEqual({ ok: true });
}

const listing = (): Promise<string> => run('nft', ['--stateless', 'list', 'ruleset']);

describe('elements as bytes, and taken away again', () => {
  test.for(Object.entries(GOLDEN_INPUTS))('%s', async ([, input]) => {
    const wanted = renderRuleset(input);
    const empty = renderRuleset({ ...input, networks: [], endpoints: [] });
    await load(rulesetText(empty));
    const without = await listing();
    await load(rulesetText(wanted));
    const whole = await listing();
    await load(rulesetText(empty));

    const there = diffRulesets(empty, wanted);
    const back = diffRulesets(wanted, empty);
    const changesOf = (diff: typeof there) =>
      diff.kind === 'elements' ? [...diff.changes, ...diff.departed] : [];
    expect(applyElementChanges(socket, changesOf(there))).toEqual({ ok: true });
    expect(await listing()).toBe(whole);
    expect(applyElementChanges(socket, changesOf(back))).toEqual({ ok: true });
    expect(await listing()).toBe(without);
    // The lines that a dry run shows do the same.
    await load(`${formatElementChanges(changesOf(there)).join('\n')}\n`);
    expect(await listing()).toBe(whole);
  });
});

test('a batch that cannot be done in part is not done at all', async () => {
  await load(rulesetText(renderRuleset({ networks: [], endpoints: [], guardedForwarding: [] })));
  const before = await listing();
  const changes = [
    { set: 'bridges', add: ['"br-a"'], remove: [] },
    { set: 'internal', add: [], remove: ['"br-b"'] },
  ] as const;
  expect(applyElementChanges(socket, changes)).toMatchObject({ ok: false, errno: 'ENOENT' });
  expect(await listing()).toBe(before);
  expect(applyElementChanges(socket, changes.slice(0, 1))).toEqual({ ok: true });
});
