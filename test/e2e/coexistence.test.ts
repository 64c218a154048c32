/** Beside another program's firewall that drops what is forwarded: told with the line that mends it, or one rule. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../helpers/commands.ts';
import { Daemon } from '../helpers/daemon.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { makeOutside, OUTSIDE } from '../helpers/firewall-lab.ts';
import { addNetns, ping } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const reachesOutside = (family: 'ipv4' | 'ipv6' = 'ipv4') => ping('one', OUTSIDE.out0[family].own);

async function warningsOf(daemon: Daemon): Promise<readonly string[]> {
  return (await daemon.call('GET', '/info')).Warnings ?? [];
}

/** The lines that a warning names, as a person would paste them. */
function linesOf(warning: string): string {
  return /mend it with: (.*)$/.exec(warning)?.[1] ?? '';
}

async function join(daemon: Daemon): Promise<void> {
  await daemon.call('POST', '/networks/create', {
    Name: 'lan',
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '10.75.0.0/24' }, { Subnet: 'fd75::/64' }] },
  });
  await daemon.call('POST', '/networks/lan/connect', { Container: 'one' });
}

const dockerUser = (program: string) => run(program, ['-S', 'DOCKER-USER']);
const RULE = '-m mark --mark 0x8000000/0x8000000 -m comment --comment vethd -j ACCEPT';

async function rules(program = 'iptables-nft'): Promise<readonly string[]> {
  return (await dockerUser(program)).split('\n').filter((line) => line.startsWith('-A'));
}

/** What dockerd makes of FORWARD when it starts. */
async function likeDocker(program: string): Promise<void> {
  await run(program, ['-P', 'FORWARD', 'DROP']);
  await run(program, ['-N', 'DOCKER-USER']);
  await run(program, ['-A', 'DOCKER-USER', '-j', 'RETURN']);
  await run(program, ['-I', 'FORWARD', '-j', 'DOCKER-USER']);
}

async function unlikeDocker(program: string): Promise<void> {
  await run(program, ['-P', 'FORWARD', 'ACCEPT']);
  for (const args of [['-F'], ['-X']]) await run(program, args);
}

beforeAll(async () => {
  await makeOutside('out0');
  await addNetns('one');
});

/** The same state in turn: without the flag, with it, without. */
const daemon = new Daemon();
const state = new Daemon({ args: ['--state-dir', daemon.stateDir, '--manage-docker-user'] });

afterAll(async () => {
  await state.dispose();
  await daemon.dispose();
});

describeWith(['iptables-nft', 'ip6tables-nft'], 'beside a firewall that drops what is forwarded', () => {
  test('a policy of nft: GET /info names the lines, and they mend it', async () => {
    await daemon.start();
    await join(daemon);
    expect([await reachesOutside(), await warningsOf(daemon)]).toEqual([true, []]);
    const chain = 'chain forward { type filter hook forward priority 0; policy drop; };';
    await run('nft', ['-f', '-'], { input: `table inet foreign { ${chain} }\n` });
    expect(await reachesOutside()).toBe(false);
    const [warning = ''] = await warningsOf(daemon);
    expect(warning).toContain('another program drops forwarded packets by the policy of chain forward');
    await run('sh', ['-ec', linesOf(warning)]);
    expect([await reachesOutside(), await reachesOutside('ipv6')]).toEqual([true, true]);
    expect(await warningsOf(daemon)).toEqual([]);
    await run('nft', ['delete', 'table', 'inet', 'foreign']);
  });

  test('Docker’s: the lines go into DOCKER-USER', async () => {
    await likeDocker('iptables');
    expect(await reachesOutside()).toBe(false);
    const [warning = ''] = await warningsOf(daemon);
    expect(warning).toMatch(/^Docker drops .* iptables -I DOCKER-USER -i \S+ -j ACCEPT; iptables/);
    await run('sh', ['-ec', linesOf(warning)]);
    expect(await reachesOutside()).toBe(true);
    await unlikeDocker('iptables');
  });

  test('vethd itself changes nothing of it', async () => {
    await likeDocker('iptables-nft');
    await daemon.call('POST', '/vethd/reconcile');
    expect(await rules()).toEqual(['-A DOCKER-USER -j RETURN']);
    expect(await reachesOutside()).toBe(false);
    await unlikeDocker('iptables-nft');
    await daemon.stop();
  });
});

describeWith(['iptables-nft', 'ip6tables-nft'], '--manage-docker-user', () => {
  const ours = (program?: string) =>
    until('our rule is there', async () => (await rules(program))[0] === `-A DOCKER-USER ${RULE}`);

  test('one rule, first in the chain, and the way out is open in both families', async () => {
    await likeDocker('iptables-nft');
    await likeDocker('ip6tables-nft');
    await state.start();
    await ours();
    await ours('ip6tables-nft');
    expect([await reachesOutside(), await reachesOutside('ipv6')]).toEqual([true, true]);
    expect(await rules()).toHaveLength(2);
    expect(await warningsOf(state)).toEqual([]);
  });

  test('published ports, and answers, pass too', async () => {
    const ports = { '80/tcp': [{ HostPort: '8080' }] };
    const { NetworkSettings: settings } = await state.call('GET', '/containers/one/json');
    const path = `/vethd/endpoints/${settings.Networks.lan.EndpointID}`;
    await state.call('PATCH', path, { PortBindings: ports });
    // Refused by the member, where nobody listens: the packet went there and back.
    const script = `exec 3<>/dev/tcp/${OUTSIDE.out0.ipv4.host}/8080`;
    const refused = await run('sh', ['-c', `ip netns exec out0 timeout 5 bash -c '${script}' 2>&1 || true`]);
    expect(refused).toContain('refused');
  });

  test('kept when somebody flushes the chain, or makes it anew', async () => {
    await run('iptables-nft', ['-F', 'DOCKER-USER']);
    await ours();
    await unlikeDocker('iptables-nft');
    await likeDocker('iptables-nft');
    await ours();
    expect(await reachesOutside()).toBe(true);
  });

  test('doubled, it is one again', async () => {
    await run('iptables-nft', ['-I', 'DOCKER-USER', ...RULE.split(' ')]);
    await until(
      'one is left',
      async () => (await rules()).filter((line) => line.includes('mark')).length === 1,
    );
  });

  test('a start without the flag takes it away', async () => {
    await state.kill();
    await daemon.start();
    await until('it is gone', async () => (await rules()).every((line) => !line.includes('mark')));
    await until('it is gone', async () =>
      (await rules('ip6tables-nft')).every((line) => !line.includes('mark')),
    );
    expect(await run('nft', ['list', 'table', 'inet', 'vethd'])).not.toContain('marking');
  });

  test('so does a purge', async () => {
    await daemon.stop();
    await state.start();
    await ours();
    await ours('ip6tables-nft');
    await state.vethctl('purge', '--force', '--state-dir', daemon.stateDir);
    for (const program of ['iptables-nft', 'ip6tables-nft']) {
      expect(await rules(program)).toEqual(['-A DOCKER-USER -j RETURN']);
    }
  });
});
