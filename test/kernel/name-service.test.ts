/** Resolvers and resolv.conf following the rows, with real namespaces, sockets, files and dig. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { formatResolvConf, parseResolvConf, RESOLV_CONF_MARK } from '../../src/dns/resolv-conf.ts';
import { createResolver, type Resolver } from '../../src/dns/server.ts';
import type { DnsSockets, NetnsRef } from '../../src/kernel/contract.ts';
import { openDnsSockets } from '../../src/kernel/dns-sockets.ts';
import { createResolvConfFiles } from '../../src/kernel/resolv-conf.ts';
import type { Container, NetnsIdentity } from '../../src/model/container.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { Network } from '../../src/model/network.ts';
import type { PassResult } from '../../src/reconcile/loop.ts';
import { createNameService, type NameService } from '../../src/reconcile/name-service.ts';
import { createZoneSource } from '../../src/reconcile/names.ts';
import { EVERYTHING, type Scope, scopeOf } from '../../src/reconcile/scope.ts';
import type { Store } from '../../src/store/contract.ts';
import { containerOf, endpointOf, networkOf, subnetAt } from '../../src/store/rows.fixture.ts';
import { openStore } from '../../src/store/store.ts';
import { attempt } from '../helpers/commands.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { addNetns, inNetns, ip, listNetns, removeNetns } from '../helpers/host.ts';
import { insideNetns } from '../helpers/netns-thread.ts';
import { until } from '../helpers/until.ts';

const LAN = networkOf('aa', [subnetAt('10.0.0.0/16')], { options: {} });
const INTERNAL = networkOf('bb', [subnetAt('10.1.0.0/16')], { options: {}, internal: true });
const BRIDGE = networkOf('cc', [subnetAt('10.2.0.0/16')], { options: {}, name: 'bridge', predefined: true });

const named = (name: string) =>
  containerOf(name.padEnd(12, '0'), { name, source: { kind: 'named', netnsName: name } });

let folder: string;
let store: Store;
let resolver: Resolver;
let service: NameService;
let hostText = 'nameserver 192.0.2.1\nsearch example\n';
const warnings: unknown[] = [];
/** How often sockets were asked for. */
let opened = 0;
const files = () => createResolvConfFiles(join(folder, 'etc'), RESOLV_CONF_MARK);
const pathOf = (name: string) => join(folder, 'etc', name, 'resolv.conf');
const dig = (netns: string, ...args: string[]) =>
  inNetns(netns, 'dig', '+short', '+tries=1', '@127.0.0.11', ...args);

function identityOf(name: string): NetnsIdentity | undefined {
  const stat = statSync(`/run/netns/${name}`, { throwIfNoEntry: false });
  return stat === undefined ? undefined : { bootId: 'boot', inode: `${stat.dev}:${stat.ino}` };
}

/** What a pass over these containers would have seen. */
function passOver(containers: readonly Container[]): PassResult {
  const seen = containers.map(({ id, name }) => [id, identityOf(name)] as const);
  return {
    failures: new Map(),
    missing: new Map(seen.flatMap(([id, identity]) => (identity === undefined ? [[id, 'gone']] : []))),
    present: new Map(seen.flatMap(([id, identity]) => (identity === undefined ? [] : [[id, identity]]))),
    nsids: new Map(),
    commands: () => [],
    repairs: [],
    held: new Map(),
  };
}

function follow(containers: readonly Container[], scope?: Scope): Promise<void> {
  return service.follow(
    scope ?? scopeOf({ containers: containers.map(({ id }) => id) }),
    passOver(containers),
  );
}

async function add(container: Container): Promise<Container> {
  await addNetns(container.name);
  await ip(['link', 'set', 'lo', 'up'], container.name);
  await store.write((writer) => writer.insertContainer(container));
  return container;
}

function connect(container: Container, network: Network): Promise<Endpoint> {
  return store.write((writer) => {
    const [subnet] = network.subnets;
    const address = subnet && writer.takeAddress(network.id, subnet, undefined);
    const ordinal = writer.nextOrdinal();
    const endpoint = endpointOf(network, container, ordinal, address, {
      ifname: `eth${ordinal}`,
      aliases: [],
    });
    writer.insertEndpoint(endpoint);
    return endpoint;
  });
}

