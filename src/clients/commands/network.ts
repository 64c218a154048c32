/** `vethctl network …`: docker's network commands. */
import type { Command } from 'commander';
import {
  disconnectContainer,
  type Filters,
  inspectNetwork,
  listNetworks,
  pruneNetworks,
  removeNetwork,
} from '../calls.ts';
import { ApiError, ask } from '../client.ts';
import { filter, listFormat } from '../flags.ts';
import { change, forEachTerm, type Shell } from '../shell.ts';
import { compareNames, formatJson, formatLabels, formatTable, shortId } from '../table.ts';
import type { NetworkAnswer } from '../wire.ts';
import { addNetworkConnect } from './network-connect.ts';
import { addNetworkCreate } from './network-create.ts';
import { DRY_RUN } from './options.ts';

/** Adds the group to the program. */
export function addNetworkCommands(program: Command, shell: Shell): void {
  const network = program.command('network').description('Manage networks');
  addList(network, shell);
  addNetworkCreate(network, shell);
  addInspect(network, shell);
  addRemove(network, shell);
  addNetworkConnect(network, shell);
  addDisconnect(network, shell);
  addPrune(network, shell);
}

interface ListOptions {
  readonly filter?: Filters;
  readonly format: 'table' | 'json';
  readonly trunc: boolean;
  readonly quiet?: boolean;
}

function addList(network: Command, shell: Shell): void {
  network
    .command('ls')
    .alias('list')
    .description('List networks')
    .option('-f, --filter <filter>', 'only networks such as driver=bridge, name=lab, label=a=b', filter)
    .option('--format <format>', 'table or json', listFormat, 'table')
    .option('--no-trunc', 'show whole ids')
    .option('-q, --quiet', 'only ids')
    .action(async (options: ListOptions) => {
      const networks = await ask(shell.client(), listNetworks(options.filter));
      networks.sort((a, b) => compareNames(a.Name, b.Name));
      shell.io.out(formatNetworks(networks, options));
    });
}

function formatNetworks(networks: readonly NetworkAnswer[], options: ListOptions): string {
  const idOf = (network: NetworkAnswer) => (options.trunc ? shortId(network.Id) : network.Id);
  if (options.quiet) return networks.map((network) => `${idOf(network)}\n`).join('');
  if (options.format === 'json') {
    return networks.map((network) => formatJson(networkLine(network, idOf(network)))).join('');
  }
  const rows = networks.map((network) => [idOf(network), network.Name, network.Driver, network.Scope]);
  return formatTable([['NETWORK ID', 'NAME', 'DRIVER', 'SCOPE'], ...rows]);
}

/** A network as `docker network ls --format json` prints it: every value is a text. */
function networkLine(network: NetworkAnswer, id: string): Readonly<Record<string, string>> {
  return {
    CreatedAt: network.Created.replace('T', ' ').replace(/\.?0*Z$/, ' +0000 UTC'),
    Driver: network.Driver,
    ID: id,
    IPv4: String(network.EnableIPv4 ?? true),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    Labels: formatLabels(network.Labels),
    Name: network.Name,
    Scope: network.Scope,
  };
}

function addInspect(network: Command, shell: Shell): void {
  network
    .command('inspect <network...>')
    .description('Show all about one or more networks')
    .option('--format <format>', 'json: on one line', listFormat)
    .option('-v, --verbose', 'ask for diagnostics')
    .action(async (terms: readonly string[], options: { format?: string; verbose?: boolean }) => {
      const found: NetworkAnswer[] = [];
      const faults: ApiError[] = [];
      for (const term of terms) {
        try {
          found.push(await ask(shell.client(), inspectNetwork(term, options.verbose)));
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          faults.push(error);
        }
      }
      shell.io.out(formatJson(found, options.format === 'json' ? 'line' : 'indented'));
      for (const fault of faults) shell.fail(fault);
    });
}

function addRemove(network: Command, shell: Shell): void {
  network
    .command('rm <network...>')
    .alias('remove')
    .description('Remove one or more networks')
    .option('-f, --force', 'do not fail when a network does not exist')
    .option(...DRY_RUN)
    .action(async (terms: readonly string[], options: { force?: boolean; dryRun?: boolean }) => {
      await forEachTerm(shell, terms, async (term) => {
        try {
          const done = () => shell.io.out(`${term}\n`);
          await change(shell, removeNetwork(term), options.dryRun === true, done);
        } catch (error) {
          if (!(options.force && error instanceof ApiError && error.status === 404)) throw error;
        }
      });
    });
}

function addDisconnect(network: Command, shell: Shell): void {
  network
    .command('disconnect <network> <container>')
    .description('Disconnect a container (a network namespace) from a network')
    .option('-f, --force', 'also when the namespace is gone')
    .option(...DRY_RUN)
    .action(async (term: string, container: string, options: { force?: boolean; dryRun?: boolean }) => {
      const call = disconnectContainer(term, container, options.force === true);
      await change(shell, call, options.dryRun === true, () => undefined);
    });
}

const PRUNE_QUESTION = `WARNING! This will remove all custom networks not used by at least one container.
Are you sure you want to continue? [y/N] `;

function addPrune(network: Command, shell: Shell): void {
  network
    .command('prune')
    .description('Remove all unused networks')
    .option('--filter <filter>', 'only networks such as until=1h, label=a=b, label!=a', filter)
    .option('-f, --force', 'do not ask')
    .option(...DRY_RUN)
    .action(async (options: { filter?: Filters; force?: boolean; dryRun?: boolean }) => {
      const dryRun = options.dryRun === true;
      if (!dryRun && !options.force && !(await confirmed(shell))) return;
      await change(shell, pruneNetworks(options.filter ?? {}), dryRun, (answer) => {
        const names = answer?.NetworksDeleted ?? [];
        if (names.length > 0) shell.io.out(`Deleted Networks:\n${names.join('\n')}\n\n`);
      });
    });
}

async function confirmed(shell: Shell): Promise<boolean> {
  shell.io.out(PRUNE_QUESTION);
  return /^y(es)?$/i.test((await shell.io.readLine()).trim());
}
