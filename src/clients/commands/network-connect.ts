/** `vethctl network connect`. */
import type { Command } from 'commander';
import { connectContainer } from '../calls.ts';
import { integer, list, map, type PortBindings, publish, repeated } from '../flags.ts';
import { change, type Shell } from '../shell.ts';
import { DRY_RUN } from './options.ts';

/** What may be asked of an endpoint. */
export interface EndpointOptions {
  readonly ip?: string;
  readonly ip6?: string;
  readonly linkLocalIp?: readonly string[];
  readonly alias?: readonly string[];
  readonly link?: readonly string[];
  readonly driverOpt?: Readonly<Record<string, string>>;
  readonly gwPriority?: number;
  readonly macAddress?: string;
  readonly publish?: PortBindings;
}

/** Adds the command to its group. */
export function addNetworkConnect(network: Command, shell: Shell): void {
  network
    .command('connect <network> <container>')
    .description('Connect a container (a network namespace) to a network')
    .option('--ip <address>', 'IPv4 address, as 172.30.100.104')
    .option('--ip6 <address>', 'IPv6 address, as 2001:db8::33')
    .option('--link-local-ip <address>', 'a link-local address besides', list)
    .option('--alias <name>', 'another name on this network', list)
    .option('--link <container>', 'kept and shown', repeated)
    .option('--driver-opt <key=value>', 'option of the endpoint', map)
    .option('--gw-priority <number>', 'the highest has the default route', integer)
    .option('--mac-address <mac>', 'MAC address of the peer')
    .option('-p, --publish <port>', 'publish a port, as 8080:80', publish)
    .option(...DRY_RUN)
    .action(async (term: string, container: string, options: EndpointOptions & { dryRun?: boolean }) => {
      const call = connectContainer(term, container, endpointBody(options));
      await change(shell, call, options.dryRun === true, () => undefined);
    });
}

/** The API's EndpointConfig. */
export function endpointBody(options: EndpointOptions): object {
  return {
    IPAMConfig: {
      ...(options.ip !== undefined && { IPv4Address: options.ip }),
      ...(options.ip6 !== undefined && { IPv6Address: options.ip6 }),
      ...(options.linkLocalIp !== undefined && { LinkLocalIPs: options.linkLocalIp }),
    },
    Aliases: options.alias ?? [],
    Links: options.link ?? [],
    DriverOpts: options.driverOpt ?? {},
    GwPriority: options.gwPriority ?? 0,
    MacAddress: options.macAddress ?? '',
    ...(options.publish !== undefined && { PortBindings: options.publish }),
  };
}
