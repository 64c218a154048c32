/** Names in namespaces, through the daemon: who is known to whom, from when, until when. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { decode, encode } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent } from '../helpers/agent.ts';
import { attempt } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { ethernet, IPV4, ipv4, udp } from '../helpers/frames.ts';
import { addNetns, inNetns, listNetns, ping, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const UPSTREAM = '127.0.0.77';
/** What the host's resolver says of every name. */
const NOT_OURS = '192.0.2.53';
/** The ifindex of lo in every namespace, and what its frames bear for addresses. */
const LOOPBACK = 1;
const NO_MAC = '00:00:00:00:00:00';
const fileOf = (netns: string) => `/etc/netns/${netns}/resolv.conf`;

const dig = (netns: string, ...args: string[]) =>
  inNetns(netns, 'dig', '+short', '+tries=1', '+time=5', '@127.0.0.11', ...args);

async function statusOf(netns: string, ...args: string[]): Promise<string | undefined> {
  const text = await inNetns(netns, 'dig', '+tries=1', '+time=10', '@127.0.0.11', ...args);
  return /status: (\w+)/.exec(text)?.[1];
}

describeWith(['dig', 'getent'], 'names', () => {
  const upstream = createSocket('udp4');
  const asked: string[] = [];

  beforeAll(async () => {
    upstream.on('message', (message, from) => {
      const query = decode(message);
      const name = query.questions?.[0]?.name ?? '';
      asked.push(name);
      const answers = [{ type: 'A' as const, name, ttl: 60, data: NOT_OURS }];
      const reply = encode({
        type: 'response',
        id: query.id ?? 0,
        questions: query.questions ?? [],
        answers,
      });
      upstream.send(reply, from.port, from.address);
    });
    await new Promise<void>((resolve) => upstream.bind(53, UPSTREAM, resolve));
    writeFileSync('/etc/resolv.conf', `nameserver ${UPSTREAM}\nsearch corp.test\n`);
  });

  afterAll(() => upstream.close());

  const daemon = daemonForFile();
  const connect = (network: string, container: string, endpoint = {}) =>
    daemon.call('POST', `/networks/${network}/connect`, { Container: container, EndpointConfig: endpoint });
  const disconnect = (network: string, container: string) =>
    daemon.call('POST', `/networks/${network}/disconnect`, { Container: container });
  const create = (name: string, rest = {}) =>
    daemon.call('POST', '/networks/create', { Name: name, ...rest });

  beforeAll(async () => {
    for (const name of ['web1', 'web2', 'db', 'plain', 'guest']) await addNetns(name);
    await create('lan', {
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: '10.91.0.0/24' }, { Subnet: 'fd91::/64' }] },
    });
    await create('vault', { Internal: true, IPAM: { Config: [{ Subnet: '10.92.0.0/24' }] } });
    await connect('lan', 'web1', { Aliases: ['web'] });
    await connect('lan', 'web2', { Aliases: ['web'] });
    await connect('vault', 'web2');
    await connect('vault', 'db', { Aliases: ['store'] });
    await connect('bridge', 'plain');
  });

  afterAll(async () => {
    for (const [network, container] of [
      ['lan', 'web1'],
      ['lan', 'web2'],
      ['vault', 'web2'],
      ['vault', 'db'],
      ['bridge', 'plain'],
    ] as const) {
      await disconnect(network, container);
    }
    for (const network of ['lan', 'vault']) await daemon.call('DELETE', `/networks/${network}`);
    for (const name of listNetns()) await removeNetns(name);
  });

  test('of members of shared networks, in both families, and back', async () => {
    expect(await dig('web1', 'web2', 'A')).toMatch(/^10\.91\.0\.\d+$/);
    expect(await dig('web1', 'web2.lan', 'AAAA')).toMatch(/^fd91::/);
    const address = await dig('web1', 'web2', 'A');
    expect(await dig('web1', '-x', address)).toBe('web2.lan.');
    expect(await dig('web2', 'STORE', 'A')).toMatch(/^10\.92\.0\.\d+$/);
    expect(await statusOf('db', 'web2', 'AAAA')).toBe('NOERROR');
    expect(await statusOf('db', 'web1', 'A')).toBe('SERVFAIL');
  });

  test('an alias of two, over UDP and TCP', async () => {
    for (const flag of ['+notcp', '+tcp']) {
      expect((await dig('web1', flag, 'web', 'A')).split('\n')).toHaveLength(2);
    }
  });

  test('short id and hostname', async () => {
    const { Id } = await daemon.call('GET', '/containers/web2/json');
    expect(await dig('web1', Id.slice(0, 12), 'A')).toMatch(/^10\.91\.0\./);
    await daemon.call('POST', '/containers/create?name=named', {
      Hostname: 'Host7',
      Image: 'none',
      HostConfig: { NetworkMode: 'lan' },
    });
    expect(await dig('web1', '+tcp', 'host7', 'A')).not.toMatch(/^10\./);
    await daemon.call('POST', '/containers/named/start');
    expect(await dig('web1', 'host7', 'A')).toMatch(/^10\.91\.0\./);
    await daemon.call('POST', '/containers/named/rename?name=renamed');
    expect(await dig('web1', 'renamed', 'A')).toMatch(/^10\.91\.0\./);
    await daemon.call('DELETE', '/containers/renamed?force=1');
    expect(asked).not.toContain('renamed');
    expect(await dig('web1', 'renamed', 'A')).not.toMatch(/^10\./);
  });

  test('by the C library, through the file that ip netns exec binds', async () => {
    expect(readFileSync(fileOf('web1'), 'utf8')).toMatch(/^nameserver 127\.0\.0\.11\nsearch corp\.test\n/m);
    expect(await inNetns('web1', 'getent', 'ahostsv4', 'web2')).toMatch(/^10\.91\.0\./);
    expect(await ping('web1', 'web2')).toBe(true);
  });

  test('other names go to the host’s resolver, but not from internal networks', async () => {
    expect(await dig('web1', 'example.test', 'A')).toBe('192.0.2.53');
    const before = asked.length;
    expect(await statusOf('db', 'leak.test', 'A')).toBe('SERVFAIL');
    expect(asked.slice(before)).toEqual([]);
  });

  test('a changed list of resolvers is read again', async () => {
    writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.78\n');
    expect(await statusOf('web1', 'example.test', 'A')).toBe('SERVFAIL');
    writeFileSync('/etc/resolv.conf', `nameserver ${UPSTREAM}\nsearch corp.test\n`);
    expect(await dig('web1', 'example.test', 'A')).toBe('192.0.2.53');
  });

  test('the default bridge has none, and no file', async () => {
    expect(existsSync(fileOf('plain'))).toBe(false);
    const ended = await attempt('ip', [
      'netns',
      'exec',
      'plain',
      'dig',
      '+tries=1',
      '+time=1',
      '@127.0.0.11',
      'x',
    ]);
    expect(ended.exitCode).not.toBe(0);
  });

  test('the default bridge has names while the daemon is told to give it some', async () => {
    await daemon.kill();
    await daemon.start({ VETHD_BRIDGE_DNS: 'true' });
    expect(await dig('plain', 'plain', 'A')).toMatch(/^172\.17\.0\./);
    expect(existsSync(fileOf('plain'))).toBe(true);
    await daemon.kill();
    await daemon.start();
    expect(existsSync(fileOf('plain'))).toBe(false);
    expect((await daemon.call('GET', '/networks/bridge')).Options).not.toHaveProperty('vethd.dns');
  });

  test('files: a removed one comes back, a foreign one stays, the last disconnect removes ours', async () => {
    await connect('lan', 'guest');
    expect(existsSync(fileOf('guest'))).toBe(true);
    writeFileSync(fileOf('guest'), 'nameserver 198.51.100.9\n');
    await disconnect('lan', 'guest');
    expect(readFileSync(fileOf('guest'), 'utf8')).toBe('nameserver 198.51.100.9\n');
    await attempt('rm', ['-r', '/etc/netns/guest']);
    await connect('lan', 'guest');
    await attempt('rm', [fileOf('guest')]);
    await daemon.call('POST', '/vethd/reconcile');
    expect(existsSync(fileOf('guest'))).toBe(true);
    await disconnect('lan', 'guest');
    expect(existsSync('/etc/netns/guest')).toBe(false);
  });

  test('after kill -9 and start they answer again', async () => {
    await daemon.kill();
    await daemon.start();
    expect(await dig('web1', 'web2', 'A')).toMatch(/^10\.91\.0\./);
    expect(await dig('web1', '+tcp', 'web2', 'A')).toMatch(/^10\.91\.0\./);
  });

  test('whatever a member sends to the resolver, the daemon goes on', async () => {
    const [{ pid }, hostile] = [daemon, new Agent('web2')];
    const toResolver = (from: number, text: string) =>
      ethernet(NO_MAC, NO_MAC, IPV4, ipv4('127.0.0.1', '127.0.0.11', udp(from, 53, text)));
    const noise = Array.from({ length: 500 }, (_, round) => randomBytes(round).toString('latin1'));
    const question = encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'web1' }] }).toString(
      'latin1',
    );
    const frames = [toResolver(0, question), ...noise.map((text) => toResolver(1 + text.length, text))];
    for (const frame of frames) await hostile.sendFrame(LOOPBACK, frame.toString('hex'));
    await hostile.say('127.0.0.11', 53, randomBytes(1 << 20).toString('hex'));
    await hostile.say('127.0.0.11', 53, 'ffff00');
    await hostile.close();
    expect(await dig('web2', 'web1', 'A')).toMatch(/^10\.91\.0\./);
    expect(await dig('web2', '+tcp', 'web1', 'A')).toMatch(/^10\.91\.0\./);
    expect(daemon.logs).not.toContain('programming error');
    expect(() => process.kill(pid, 0)).not.toThrow();
  });

  test('a namespace that is deleted is not kept alive by its resolver, and is served again when it is back', async () => {
    await connect('lan', 'guest');
    await removeNetns('guest');
    await until(
      'nobody answers to its name',
      async () => !(await dig('web1', 'guest', 'A')).startsWith('10.'),
    );
    await addNetns('guest');
    await until('it is served', async () => (await dig('guest', 'guest', 'A')).startsWith('10.91.0.'));
    await disconnect('lan', 'guest');
  });

  test('500 connects and disconnects while questions go on: none unanswered, none stale', {
    timeout: 180_000,
  }, async () => {
    const [asking, checking] = [new Agent('web1'), new Agent('web2')];
    const rounds = 500;
    let done = 0;
    const change = (async () => {
      for (; done < rounds; done++) {
        await connect('lan', 'guest', { Aliases: [`round${done}`] });
        expect((await checking.resolve(`round${done}`))[0]).toMatch(/^10\.91\.0\./);
        await disconnect('lan', 'guest');
        expect(await checking.resolve(`round${done}`)).toEqual([NOT_OURS]);
      }
    })();
    let isChanging = true;
    const ended = change.finally(() => {
      isChanging = false;
    });
    let questions = 0;
    const answers = new Set<string>();
    for (; isChanging; questions++) answers.add((await asking.resolve('web2')).join());
    await ended;
    console.log(`${questions} questions during ${2 * rounds} changes`);
    await asking.close();
    await checking.close();
    expect([...answers]).toEqual([expect.stringMatching(/^10\.91\.0\.\d+$/)]);
    expect([done, questions > 10]).toEqual([rounds, true]);
  });
});