function disconnect(endpoint: Endpoint): Promise<void> {
  return store.write((writer) => writer.removeEndpoint(endpoint.id));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vethd-names-'));
  store = openStore(join(folder, 'vethd.db'));
  await store.write((writer) => {
    for (const network of [LAN, INTERNAL, BRIDGE]) writer.insertNetwork(network);
  });
  resolver = createResolver({ source: createZoneSource(store), upstreams: () => [] });
  service = createNameService({
    store,
    resolver,
    files: files(),
    hostResolvConf: () => parseResolvConf(hostText),
    kernel: {
      openDnsSockets: async (ref: NetnsRef) => {
        opened += 1;
        return insideNetns(ref.kind === 'name' ? ref.name : '', openDnsSockets);
      },
    },
    log: {
      debug: () => {},
      info: () => {},
      warn: (fields) => warnings.push(fields),
      error: (fields) => warnings.push(fields),
    },
  });
});

afterAll(async () => {
  await service.close();
  store.close();
  for (const name of listNetns()) await removeNetns(name);
  rmSync(folder, { recursive: true });
});

describeWith(['dig'], 'following the rows', () => {
  test('a member of a network with names gets resolver and file, one without loses both', async () => {
    const web = await add(named('web'));
    const endpoint = await connect(web, LAN);
    await follow([web]);
    expect(await dig('web', 'web', 'A')).toBe('10.0.0.1');
    expect(readFileSync(pathOf('web'), 'utf8')).toBe(formatResolvConf(parseResolvConf(hostText)));
    await disconnect(endpoint);
    await follow([web]);
    expect(resolver.isServing(web.id)).toBe(false);
    expect(existsSync(join(folder, 'etc', 'web'))).toBe(false);
    expect(warnings).toEqual([]);
  });

  test('the default bridge has no names', async () => {
    const plain = await add(named('plain'));
    await connect(plain, BRIDGE);
    await follow([plain]);
    expect([resolver.isServing(plain.id), existsSync(pathOf('plain'))]).toEqual([false, false]);
  });

  test('a namespace that comes back under its name is served again, in the new one', async () => {
    const back = await add(named('back'));
    await connect(back, INTERNAL);
    await follow([back]);
    await removeNetns('back');
    await follow([back]);
    expect(resolver.isServing(back.id)).toBe(false);
    await addNetns('back');
    await ip(['link', 'set', 'lo', 'up'], 'back');
    await follow([back]);
    expect(await dig('back', 'back.net-bb', 'A')).toBe('10.1.0.1');
    // Replaced between two passes: the same name, another namespace.
    await removeNetns('back');
    await addNetns('back');
    await ip(['link', 'set', 'lo', 'up'], 'back');
    await follow([back]);
    expect(await dig('back', 'back', 'A')).toBe('10.1.0.1');
  });

  test('a removed file comes back, a changed host is followed, a foreign file stays', async () => {
    const file = await add(named('file'));
    await connect(file, LAN);
    await follow([file]);
    rmSync(pathOf('file'));
    await follow([file], EVERYTHING);
    expect(existsSync(pathOf('file'))).toBe(true);
    hostText = 'nameserver 192.0.2.1\nsearch elsewhere\n';
    await follow([file]);
    expect(readFileSync(pathOf('file'), 'utf8')).toContain('search elsewhere');
    writeFileSync(pathOf('file'), 'nameserver 198.51.100.1\n');
    await follow([file]);
    expect(readFileSync(pathOf('file'), 'utf8')).toBe('nameserver 198.51.100.1\n');
    expect(warnings).toEqual([]);
  });

  test('a file that went with a stop is no drift while the start is on its way', async () => {
    const again = await add(named('again'));
    await connect(again, LAN);
    await follow([again]);
    rmSync(pathOf('again'));
    expect(service.mendFile('again')).toBe(again.id);
    await store.write((writer) => writer.updateContainer({ ...again, state: 'exited' }));
    await follow([again]);
    await store.write((writer) => writer.updateContainer(again));
    expect(service.mendFile('again')).toBeUndefined();
    expect(existsSync(pathOf('again'))).toBe(false);
    await follow([again]);
    expect(existsSync(pathOf('again'))).toBe(true);
  });

  test('files of containers that are gone are removed, in their scope and by a full pass', async () => {
    const first = await add(named('first'));
    await connect(first, LAN);
    await follow([first]);
    await store.write((writer) => writer.removeContainer(first.id));
    await follow([], scopeOf({ netns: [[first.id, { kind: 'name', name: 'first' }]] }));
    expect([resolver.isServing(first.id), existsSync(pathOf('first'))]).toEqual([false, false]);
    files().keep('former', formatResolvConf(parseResolvConf('')));
    await follow([], EVERYTHING);
    expect(existsSync(pathOf('former'))).toBe(false);
  });

  test('another server at the address is logged, and taken over from when it ends', async () => {
    const busy = await add(named('busy'));
    await connect(busy, LAN);
    const other = createResolver({ source: createZoneSource(store), upstreams: () => [] });
    await other.serve('x', insideNetns('busy', openDnsSockets));
    await follow([busy]);
    expect(warnings).toHaveLength(1);
    expect(warnings.splice(0)).toMatchObject([{ container: busy.id, err: { errno: 'EADDRINUSE' } }]);
    await other.close();
    await follow([busy]);
    expect(await dig('busy', 'busy', 'A')).toMatch(/^10\.0\./);
  });

  test('no question is unanswered and no answer stale while others come and go', async () => {
    const asker = await add(named('asker'));
    await connect(asker, LAN);
    await follow([asker]);
    const guest = named('guest');
    await store.write((writer) => writer.insertContainer(guest));
    let churning = true;
    let rounds = 0;
    const churn = (async () => {
      for (; rounds < 500; rounds++) {
        const endpoint = await connect(guest, LAN);
        if (rounds % 25 === 0) expect(await dig('asker', 'guest', 'A')).toMatch(/^10\.0\./);
        await disconnect(endpoint);
        if (rounds % 25 === 0) expect(await dig('asker', 'guest', 'A')).toBe('');
      }
      churning = false;
    })();
    let asked = 0;
    for (; churning; asked++) {
      const ended = await attempt('ip', [
        'netns',
        'exec',
        'asker',
        'dig',
        '+tries=1',
        '+time=2',
        '@127.0.0.11',
        'asker',
        'A',
      ]);
      expect(ended.stdout).toContain('status: NOERROR');
    }
    await churn;
    expect([rounds, asked > 10]).toEqual([500, true]);
  });
});

