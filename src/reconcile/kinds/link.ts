/** Kind link: bridges, veth pairs and lo. Ours are told by their alias, others by their name. */
import {
  ALIAS_PREFIX,
  type BridgePort,
  type Link,
  type NetnsKey,
  type ObservedLink,
  RETIRED_ALIAS,
} from '../../model/netstate.ts';
import type { LinkChange, Operation } from '../../model/operation.ts';

/** Whether we made it and nobody wants it deleted yet. */
export function isOurs(link: ObservedLink): boolean {
  return link.alias.startsWith(ALIAS_PREFIX) && link.alias !== RETIRED_ALIAS;
}

/** The id in an alias of ours; `''` for other aliases. */
export function objectOf(alias: string): string {
  return alias.startsWith(ALIAS_PREFIX) ? alias.slice(ALIAS_PREFIX.length) : '';
}

function samePort(a: BridgePort, b: BridgePort): boolean {
  return (
    a.isolated === b.isolated &&
    a.locked === b.locked &&
    a.learning === b.learning &&
    a.neighSuppress === b.neighSuppress &&
    a.hairpin === b.hairpin &&
    a.guard === b.guard
  );
}

/**
 * What differs, as attributes to set; undefined when nothing does. `masterIndex` is the ifindex of the bridge
 * that it should be a port of: 0 for none, undefined where that bridge is not there yet.
 */
export function changeOf(
  desired: Link,
  observed: ObservedLink,
  masterIndex: number | undefined,
): LinkChange | undefined {
  const moves = observed.masterIndex !== masterIndex;
  const change: LinkChange = {
    ...(observed.ifname === desired.ifname ? {} : { ifname: desired.ifname }),
    ...(desired.alias === '' || observed.alias === desired.alias ? {} : { alias: desired.alias }),
    ...(desired.mac === '' || observed.mac === desired.mac ? {} : { mac: desired.mac }),
    ...(desired.mtu === 0 || observed.mtu === desired.mtu ? {} : { mtu: desired.mtu }),
    ...(desired.kind === 'loopback' || observed.addrGenMode === desired.addrGenMode
      ? {}
      : { addrGenMode: desired.addrGenMode }),
    ...(moves ? { master: desired.master } : {}),
    ...(desired.port !== undefined &&
    (moves || observed.port === undefined || !samePort(desired.port, observed.port))
      ? { port: desired.port }
      : {}),
    ...(observed.up === desired.up ? {} : { up: desired.up }),
  };
  return Object.keys(change).length === 0 ? undefined : change;
}

/** What a pair's peer still lacks after its birth: the kernel makes it down and without an alias. */
export function changeOfNewPeer(desired: Link): LinkChange {
  return { alias: desired.alias, up: desired.up };
}

/** The attributes as a person would type them behind `ip link set dev X`. */
export function showChange(change: LinkChange): string {
  const words: string[] = [];
  if (change.ifname !== undefined) words.push('name', change.ifname);
  if (change.alias !== undefined) words.push('alias', change.alias);
  if (change.mac !== undefined) words.push('address', change.mac);
  if (change.mtu !== undefined) words.push('mtu', String(change.mtu));
  if (change.addrGenMode !== undefined) words.push('addrgenmode', change.addrGenMode);
  if (change.master !== undefined)
    words.push(...(change.master === '' ? ['nomaster'] : ['master', change.master]));
  if (change.up !== undefined) words.push(change.up ? 'up' : 'down');
  return words.join(' ');
}

/** A port's attributes as a person would type them behind `bridge link set dev X`. */
export function showPort(port: BridgePort): string {
  const flag = (value: boolean): string => (value ? 'on' : 'off');
  return [
    `isolated ${flag(port.isolated)}`,
    `locked ${flag(port.locked)}`,
    `learning ${flag(port.learning)}`,
    `neigh_suppress ${flag(port.neighSuppress)}`,
    `hairpin ${flag(port.hairpin)}`,
    `guard ${flag(port.guard)}`,
    `root_block ${flag(port.guard)}`,
  ].join(' ');
}

/** The Operation that stops a link of ours and has it deleted. */
export function retire(
  netns: NetnsKey,
  link: ObservedLink,
  peer: { readonly netns: NetnsKey; readonly ifname: string } | undefined,
): Operation {
  const { alias, ifname } = link;
  return { op: 'retireLink', netns, object: objectOf(alias), ifname, alias, peer };
}
