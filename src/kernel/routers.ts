/**
 * Interfaces by which the host hears of its IPv6 routers. A host that forwards takes no router's advertisement any
 * more, unless the interface says so (accept_ra 2), and forgets at once what it heard (ip-sysctl.rst; tried on 6.18:
 * the default route was gone with the switch).
 */
import { readFileSync } from 'node:fs';
import { isIfname } from '../model/names.ts';
import { readSysctl } from './sysctl.ts';

/** linux/ipv6_route.h: RTF_DEFAULT, RTF_ADDRCONF. */
const HEARD_OF_A_ROUTER = 0x0001_0000 | 0x0004_0000;

/** Reads /proc/net/ipv6_route: the interfaces of default routes that advertisements made. */
export function parseHeardRouters(text: string): string[] {
  const routes = text.split('\n').map((line) => line.trim().split(/\s+/));
  const heard = routes.filter((fields) => {
    const flags = Number.parseInt(fields[8] ?? '', 16);
    return (flags & HEARD_OF_A_ROUTER) === HEARD_OF_A_ROUTER;
  });
  return [...new Set(heard.flatMap((fields) => fields[9] ?? []))].filter(isIfname);
}

/** Interfaces of the host that have such a route, and would lose it if the host forwarded. */
export function interfacesHearingRouters(): string[] {
  let text: string;
  try {
    text = readFileSync('/proc/net/ipv6_route', 'utf8');
  } catch {
    return [];
  }
  return parseHeardRouters(text).filter((ifname) => readSysctl(`ipv6/conf/${ifname}/accept_ra`) === '1');
}
