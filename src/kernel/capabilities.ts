/**
 * Tries what the kernel can do, in a namespace of this thread's own that ends with it: versions and
 * configuration files say less than a link that was made.
 */
import { spawnSync } from 'node:child_process';
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../errors.ts';
import { parsePrefix } from '../model/address.ts';
import type { BridgePort, Link } from '../model/netstate.ts';
import { decodeAddress, encodeAddAddress, encodeDumpAddresses } from './codec/address.ts';
import {
  decodeLink,
  encodeCreateBridge,
  encodeCreateVeth,
  encodeGetLink,
  encodeSetPort,
} from './codec/link.ts';
import type { Capability } from './contract.ts';
import { unshareNetns } from './libc.ts';
import { Namespaces } from './netns.ts';
import { NetlinkSocket } from './socket.ts';

const BRIDGE: Link = {
  ifname: 'vdprobe0',
  kind: 'bridge',
  alias: '',
  up: false,
  mac: '',
  mtu: 0,
  addrGenMode: 'none',
  master: '',
  port: undefined,
  peer: undefined,
};
const VETH: Link = { ...BRIDGE, ifname: 'vdprobe1', kind: 'veth' };
const PEER: Link = { ...BRIDGE, ifname: 'vdprobe2', kind: 'veth' };
const LOCKED: BridgePort = {
  isolated: false,
  locked: true,
  learning: false,
  neighSuppress: false,
  hairpin: false,
  guard: false,
};

function attempt(name: Capability['name'], work: () => void): Capability {
  try {
    work();
    return { name, available: true, reason: '' };
  } catch (error) {
    return { name, available: false, reason: messageOf(error) };
  }
}

function indexOf(socket: NetlinkSocket, ifname: string): number {
  let ifindex = 0;
  socket.request(`finding ${ifname}`, encodeGetLink({ ifname }), (_, message) => {
    ifindex = decodeLink(message).ifindex;
  });
  return ifindex;
}

function tryVeth(socket: NetlinkSocket, netnsFd: number): void {
  const bridge = indexOf(socket, BRIDGE.ifname);
  socket.request('making a veth pair', encodeCreateVeth(VETH, PEER, bridge, netnsFd));
}

function tryLocked(socket: NetlinkSocket): void {
  const ifindex = indexOf(socket, VETH.ifname);
  socket.request('locking a bridge port', encodeSetPort({ ifindex }, LOCKED));
  let locked = false;
  socket.request('reading a bridge port', encodeGetLink({ ifindex }), (_, message) => {
    locked = decodeLink(message).port?.locked ?? false;
  });
  if (!locked) throw new Error('the kernel ignored the lock of a bridge port (it came with Linux 5.18)');
}

function tryAddressProtocol(socket: NetlinkSocket): void {
  const ifindex = indexOf(socket, 'lo');
  socket.request('adding an address', encodeAddAddress(ifindex, parsePrefix('192.0.2.1/32')));
  const addresses = socket.dump('listing addresses', encodeDumpAddresses(ifindex), decodeAddress);
  if (addresses.some(({ ours }) => ours)) return;
  throw new Error('the kernel does not keep the protocol of an address (it came with Linux 5.18)');
}

function tryNftables(): void {
  const { error, status, stderr } = spawnSync('nft', ['list', 'tables'], {
    encoding: 'utf8',
    timeout: 5_000,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr.trim());
}

function probe(): Capability[] {
  const netns = attempt('netns', unshareNetns);
  // Without a namespace of our own the rest would be tried on the host's.
  if (!netns.available) return [netns];
  const namespaces = new Namespaces({ netnsDir: '', allowedPaths: [] });
  const socket = new NetlinkSocket();
  const tried = [
    netns,
    attempt('bridge', () => socket.request('making a bridge', encodeCreateBridge(BRIDGE))),
    attempt('veth', () => tryVeth(socket, namespaces.hostFd)),
    attempt('nftables', tryNftables),
    attempt('bridge-port-locked', () => tryLocked(socket)),
    attempt('address-protocol', () => tryAddressProtocol(socket)),
  ];
  socket.close();
  namespaces.close();
  return tried;
}

parentPort?.postMessage(probe());
