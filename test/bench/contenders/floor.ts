/**
 * The kernel's own price: Operations posted to our kernel room, without API, database or plan. In a host namespace of
 * its own, because a daemon would take what carries our marks and is in no database for leftovers, and remove it.
 */
import type { Kernel } from '../../../src/kernel/contract.ts';
import { openKernel } from '../../../src/kernel/index.ts';
import { addressToBytes, macFromBytes, parseAddress, parsePrefix } from '../../../src/model/address.ts';
import { HOST, type Link } from '../../../src/model/netstate.ts';
import type { Operation } from '../../../src/model/operation.ts';
import { addNetns } from '../../helpers/host.ts';
import { insideNetns } from '../../helpers/netns-thread.ts';
import { type BenchNetwork, type Contender, type Entry, type Member, namedTargets } from './contender.ts';

const LENGTH = 22;
const EVERYWHERE = parsePrefix('0.0.0.0/0');

function macOf(address: string): string {
  return `02:42:${macFromBytes(addressToBytes(parseAddress(address)))}`;
}

function linkOf(kind: 'bridge' | 'veth', ifname: string, mac: string): Link {
  return {
    ifname,
    kind,
    mac,
    alias: `bench:${ifname}`,
    up: true,
    mtu: 1500,
    addrGenMode: 'none',
    master: '',
    port: undefined,
    peer: undefined,
  };
}

function creation({ bridge, gateway }: BenchNetwork): Operation[] {
  const prefix = { address: parseAddress(gateway), length: LENGTH };
  return [
    { op: 'createBridge', netns: HOST, object: bridge, link: linkOf('bridge', bridge, macOf(gateway)) },
    { op: 'addAddress', netns: HOST, object: bridge, address: { ifname: bridge, prefix } },
  ];
}

/** The pair; then, inside, all that makes it a way out; then both carriers settled. */
function connection({ bridge, gateway }: BenchNetwork, { target, veth, address }: Member): Operation[] {
  const inside = { netns: target, object: veth } as const;
  const host = { netns: HOST, object: veth } as const;
  const mac = macOf(address);
  const member = parseAddress(address);
  const router = parseAddress(gateway);
  const link = { ...linkOf('veth', veth, ''), master: bridge, peer: { netns: target, ifname: 'eth0' } };
  const peer = { ...linkOf('veth', 'eth0', mac), peer: { netns: HOST, ifname: veth } };
  return [
    { ...host, op: 'createVeth', link, peer, peerNetns: target },
    { ...host, op: 'addNeighbour', neighbour: { ifname: bridge, address: member, mac } },
    { ...inside, op: 'changeLink', ifname: 'eth0', change: { up: true } },
    { ...inside, op: 'addAddress', address: { ifname: 'eth0', prefix: { address: member, length: LENGTH } } },
    {
      ...inside,
      op: 'addRoute',
      route: {
        ifname: 'eth0',
        destination: EVERYWHERE,
        gateway: router,
        source: undefined,
        metric: 0,
        protocol: 'vethd',
      },
    },
    { ...inside, op: 'addNeighbour', neighbour: { ifname: 'eth0', address: router, mac: macOf(gateway) } },
    { ...host, op: 'settleCarrier', ifname: veth },
    { ...host, op: 'settleCarrier', ifname: bridge },
  ];
}

function disconnection({ bridge }: BenchNetwork, { target, veth, address }: Member): Operation[] {
  const neighbour = { ifname: bridge, address: parseAddress(address), mac: macOf(address) };
  return [
    { op: 'removeNeighbour', netns: HOST, object: veth, neighbour },
    { op: 'retireLink', netns: HOST, object: veth, ifname: veth, peer: { netns: target, ifname: 'eth0' } },
  ];
}

class Floor implements Contender {
  readonly name = 'floor';
  readonly inspect = undefined;
  readonly list = undefined;
  readonly addTarget = namedTargets.addTarget;
  readonly removeTarget = namedTargets.removeTarget;
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  createNetwork(network: BenchNetwork): Promise<void> {
    return this.#apply(creation(network), undefined);
  }

  connect(network: BenchNetwork, member: Member): Promise<void> {
    return this.#apply(connection(network, member), member.target);
  }

  disconnect(network: BenchNetwork, member: Member): Promise<void> {
    return this.#apply(disconnection(network, member), member.target);
  }

  removeNetwork({ bridge }: BenchNetwork): Promise<void> {
    return this.#apply(
      [{ op: 'retireLink', netns: HOST, object: bridge, ifname: bridge, peer: undefined }],
      undefined,
    );
  }

  settle(): Promise<void> {
    return this.#kernel.reap();
  }

  close(): Promise<void> {
    return this.#kernel.close();
  }

  async #apply(operations: readonly Operation[], target: string | undefined): Promise<void> {
    const ref = { kind: 'name', name: target ?? '' } as const;
    const netns = new Map(target === undefined ? [] : [[target, { ref, identity: undefined }] as const]);
    const results = await this.#kernel.apply({ operations, netns });
    for (const [index, result] of results.entries()) {
      if (!result.ok) throw new Error(`${operations[index]?.op}: ${result.reason}`);
    }
  }
}

/** The floor in the host namespace of that name, which is made. */
export async function openFloor(host: string): Promise<Contender> {
  await addNetns(host);
  // The kernel thread is started, and so gets its namespace, before the first await.
  return new Floor(await insideNetns(host, () => openKernel()));
}

/** The floor. */
export const floor: Entry = { name: 'floor', missing: () => undefined, open: () => openFloor('bench-floor') };
