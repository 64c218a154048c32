/**
 * An Operation as the command lines that a person would type for the same: the dry run, the debug log and the
 * teaching aid. vethd never runs these lines.
 */
import { type Address, formatAddress, formatPrefix, lastAddress } from '../model/address.ts';
import {
  HOST,
  type InterfaceAddress,
  type Link,
  type Neighbour,
  type NetnsKey,
  type Route,
  VETHD_PROTOCOL,
} from '../model/netstate.ts';
import { formatElementChanges } from '../model/nft-sets.ts';
import type {
  AddFdbEntry,
  ChangeLink,
  CreateBridge,
  CreateVeth,
  Operation,
  RemoveFdbEntry,
  RetireLink,
} from '../model/operation.ts';
import { showChange, showPort } from './kinds/link.ts';

/** How a person names a namespace: what `ip -n` takes, or the command that enters it. */
export type NetnsNames = (key: NetnsKey) => { readonly name: string } | { readonly path: string };

interface Tools {
  /** `ip` in the namespace. */
  ip(arguments_: string): string;
  bridge(arguments_: string): string;
  sysctl(arguments_: string): string;
}

function tools(key: NetnsKey, names: NetnsNames): Tools {
  if (key === HOST) {
    const plain = (command: string) => (words: string) => `${command} ${words}`;
    return { ip: plain('ip'), bridge: plain('bridge'), sysctl: plain('sysctl') };
  }
  const place = names(key);
  if ('name' in place) {
    const { name } = place;
    return {
      ip: (words) => `ip -n ${name} ${words}`,
      bridge: (words) => `bridge -n ${name} ${words}`,
      sysctl: (words) => `ip netns exec ${name} sysctl ${words}`,
    };
  }
  const enter = (command: string) => (words: string) => `nsenter --net=${place.path} ${command} ${words}`;
  return { ip: enter('ip'), bridge: enter('bridge'), sysctl: enter('sysctl') };
}

/** What `ip link … netns` takes: a name or, for a process's namespace, its pid. */
function netnsArgument(key: NetnsKey, names: NetnsNames): string {
  const place = names(key);
  if ('name' in place) return place.name;
  return /^\/proc\/(\d+)\/ns\/net$/.exec(place.path)?.[1] ?? place.path;
}

function familyFlag(address: Address): string {
  return address.family === 'ipv6' ? '-6 ' : '';
}

/** Without the protocol that marks an address as ours: `ip` learned that word after Debian 12 (iproute2 6.1). */
function addressWords({ ifname, prefix }: InterfaceAddress): string {
  const { address, length } = prefix;
  if (address.family === 'ipv6') return `${formatPrefix(prefix)} dev ${ifname} nodad`;
  const broadcast = length < 31 ? ` brd ${formatAddress(lastAddress(prefix))}` : '';
  return `${formatPrefix(prefix)}${broadcast} dev ${ifname}`;
}

function destinationWords({ destination }: Route): string {
  return destination.length === 0 ? 'default' : formatPrefix(destination);
}

function routeWords(route: Route): string {
  const words = [destinationWords(route)];
  if (route.gateway !== undefined) words.push('via', formatAddress(route.gateway));
  words.push('dev', route.ifname);
  if (route.gateway === undefined && route.destination.address.family === 'ipv4') words.push('scope link');
  if (route.source !== undefined) words.push('src', formatAddress(route.source));
  if (route.metric !== 0) words.push('metric', String(route.metric));
  words.push('proto', route.protocol === 'kernel' ? 'kernel' : String(VETHD_PROTOCOL));
  return words.join(' ');
}

function neighbourWords({ ifname, address, mac }: Neighbour): string {
  return `${formatAddress(address)} lladdr ${mac} dev ${ifname} nud permanent proto ${VETHD_PROTOCOL}`;
}

function linkWords(link: Link): string {
  const words = [link.ifname];
  if (link.mac !== '') words.push('address', link.mac);
  if (link.mtu !== 0) words.push('mtu', String(link.mtu));
  return words.join(' ');
}

/** The MTU in the second line: a bridge does not keep one that it is born with. */
function showCreateBridge({ link }: CreateBridge): string[] {
  const { ifname, alias, mtu, addrGenMode, up } = link;
  const rest = {
    alias,
    ...(mtu === 0 ? {} : { mtu }),
    ...(addrGenMode === 'none' ? { addrGenMode } : {}),
    up,
  };
  return [
    `ip link add ${linkWords({ ...link, mtu: 0 })} type bridge`,
    `ip link set dev ${ifname} ${showChange(rest)}`,
  ];
}

