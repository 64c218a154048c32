/** A link that goes while it is looked at: seen as gone, and nothing fails. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ObserveRequest } from '../../src/kernel/contract.ts';
import { Namespaces } from '../../src/kernel/netns.ts';
import { observe } from '../../src/kernel/observe.ts';
import { NetlinkSocket } from '../../src/kernel/socket.ts';
import { ip } from '../helpers/host.ts';

/** A socket before whose first dump something else happens. */
class DisturbedSocket extends NetlinkSocket {
  #disturb: (() => void) | undefined;

  constructor(disturb: () => void) {
    super();
    this.#disturb = disturb;
  }

  override dump<Entry>(...args: Parameters<NetlinkSocket['dump']>): Entry[] {
    const disturb = this.#disturb;
    this.#disturb = undefined;
    disturb?.();
    return super.dump(...args) as Entry[];
  }
}

const query = (ifname: string) => ({ ifname, neighbours: [], fdb: [] });
const request: ObserveRequest = {
  host: [query('goes'), query('stays')],
  hostSysctls: [],
  netns: [],
  scanNames: false,
};

let namespaces: Namespaces;
beforeAll(() => {
  namespaces = new Namespaces({ netnsDir: '/run/netns', allowedPaths: [] });
});
afterAll(() => namespaces.close());

test('one of two links is deleted between the look at it and the look at its addresses', async () => {
  await ip(['link', 'add', 'goes', 'type', 'bridge']);
  await ip(['link', 'add', 'stays', 'type', 'bridge']);
  await ip(['address', 'add', '10.9.0.1/24', 'dev', 'stays']);
  const socket = new DisturbedSocket(() => execFileSync('ip', ['link', 'del', 'goes']));
  const { host } = observe(namespaces, socket, request, []);
  socket.close();
  expect(host.links.map(({ ifname }) => ifname)).toEqual(['stays']);
  expect(host.addresses).toMatchObject([{ ifname: 'stays' }]);
});