test('a folder that cannot be written is logged, the resolver runs all the same', async () => {
  const stuck = await add(named('stuck'));
  await connect(stuck, LAN);
  mkdirSync(join(folder, 'etc'), { recursive: true });
  writeFileSync(join(folder, 'etc', 'stuck'), 'a file in the place of the folder');
  await follow([stuck]);
  await until('it is served', () => resolver.isServing(stuck.id));
  expect(readFileSync(join(folder, 'etc', 'stuck'), 'utf8')).toBe('a file in the place of the folder');
});

describe('before it has begun to read', () => {
  /** Whether the event loop has turned since the call: nothing was waited for if not. */
  function turning(): () => boolean {
    let hasTurned = false;
    setImmediate(() => {
      hasTurned = true;
    });
    return () => hasTurned;
  }
  /** /proc/net/udp of the namespace: 127.0.0.11, port 53. */
  const isBound = async (name: string) =>
    (await inNetns(name, 'cat', '/proc/net/udp')).includes('0B00007F:0035');

  test('a resolver is ended without being waited for, and its sockets are closed', async () => {
    const quick = await add(named('quick'));
    const endpoint = await connect(quick, LAN);
    const serve = vi.spyOn(resolver, 'serve');
    await follow([quick]);
    const hasTurned = turning();
    await disconnect(endpoint);
    await follow([quick]);
    expect([hasTurned(), existsSync(pathOf('quick'))]).toEqual([false, false]);
    expect(await isBound('quick')).toBe(false);
    expect(serve).not.toHaveBeenCalled();
    serve.mockRestore();
    // The address is free for the next one.
    await connect(quick, LAN);
    await follow([quick]);
    expect(await isBound('quick')).toBe(true);
    await until('it is answered', () => resolver.isServing(quick.id));
    expect(warnings).toEqual([]);
  });

  test('another network of the same container neither waits for it nor begins anew', async () => {
    const both = await add(named('both'));
    await connect(both, LAN);
    await follow([both]);
    const before = opened;
    const hasTurned = turning();
    await connect(both, INTERNAL);
    await follow([both]);
    expect([hasTurned(), opened]).toEqual([false, before]);
    await until('it is answered', () => resolver.isServing(both.id));
  });

  test('one whose container is gone is ended by a look at everything', async () => {
    const brief = await add(named('brief'));
    await connect(brief, LAN);
    await follow([brief]);
    await store.write((writer) => writer.removeContainer(brief.id));
    await follow([], EVERYTHING);
    expect([await isBound('brief'), resolver.isServing(brief.id)]).toEqual([false, false]);
  });
});