function showCreateVeth({ link, peer, peerNetns }: CreateVeth, names: NetnsNames): string[] {
  const netns = netnsArgument(peerNetns, names);
  const queues = 'numtxqueues 1 numrxqueues 1';
  const lines = [
    `ip link add ${linkWords(link)} ${queues} type veth peer ${linkWords(peer)} ${queues} netns ${netns}`,
    `ip link set dev ${link.ifname} ${showChange({
      alias: link.alias,
      addrGenMode: link.addrGenMode,
      master: link.master,
      up: link.up,
    })}`,
  ];
  if (link.port !== undefined) lines.push(`bridge link set dev ${link.ifname} ${showPort(link.port)}`);
  if (peer.addrGenMode === 'none') {
    lines.push(tools(peerNetns, names).ip(`link set dev ${peer.ifname} addrgenmode none`));
  }
  return lines;
}

function showChangeLink({ netns, ifname, change }: ChangeLink, names: NetnsNames): string[] {
  const { port, ...rest } = change;
  const lines: string[] = [];
  if (Object.keys(rest).length > 0)
    lines.push(tools(netns, names).ip(`link set dev ${ifname} ${showChange(rest)}`));
  if (port !== undefined) lines.push(`bridge link set dev ${change.ifname ?? ifname} ${showPort(port)}`);
  return lines;
}

function showRetire({ netns, ifname }: RetireLink, names: NetnsNames): string[] {
  return [tools(netns, names).ip(`link delete dev ${ifname}`)];
}

function showFdb(operation: AddFdbEntry | RemoveFdbEntry): string[] {
  const { ifname, mac } = operation.entry;
  if (operation.op === 'removeFdbEntry') return [`bridge fdb del ${mac} dev ${ifname} master`];
  return [`bridge fdb replace ${mac} dev ${ifname} master static`];
}

/** sysctl(8) has dots between the folders, and a slash where a name (`lab.1`) has a dot. */
function sysctlWords(key: string): string {
  return key.replaceAll(/[./]/g, (sign) => (sign === '/' ? '.' : '/'));
}

/** The lines, in the order in which they would be typed. */
export function show(operation: Operation, names: NetnsNames): string[] {
  const at = tools(operation.netns, names);
  switch (operation.op) {
    case 'createNetns':
      return [`ip netns add ${operation.name}`, at.ip(`link set dev lo alias ${operation.alias}`)];
    case 'removeNetns':
      return [`ip netns delete ${operation.name}`];
    case 'createBridge':
      return showCreateBridge(operation);
    case 'createVeth':
      return showCreateVeth(operation, names);
    case 'changeLink':
      return showChangeLink(operation, names);
    case 'retireLink':
      return showRetire(operation, names);
    case 'settleCarrier':
      return [];
    case 'addAddress':
      return [at.ip(`address add ${addressWords(operation.address)}`)];
    case 'removeAddress':
      return [at.ip(`address del ${formatPrefix(operation.address.prefix)} dev ${operation.address.ifname}`)];
    case 'addRoute':
      return [
        at.ip(
          `${familyFlag(operation.route.destination.address)}route replace ${routeWords(operation.route)}`,
        ),
      ];
    case 'removeRoute':
      return [
        at.ip(`${familyFlag(operation.route.destination.address)}route del ${routeWords(operation.route)}`),
      ];
    case 'addNeighbour':
      return [at.ip(`neighbour replace ${neighbourWords(operation.neighbour)}`)];
    case 'removeNeighbour': {
      const { address, ifname } = operation.neighbour;
      return [at.ip(`neighbour del ${formatAddress(address)} dev ${ifname}`)];
    }
    case 'addFdbEntry':
    case 'removeFdbEntry':
      return showFdb(operation);
    case 'setSysctl':
      return [at.sysctl(`-w net.${sysctlWords(operation.sysctl.key)}=${operation.sysctl.value}`)];
    case 'changeElements':
    case 'forgetSenders':
      return formatElementChanges(operation.changes).map((line) => `nft '${line}'`);
    case 'dropConnections':
      return operation.changes.map(
        ({ port }) => `conntrack -D -p ${port.protocol} --orig-port-dst ${port.hostPort}`,
      );
    case 'applyRuleset':
      return [`nft -f - <<'END'\n${operation.text}\nEND`];
  }
}
