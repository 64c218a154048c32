/** `vethctl network create`. */
import { type Command, Option } from 'commander';
import { createNetwork } from '../calls.ts';
import { list, map } from '../flags.ts';
import { type IpamFlags, ipamConfig } from '../ipam-flags.ts';
import { change, type Shell } from '../shell.ts';
import { DRY_RUN } from './options.ts';

interface CreateOptions extends IpamFlags {
  readonly driver: string;
  readonly ipamDriver: string;
  readonly ipamOpt?: Readonly<Record<string, string>>;
  readonly opt?: Readonly<Record<string, string>>;
  readonly label?: Readonly<Record<string, string>>;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly ingress?: boolean;
  readonly scope?: string;
  readonly configOnly?: boolean;
  readonly configFrom?: string;
  readonly dryRun?: boolean;
}

/** Adds the command to its group. */
export function addNetworkCreate(network: Command, shell: Shell): void {
  network
    .command('create <network>')
    .description('Create a network')
    .option('-d, --driver <driver>', 'driver of the network', 'bridge')
    .option('--subnet <prefix>', 'subnet such as 10.9.0.0/24; once for each family', list)
    .option('--gateway <address>', "the bridge's address in its subnet", list)
    .option('--ip-range <prefix>', 'choose addresses from this part of the subnet', list)
    .option('--aux-address <name=address>', 'address that is kept free', map)
    .option('--ipv4', 'IPv4 addresses (default true)')
    .addOption(new Option('--no-ipv4').hideHelp())
    .option('--ipv6', 'IPv6 addresses')
    .addOption(new Option('--no-ipv6').hideHelp())
    .option('--internal', 'no way out and none in')
    .option('--attachable', 'kept and shown; has no effect on one host')
    .option('--ingress', 'for swarm; refused')
    .option('--scope <scope>', 'only local')
    .option('--label <key=value>', 'label of the network', map)
    .option('-o, --opt <key=value>', 'driver option', map)
    .option('--ipam-driver <driver>', 'address management driver', 'default')
    .option('--ipam-opt <key=value>', 'option of that driver', map)
    .option('--config-only', 'a stored configuration for other networks')
    .option('--config-from <network>', 'take the configuration from that network')
    .option(...DRY_RUN)
    .action(async (name: string, options: CreateOptions) => {
      const call = createNetwork(createBody(name, options));
      await change(shell, call, options.dryRun === true, (answer) => {
        if (answer?.Warning) shell.io.err(`WARNING: ${answer.Warning}\n`);
        if (answer !== undefined) shell.io.out(`${answer.Id}\n`);
      });
    });
}

function createBody(name: string, options: CreateOptions): object {
  return {
    Name: name,
    Driver: options.driver,
    Scope: options.scope ?? '',
    // A flag that was not given stays out of the body: what the daemon does then is its own affair.
    ...(options.ipv4 !== undefined && { EnableIPv4: options.ipv4 }),
    ...(options.ipv6 !== undefined && { EnableIPv6: options.ipv6 }),
    IPAM: { Driver: options.ipamDriver, Options: options.ipamOpt ?? {}, Config: ipamConfig(options) },
    Internal: options.internal === true,
    Attachable: options.attachable === true,
    Ingress: options.ingress === true,
    ConfigOnly: options.configOnly === true,
    ConfigFrom: options.configFrom === undefined ? null : { Network: options.configFrom },
    Options: options.opt ?? {},
    Labels: options.label ?? {},
  };
}

/**
 * A command line with docker's `--ipv6=false` as `--no-ipv6`, which commander understands: an optional value would
 * swallow the name in `--ipv6 lab`. Other commands' words stay as they are, for those of `ns exec` are not ours.
 */
export function spellSwitches(args: readonly string[]): readonly string[] {
  const at = args.findIndex((word, index) => word === 'create' && args[index - 1] === 'network');
  if (at < 0 || args.slice(0, at).includes('exec')) return args;
  return args.map((word, index) => (index < at ? word : spellSwitch(word)));
}

function spellSwitch(word: string): string {
  const [, family = '', value = ''] = /^--(ipv[46])=(.*)$/.exec(word) ?? [];
  if (/^(1|t|true)$/i.test(value)) return `--${family}`;
  if (/^(0|f|false)$/i.test(value)) return `--no-${family}`;
  return word;
}
