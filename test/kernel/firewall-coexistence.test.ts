/** Beside a firewall that drops what is forwarded: it is noticed, and the line that vethd names mends it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findObstacles } from '../../src/firewall/coexistence.ts';
import { renderRuleset, rulesetText } from '../../src/firewall/ruleset.ts';
import { readForeignFirewall } from '../../src/kernel/foreign-firewall.ts';
import { runNft } from '../../src/kernel/nft.ts';
import { run } from '../helpers/commands.ts';
import { describeWith } from '../helpers/describe-with.ts';
import {
  buildMembers,
  firewallEndpoint,
  type LabNetwork,
  makeOutside,
  memberName,
  NETWORKS,
  OUTSIDE,
} from '../helpers/firewall-lab.ts';
import { ping } from '../helpers/host.ts';

const [nat] = NETWORKS as readonly [LabNetwork];
const bridges = [nat.firewall.bridge];

const reachesOutside = (): Promise<boolean> => ping(memberName(nat, 2), OUTSIDE.out0.ipv4.own);
const obstacles = async () => findObstacles(await readForeignFirewall(), bridges);

async function mend(): Promise<void> {
  for (const obstacle of await obstacles()) {
    for (const line of obstacle.lines) {
      const [file = '', ...args] = line.split(' ');
      await run(file, args);
    }
  }
}

beforeAll(async () => {
  await buildMembers(nat);
  await makeOutside('out0');
  await run('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1']);
  const endpoints = [firewallEndpoint(nat, 2), firewallEndpoint(nat, 3)];
  const ruleset = renderRuleset({ networks: [nat.firewall], endpoints, guardedForwarding: [] });
  expect(await runNft(rulesetText(ruleset), () => undefined)).toEqual({ ok: true });
});

test('nobody in the way, nothing to say', async () => {
  expect(await obstacles()).toEqual([]);
  expect(await reachesOutside()).toBe(true);
});

test('a table of nft that drops by policy', async () => {
  const input =
    'table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }\n';
  await run('nft', ['-f', '-'], { input });
  expect(await reachesOutside()).toBe(false);
  await mend();
  expect(await reachesOutside()).toBe(true);
  expect(await obstacles()).toEqual([]);
});

describeWith(['iptables-nft'], 'with iptables', () => {
  afterAll(() => run('iptables-nft', ['-P', 'FORWARD', 'ACCEPT']));

  test('a dropping policy with Docker’s chain for users', async () => {
    await run('nft', ['delete', 'table', 'inet', 'filter']);
    await run('iptables-nft', ['-N', 'DOCKER-USER']);
    await run('iptables-nft', ['-I', 'FORWARD', '-j', 'DOCKER-USER']);
    await run('iptables-nft', ['-P', 'FORWARD', 'DROP']);
    expect(await reachesOutside()).toBe(false);
    expect((await obstacles()).flatMap(({ lines }) => lines)).toEqual([
      `iptables -I DOCKER-USER -i ${bridges[0]} -j ACCEPT`,
      `iptables -I DOCKER-USER -o ${bridges[0]} -j ACCEPT`,
    ]);
    for (const option of ['-i', '-o']) {
      await run('iptables-nft', ['-I', 'DOCKER-USER', option, bridges[0] ?? '', '-j', 'ACCEPT']);
    }
    expect(await reachesOutside()).toBe(true);
    expect(await obstacles()).toEqual([]);
  });
});
