/** `vethctl ns …`: network namespaces, which the API calls containers. */
import type { Command } from 'commander';
import {
  createContainer,
  disconnectContainer,
  type Filters,
  listContainers,
  removeContainer,
  startContainer,
} from '../calls.ts';
import { ApiError, ask, send } from '../client.ts';
import { filter, list, listFormat, map, publish } from '../flags.ts';
import { change, forEachTerm, type Shell } from '../shell.ts';
import { compareNames, formatJson, formatLabels, formatTable, shortId } from '../table.ts';
import type { ContainerSummary, EndpointAnswer } from '../wire.ts';
import { type EndpointOptions, endpointBody } from './network-connect.ts';
import { addNsExec } from './ns-exec.ts';
import { DRY_RUN } from './options.ts';

/** Adds the group to the program. */
export function addNsCommands(program: Command, shell: Shell): void {
  const ns = program.command('ns').description('Manage network namespaces (containers, in Docker’s words)');
  addList(ns, shell);
  addAdd(ns, shell);
  addRemove(ns, shell);
  addNsExec(ns, shell);
}

interface ListOptions {
  readonly filter?: Filters;
  readonly format: 'table' | 'json';
  readonly trunc: boolean;
  readonly quiet?: boolean;
}

function addList(ns: Command, shell: Shell): void {
  ns.command('ls')
    .alias('list')
    .description('List namespaces')
    .option('-f, --filter <filter>', 'only those such as name=web, network=lab, label=a=b', filter)
    .option('--format <format>', 'table or json', listFormat, 'table')
    .option('--no-trunc', 'show whole ids')
    .option('-q, --quiet', 'only ids')
    .action(async (options: ListOptions) => {
      const containers = await ask(shell.client(), listContainers(options.filter));
      containers.sort((a, b) => compareNames(nameOf(a), nameOf(b)));
      shell.io.out(formatContainers(containers, options));
    });
}

function formatContainers(containers: readonly ContainerSummary[], options: ListOptions): string {
  const lines = containers.map((container) => containerLine(container, options.trunc));
  if (options.quiet) return lines.map((line) => `${line.ID}\n`).join('');
  if (options.format === 'json') return lines.map((line) => formatJson(line)).join('');
  const rows = lines.map((line) => [line.ID, line.Name, line.State, line.Networks, line.Addresses]);
  return formatTable([['CONTAINER ID', 'NAME', 'STATE', 'NETWORKS', 'ADDRESSES'], ...rows]);
}

function containerLine(container: ContainerSummary, short: boolean) {
  const networks = Object.entries(container.NetworkSettings.Networks);
  return {
    ID: short ? shortId(container.Id) : container.Id,
    Name: nameOf(container),
    State: container.State,
    Status: container.Status,
    Labels: formatLabels(container.Labels),
    Networks: networks.map(([name]) => name).join(','),
    Addresses: networks.flatMap(([, endpoint]) => addressesOf(endpoint)).join(','),
  };
}

function addressesOf(endpoint: EndpointAnswer): string[] {
  const ipv4 = endpoint.IPAddress && `${endpoint.IPAddress}/${endpoint.IPPrefixLen}`;
  const ipv6 = endpoint.GlobalIPv6Address && `${endpoint.GlobalIPv6Address}/${endpoint.GlobalIPv6PrefixLen}`;
  return [ipv4, ipv6].filter((address) => address !== '');
}

/** A container's name without the slash that the API puts before it. */
function nameOf(container: ContainerSummary): string {
  return (container.Names[0] ?? '').replace(/^\//, '');
}

interface AddOptions extends EndpointOptions {
  /** Undefined: a bare namespace, on no network. */
  readonly network?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly dryRun?: boolean;
}

function addAdd(ns: Command, shell: Shell): void {
  ns.command('add <name>')
    .description('Make a namespace, bound at /run/netns/NAME as `ip netns add` does')
    .option('--network <network>', 'network to join (default: none of them, not even none)')
    .option('--ip <address>', 'IPv4 address on that network')
    .option('--ip6 <address>', 'IPv6 address on that network')
    .option('--mac-address <mac>', 'MAC address on that network')
    .option('--alias <name>', 'another name on that network', list)
    .option('-p, --publish <port>', 'publish a port, as 8080:80', publish)
    .option('-l, --label <key=value>', 'label of the namespace', map)
    .option(...DRY_RUN)
    .action(async (name: string, options: AddOptions) => {
      checkMemberFlags(options);
      const call = createContainer(name, createBody(options));
      if (options.dryRun) return change(shell, call, true, () => undefined);
      const { Id, Warnings } = await ask(shell.client(), call);
      for (const warning of Warnings ?? []) shell.io.err(`WARNING: ${warning}\n`);
      await startOrRemove(shell, Id, options.network === undefined);
      shell.io.out(`${Id}\n`);
    });
}

/** What is said of a membership needs one. */
function checkMemberFlags({ network, ip, ip6, macAddress, alias, publish: ports }: AddOptions): void {
  if (network !== undefined) return;
  if ([ip, ip6, macAddress, alias, ports].every((wish) => wish === undefined)) return;
  throw new Error('an address, alias or port is one on a network: name it with --network');
}

function createBody(options: AddOptions): object {
  // Docker's API has no container without a network; it is left again after the start.
  const { network = 'none' } = options;
  const plain = ['none', 'host', 'default'].includes(network) || network.startsWith('container:');
  return {
    Labels: options.label ?? {},
    HostConfig: {
      NetworkMode: network,
      ...(options.publish !== undefined && { PortBindings: options.publish }),
    },
    NetworkingConfig: { EndpointsConfig: plain ? {} : { [network]: endpointBody(withoutPorts(options)) } },
  };
}

function withoutPorts(options: AddOptions): EndpointOptions {
  const { publish: _, ...rest } = options;
  return rest;
}

/** A namespace that cannot start is of no use, and its name would stay taken. */
async function startOrRemove(shell: Shell, id: string, bare: boolean): Promise<void> {
  try {
    await send(shell.client(), startContainer(id));
    if (bare) await send(shell.client(), disconnectContainer('none', id, false));
  } catch (error) {
    if (error instanceof ApiError) await send(shell.client(), removeContainer(id));
    throw error;
  }
}

function addRemove(ns: Command, shell: Shell): void {
  ns.command('rm <name...>')
    .alias('remove')
    .description('Disconnect and remove namespaces; one that vethd did not make is only forgotten')
    .option(...DRY_RUN)
    .action(async (names: readonly string[], options: { dryRun?: boolean }) => {
      await forEachTerm(shell, names, async (name) => {
        const done = () => shell.io.out(`${name}\n`);
        await change(shell, removeContainer(name), options.dryRun === true, done);
      });
    });
}