describe('while the kernel is still at it', () => {
  const nobody: PassResult['present'] = new Map();

  test.each<[string, string, (endpoint: Endpoint) => Promise<void>]>([
    ['left', 'its last network', disconnect],
    ['gone', 'the rows', ({ containerId }) => store.write((writer) => writer.removeContainer(containerId))],
  ])('%s: one that leaves %s loses resolver and file', async (name, _what, leave) => {
    const leaving = await add(named(name));
    const endpoint = await connect(leaving, LAN);
    await follow([leaving]);
    expect(existsSync(pathOf(name))).toBe(true);
    await until('it is answered', () => resolver.isServing(leaving.id));
    await leave(endpoint);
    const ref = { kind: 'name', name } as const;
    await service.begin(scopeOf({ containers: [leaving.id], netns: [[leaving.id, ref]] }), nobody);
    expect([resolver.isServing(leaving.id), existsSync(join(folder, 'etc', name))]).toEqual([false, false]);
  });

  test('one that is back by the end of the pass has them again', async () => {
    const back = await add(named('returned'));
    const endpoint = await connect(back, LAN);
    await follow([back]);
    await disconnect(endpoint);
    await service.begin(scopeOf({ containers: [back.id] }), nobody);
    await connect(back, LAN);
    await follow([back]);
    expect(existsSync(pathOf('returned'))).toBe(true);
    await until('it is answered', () => resolver.isServing(back.id));
  });
});

describe('at a start, before anything has been seen', () => {
  /** A container on a network with names, as a daemon that starts finds it; `identity` is what its row says. */
  async function startWith(name: string, identity: (name: string) => NetnsIdentity | undefined) {
    await addNetns(name);
    await ip(['link', 'set', 'lo', 'up'], name);
    const container = { ...named(name), identity: identity(name) };
    const rows = openStore(join(folder, `${name}.db`));
    await rows.write((writer) => {
      writer.insertNetwork(INTERNAL);
      writer.insertContainer(container);
      writer.insertEndpoint(endpointOf(INTERNAL, container, writer.nextOrdinal(), undefined));
    });
    const served = createResolver({ source: createZoneSource(rows), upstreams: () => [] });
    const sockets: DnsSockets[] = [];
    const starting = createNameService({
      store: rows,
      resolver: served,
      files: files(),
      hostResolvConf: () => parseResolvConf(hostText),
      kernel: {
        openDnsSockets: async () => {
          const made = await insideNetns(name, openDnsSockets);
          sockets.push(made);
          return made;
        },
      },
      log: { debug: () => {}, info: () => {}, warn: (fields) => warnings.push(fields), error: () => {} },
    });
    starting.foresee();
    const first = await until('sockets are opened', () => sockets[0]);
    const end = async () => {
      await starting.close();
      rows.close();
    };
    return { container, served, starting, sockets, first, end };
  }

  const isOpen = ({ udpFd, tcpFd }: DnsSockets) =>
    [udpFd, tcpFd].map((fd) => existsSync(`/proc/self/fd/${fd}`));

  test('sockets are opened and files written; a pass that sees the same does neither', async () => {
    const { container, served, starting, sockets, end } = await startWith('seen', identityOf);
    expect(sockets).toHaveLength(1);
    expect(existsSync(pathOf('seen'))).toBe(true);
    rmSync(pathOf('seen'));
    await starting.follow(EVERYTHING, passOver([container]));
    expect([sockets.length, existsSync(pathOf('seen'))]).toEqual([1, false]);
    await until('it is answered', () => served.isServing(container.id));
    await starting.follow(EVERYTHING, passOver([container]));
    expect([sockets.length, existsSync(pathOf('seen'))]).toEqual([1, true]);
    await end();
  });

  test('sockets of another namespace than is seen are closed, and opened anew', async () => {
    const { container, served, starting, sockets, first, end } = await startWith('other', () => ({
      bootId: 'boot',
      inode: '4:1',
    }));
    const closing = vi.spyOn(served, 'discard');
    await starting.follow(EVERYTHING, passOver([container]));
    expect(closing.mock.calls).toEqual([[first]]);
    expect(sockets).toHaveLength(2);
    await until('it is answered', () => served.isServing(container.id));
    await end();
  });

  test('sockets of a namespace that is not there after all are closed', async () => {
    const { container, starting, first, end } = await startWith('absent', identityOf);
    expect(isOpen(first)).toEqual([true, true]);
    await removeNetns('absent');
    await starting.follow(EVERYTHING, passOver([container]));
    expect(isOpen(first)).toEqual([false, false]);
    await end();
  });

  test('a stop before the first pass closes what was opened', async () => {
    const { first, end } = await startWith('stopped', identityOf);
    await end();
    expect(isOpen(first)).toEqual([false, false]);
  });
});
