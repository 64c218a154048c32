/** The story, one function a step. Each asks for something, shows the same by hand, and checks what the kernel says. */
import { readdirSync } from 'node:fs';
import { type Daemon, VETHCTL } from './daemon.ts';
import { attempt, hostVeths, type IpLink, links, run, until } from './host.ts';
import { LongPing, pingThrice } from './ping.ts';
import { change, check, say, show, shown, step } from './story.ts';

/** The bridge of the network called bridge. */
const BRIDGE = 'vethd0';

/** What the tour reads of `vethctl network inspect`. */
interface Inspected {
  readonly IPAM: { readonly Config: readonly { readonly Gateway: string }[] };
  readonly Containers: Readonly<Record<string, { readonly Name: string; readonly IPv4Address: string }>>;
}

/** What the tour reads of `vethctl trace --format json`. */
interface Traced {
  readonly Host: { readonly Ifname: string; readonly Ifindex: number };
  readonly Peer: { readonly Ifname: string; readonly Ifindex: number };
  readonly Container: { readonly Name: string };
}

async function inspect(network: string): Promise<Inspected> {
  const [found]: Inspected[] = JSON.parse(await run([VETHCTL, 'network', 'inspect', network]));
  if (found === undefined) throw new Error(`network ${network} is not shown`);
  return found;
}

async function traceOf(term: string): Promise<Traced> {
  const [found]: Traced[] = JSON.parse(await run([VETHCTL, 'trace', term, '--format', 'json']));
  if (found === undefined) throw new Error(`nothing is known of ${term}`);
  return found;
}

function namesOf(found: readonly IpLink[]): string[] {
  return found.map((link) => link.ifname);
}

/** The address of a member, without its prefix length. */
async function addressOf(network: string, container: string): Promise<string> {
  const members = Object.values((await inspect(network)).Containers);
  const found = members.find((member) => member.Name === container);
  if (found === undefined) throw new Error(`${container} is not a member of ${network}`);
  return found.IPv4Address.replace(/\/.*/, '');
}

/** bridge, host and none. */
export async function threeNetworks(): Promise<void> {
  step('Three networks', 'vethd has just started. As Docker, it has three networks that nobody made.');
  await show(VETHCTL, 'network', 'ls');
  const names = (await run([VETHCTL, 'network', 'ls', '--format', 'json']))
    .split('\n')
    .map((line): string => JSON.parse(line).Name);
  check('they are bridge, host and none', names.join() === 'bridge,host,none', names);
}

/** A namespace with lo alone. */
export async function onlyLoopback(): Promise<void> {
  step(
    'A namespace on the network none',
    'A network namespace is a network stack of its own: links, addresses, routes, rules.',
    'Docker would call this one a container. It has no way to talk to anybody.',
  );
  await change('ns', 'add', 'quiet', '--network', 'none');
  await show('ip', '-n', 'quiet', '-brief', 'address');
  const found = await links('quiet');
  check('its only link is lo, and it is up', namesOf(found).join() === 'lo', found);
}

/** One veth for one connect. */
export async function joinBridge(): Promise<void> {
  step(
    'A namespace joins the network bridge',
    'Somebody else made this namespace, with ip netns add. vethd takes it all the same.',
    'It makes a pair of virtual links: one end stays here, the other is born inside.',
    '(The digits in names are drawn anew each time, so those by hand are not those you get.)',
  );
  await show('ip', 'netns', 'add', 'web');
  await change('network', 'connect', 'bridge', 'web');
  await show('ip', '-brief', 'link', 'show', 'master', BRIDGE);
  await show('ip', '-n', 'web', '-brief', 'address');
  const ports = (await links()).filter((link) => link.master === BRIDGE);
  check('exactly one veth is on the bridge', ports.length === 1, ports);
  check('it is named as Docker names them', /^veth[0-9a-f]{7}$/.test(ports[0]?.ifname ?? ''), ports);
}

/** trace, from both ends, held against the kernel. */
export async function whoseIsIt(): Promise<void> {
  step(
    'Whose is this veth?',
    'The number after @if is the ifindex of the other end, counted in the other namespace.',
    'So the two ends name each other. vethctl trace reads it from either side.',
  );
  await show(VETHCTL, 'trace', 'web');
  const fromInside = await traceOf('web');
  const host = (await links()).find((link) => link.ifname === fromInside.Host.Ifname);
  const peer = (await links('web')).find((link) => link.ifname === 'eth0');
  const fromHost = await traceOf(fromInside.Host.Ifname);
  check('the host end names eth0', host?.link_index === peer?.ifindex && peer !== undefined, { host, peer });
  check('eth0 names the host end', peer?.link_index === host?.ifindex && host !== undefined, { host, peer });
  check('trace says the same as ip link', fromInside.Peer.Ifindex === peer?.ifindex, { fromInside, peer });
  check('trace of the veth leads to web', fromHost.Container.Name.replace('/', '') === 'web', fromHost);
}

