import { expect, test } from 'vitest';
import { parseForeignFirewall } from './foreign-firewall.ts';

function chains(...list: readonly object[]): string {
  return JSON.stringify({
    nftables: [{ metainfo: { version: '1.0.6' } }, ...list.map((chain) => ({ chain }))],
  });
}

const FORWARD = { family: 'ip', table: 'filter', name: 'FORWARD', type: 'filter', hook: 'forward', prio: 0 };

test('a forward chain and its policy; ours and other hooks are left out', () => {
  const json = chains(
    { ...FORWARD, policy: 'drop' },
    { ...FORWARD, name: 'INPUT', hook: 'input', policy: 'drop' },
    { ...FORWARD, family: 'inet', table: 'vethd', name: 'forward', policy: 'accept' },
    { ...FORWARD, family: 'bridge', name: 'forward', policy: 'drop' },
  );
  expect(parseForeignFirewall(json).forwardChains).toEqual([
    { family: 'ip', table: 'filter', chain: 'FORWARD', policy: 'drop', accepts: [], legacy: false },
  ]);
});

test('who translates what leaves the host', () => {
  const nat = { table: 'nat', name: 'POSTROUTING', type: 'nat', hook: 'postrouting', prio: 100 };
  const json = chains(
    { ...nat, family: 'ip' },
    { ...nat, family: 'ip6', hook: 'prerouting' },
    { ...nat, family: 'ip6', type: 'filter' },
    { ...nat, family: 'inet', table: 'vethd' },
  );
  expect(parseForeignFirewall(json).translates).toEqual(['ipv4']);
  expect(parseForeignFirewall(chains({ ...nat, family: 'inet' })).translates).toEqual(['ipv4', 'ipv6']);
});

test('Docker, ufw and firewalld by their chains and tables', () => {
  const json = chains(
    { family: 'ip', table: 'filter', name: 'DOCKER-USER' },
    { family: 'ip6', table: 'filter', name: 'ufw6-before-forward' },
    { family: 'inet', table: 'firewalld', name: 'filter_FORWARD' },
  );
  expect(parseForeignFirewall(json)).toMatchObject({ dockerUser: ['ip'], ufw: ['ip6'], firewalld: true });
});

test.for(['{}', '{"nftables": 1}', '{"nftables": [null, {"chain": 1}, {"chain": {"name": "x"}}]}'])(
  'nothing in %s',
  (json) => {
    expect(parseForeignFirewall(json).forwardChains).toEqual([]);
  },
);
