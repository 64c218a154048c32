/** Operations as the planner would make them, for tests of the kernel room alone. */
import type { ApplyRequest, Kernel } from '../../src/kernel/contract.ts';
import { parseAddress, parsePrefix } from '../../src/model/address.ts';
import { HOST, type Link, type NetnsKey } from '../../src/model/netstate.ts';
import type { Operation, OperationResult } from '../../src/model/operation.ts';

/** The gateway of the tests' bridge: its address, prefix and MAC. */
export const GATEWAY = { address: '10.77.0.1', prefix: '10.77.0.1/24', mac: '02:42:00:00:00:01' };

const PLAIN: Link = {
  ifname: '',
  kind: 'bridge',
  alias: '',
  up: true,
  mac: '',
  mtu: 0,
  addrGenMode: 'none',
  master: '',
  port: undefined,
  peer: undefined,
};

/** A bridge of ours, up. */
export function bridgeLink(ifname: string): Link {
  return { ...PLAIN, ifname, alias: `vethd:${ifname}`, mac: GATEWAY.mac };
}

/** One end of the pair in the bridge. */
export function vethLink(ifname: string, master: string, netns: NetnsKey): Link {
  return {
    ...PLAIN,
    ifname,
    kind: 'veth',
    alias: `vethd:${ifname}`,
    mtu: 1400,
    master,
    port: {
      isolated: false,
      locked: true,
      learning: false,
      neighSuppress: false,
      hairpin: false,
      guard: true,
    },
    peer: { netns, ifname: 'eth0' },
  };
}

/** The other end, eth0 in the namespace. */
export function peerLink(veth: string, number: number): Link {
  return {
    ...PLAIN,
    ifname: 'eth0',
    kind: 'veth',
    alias: `vethd:${veth}`,
    mtu: 1400,
    mac: macOf(number),
    peer: { netns: HOST, ifname: veth },
  };
}

/** The address of the member with that number, 2…254. */
export function addressOf(number: number): string {
  return `10.77.0.${number}`;
}

/** Its MAC. */
export function macOf(number: number): string {
  return `02:42:0a:4d:00:${number.toString(16).padStart(2, '0')}`;
}

/** Makes the bridge with the gateway's address. */
export function bridgeOperations(ifname: string): Operation[] {
  const on = { netns: HOST, object: ifname } as const;
  return [
    { ...on, op: 'createBridge', link: bridgeLink(ifname) },
    { ...on, op: 'addAddress', address: { ifname, prefix: parsePrefix(GATEWAY.prefix) } },
  ];
}

/** Connects the namespace to the bridge as member `number`: the pair, its inside, the host's tables. */
export function connectOperations(
  bridge: string,
  netns: NetnsKey,
  veth: string,
  number: number,
): Operation[] {
  const gateway = parseAddress(GATEWAY.address);
  const address = parseAddress(addressOf(number));
  const host = { netns: HOST, object: veth } as const;
  const inside = { netns, object: veth } as const;
  const route = {
    ifname: 'eth0',
    destination: parsePrefix('0.0.0.0/0'),
    gateway,
    source: undefined,
    metric: 0,
    protocol: 'vethd',
  } as const;
  return [
    {
      ...host,
      op: 'createVeth',
      link: vethLink(veth, bridge, netns),
      peer: peerLink(veth, number),
      peerNetns: netns,
    },
    { ...inside, op: 'changeLink', ifname: 'eth0', change: { alias: `vethd:${veth}`, up: true } },
    {
      ...inside,
      op: 'addAddress',
      address: { ifname: 'eth0', prefix: parsePrefix(`${addressOf(number)}/24`) },
    },
    { ...inside, op: 'addRoute', route },
    {
      ...inside,
      op: 'addNeighbour',
      neighbour: { ifname: 'eth0', address: gateway, mac: GATEWAY.mac },
    },
    { ...host, op: 'addFdbEntry', entry: { ifname: veth, mac: macOf(number) } },
    { ...host, op: 'addNeighbour', neighbour: { ifname: bridge, address, mac: macOf(number) } },
    { ...host, op: 'settleCarrier', ifname: veth },
    { ...host, op: 'settleCarrier', ifname: bridge },
  ];
}

/** Takes the member out again. */
export function disconnectOperation(netns: NetnsKey, veth: string): Operation {
  return { op: 'retireLink', netns: HOST, object: veth, ifname: veth, peer: { netns, ifname: 'eth0' } };
}

/** References to namespaces by name, the key being the name. */
export function named(...names: readonly string[]): ApplyRequest['netns'] {
  return new Map(names.map((name) => [name, { ref: { kind: 'name', name }, identity: undefined }]));
}

/** Applies and gives the refusals as `op errno`, in order. */
export async function refusals(
  kernel: Kernel,
  operations: readonly Operation[],
  netns: ApplyRequest['netns'],
): Promise<string[]> {
  const results = await kernel.apply({ operations, netns });
  return results.flatMap((result: OperationResult, index) =>
    result.ok ? [] : [`${operations[index]?.op} ${result.errno}`],
  );
}