/** The default route is the bridge's address. */
export async function gateway(): Promise<void> {
  step('The way out', "The network's gateway is the bridge's own address, and the default route inside.");
  const output = await show('ip', '-n', 'web', 'route');
  const wanted = (await inspect('bridge')).IPAM.Config[0]?.Gateway;
  check(
    `the default route goes to the gateway, ${wanted}`,
    output.includes(`default via ${wanted} `),
    output,
  );
}

/** From inside, and to the inside. */
export async function pingBothWays(): Promise<void> {
  step('Packets', 'Both ways, and no packet lost: not even the first.');
  await pingThrice('web', (await inspect('bridge')).IPAM.Config[0]?.Gateway ?? '');
  await pingThrice(undefined, await addressOf('bridge', 'web'));
}

/** A network and two members. */
export async function ownNetwork(): Promise<void> {
  step('A network of our own', 'A network is a bridge with an address. Each member is a veth pair on it.');
  await change('network', 'create', 'lab', '--subnet', '10.9.0.0/24');
  await change('ns', 'add', 'alice', '--network', 'lab');
  await change('ns', 'add', 'bob', '--network', 'lab', '--ip', '10.9.0.77');
  await show(VETHCTL, 'ns', 'ls');
  await pingThrice('alice', '10.9.0.77');
  await pingThrice('bob', await addressOf('lab', 'alice'));
}

/** The data path does not need the daemon. */
export async function killTheDaemon(daemon: Daemon): Promise<void> {
  step(
    'kill -9',
    'alice pings bob every 10 ms. Meanwhile the daemon is killed, and started again.',
    'The kernel forwards packets, not the daemon; and what was promised is in its database.',
  );
  const before = { veths: await hostVeths(), members: (await inspect('lab')).Containers };
  const ping = new LongPing('alice', '10.9.0.77');
  try {
    await ping.more(20);
    await daemon.end('SIGKILL');
    shown([VETHCTL, 'network', 'ls'], firstSentence((await attempt([VETHCTL, 'network', 'ls'])).output));
    await ping.more(20);
    await daemon.start();
    await ping.more(20);
  } finally {
    await ping.end();
  }
  const { answers, missing } = ping.summary();
  say('It is back:');
  await show(VETHCTL, 'ns', 'ls');
  const after = { veths: await hostVeths(), members: (await inspect('lab')).Containers };
  check(`0 % loss: ${answers} answers, none is missing`, missing.length === 0, missing);
  check('the same links, by ifindex: nothing was made anew', same(before.veths, after.veths), {
    before,
    after,
  });
  check('the same members and addresses', same(before.members, after.members), { before, after });
}

function firstSentence(text: string): string {
  return text.replace(/\?.*/s, '?');
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Everything goes again. */
export async function cleanRemoval(): Promise<void> {
  step('And away', 'What vethd made, vethd removes. web is not its own: it is disconnected, and stays.');
  await change('network', 'disconnect', 'bridge', 'web');
  await change('ns', 'rm', 'quiet', 'alice', 'bob');
  await change('network', 'rm', 'lab');
  await until('the last veth is gone', async () => (await hostVeths()).length === 0);
  const left = namesOf(await links()).filter((name) => name.startsWith('veth') || name.startsWith('br-'));
  await show('ip', '-brief', 'link');
  await show('ip', 'netns', 'list');
  check(`no veth and no bridge is left but ${BRIDGE}`, left.join() === BRIDGE, left);
  check(
    'no namespace is left but web',
    readdirSync('/run/netns').join() === 'web',
    readdirSync('/run/netns'),
  );
  check('web has only lo again', namesOf(await links('web')).join() === 'lo', await links('web'));
  await checkTable();
  await run(['ip', 'netns', 'del', 'web']);
}

/** The table stays while the daemon has a bridge to guard; of what is gone it says nothing. */
async function checkTable(): Promise<void> {
  const { output } = await attempt(['nft', 'list', 'table', 'inet', 'vethd']);
  const traces = output.match(/veth[0-9a-f]{7}|br-[0-9a-f]{12}|10\.9\.0\.\d+/g) ?? [];
  check('the firewall names none of them', traces.length === 0, traces);
}
