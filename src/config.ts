/** The daemon's settings: flags, then `VETHD_*` environment, then defaults, in one frozen object. */
import { parseArgs } from 'node:util';
import { VethdError } from './errors.ts';
import { networkOf, type Prefix, samePrefix, tryParsePrefix } from './model/address.ts';
import type { AddressPool } from './model/network.ts';

/** How much the daemon says. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Everything that can be set. */
export interface Config {
  readonly socket: string;
  readonly readOnlySocket: string | undefined;
  /** Who may use the socket besides root; undefined: whoever can open it. */
  readonly allowUids: readonly number[] | undefined;
  readonly stateDir: string;
  readonly netnsDir: string;
  readonly netnsEtcDir: string;
  /** Empty: Docker's pools. */
  readonly addressPools: readonly AddressPool[];
  readonly mtu: number;
  readonly bridgeName: string;
  readonly bridgeSubnet: Prefix | undefined;
  /** Whether members of the network bridge know each other by name; Docker's do not. */
  readonly bridgeDns: boolean;
  readonly logLevel: LogLevel;
  readonly allowExec: boolean;
  readonly manageDockerUser: boolean;
  /** How often one object is repaired at once before repairs of it have to wait. */
  readonly repairsPerMinute: number;
  /** Whether an empty state folder is filled from the kernel. */
  readonly recover: boolean;
}

interface Flag {
  readonly help: string;
  readonly type: 'string' | 'boolean';
  readonly placeholder?: string;
  readonly multiple?: boolean;
  readonly default?: string;
}

/** Every flag; the environment variable of `--state-dir` is VETHD_STATE_DIR, and so on. */
const FLAGS = {
  socket: { type: 'string', placeholder: 'PATH', default: '/run/vethd/vethd.sock', help: 'where to listen' },
  'ro-socket': { type: 'string', placeholder: 'PATH', help: 'a second socket that only reads (GET, HEAD)' },
  'allow-uids': {
    type: 'string',
    placeholder: 'UID[,UID…]',
    help: 'only these users and root may use the socket (default: whoever can open it)',
  },
  'state-dir': {
    type: 'string',
    placeholder: 'DIR',
    default: '/var/lib/vethd',
    help: 'where the database lives',
  },
  'netns-dir': {
    type: 'string',
    placeholder: 'DIR',
    default: '/run/netns',
    help: 'where namespaces have names',
  },
  'netns-etc': {
    type: 'string',
    placeholder: 'DIR',
    default: '/etc/netns',
    help: 'where resolv.conf files of namespaces go',
  },
  'address-pool': {
    type: 'string',
    placeholder: 'BASE/LEN,SIZE',
    multiple: true,
    help: 'cut automatic subnets of /SIZE from BASE/LEN (repeatable)',
  },
  mtu: { type: 'string', placeholder: 'N', default: '1500', help: 'MTU of networks that name none' },
  'bridge-name': {
    type: 'string',
    placeholder: 'NAME',
    default: 'vethd0',
    help: 'device of the network bridge',
  },
  'bridge-subnet': { type: 'string', placeholder: 'CIDR', help: 'subnet of the network bridge' },
  'bridge-dns': {
    type: 'boolean',
    help: 'names for members of the network bridge, which has none in Docker',
  },
  'log-level': { type: 'string', placeholder: 'LEVEL', default: 'info', help: 'debug, info, warn or error' },
  'allow-exec': { type: 'boolean', help: 'let clients run host programs inside containers (root!)' },
  'manage-docker-user': { type: 'boolean', help: "keep one rule of ours in Docker's chain DOCKER-USER" },
  'repairs-per-minute': {
    type: 'string',
    placeholder: 'N',
    default: '10',
    help: 'repairs of one object before others have to wait',
  },
  recover: {
    type: 'boolean',
    help: 'rebuild a lost or damaged state folder from what the kernel still holds',
  },
  'recover-once': { type: 'boolean', help: 'as --recover, and end (vethctl recover)' },
  purge: { type: 'boolean', help: 'remove everything vethd ever made on this host, and end' },
  help: { type: 'boolean', help: 'show this' },
  version: { type: 'boolean', help: 'show the version' },
} as const satisfies Record<string, Flag>;

type FlagName = keyof typeof FLAGS;

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'run' | 'recover' | 'purge'; readonly config: Config }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' };

function helpText(): string {
  const lines = Object.entries<Flag>(FLAGS).map(([name, flag]) => {
    const left = `  --${name}${flag.placeholder === undefined ? '' : ` ${flag.placeholder}`}`;
    const suffix = flag.default === undefined ? '' : ` (default ${flag.default})`;
    return `${left.padEnd(32)}${flag.help}${suffix}`;
  });
  return [
    'Usage: vethd [FLAGS]',
    '',
    "Docker's network API for any Linux network namespace. Needs root.",
    '',
    ...lines,
    '',
    'Every flag can be given in the environment: --state-dir as VETHD_STATE_DIR.',
    '',
  ].join('\n');
}

function bad(name: FlagName, value: string, right: string): VethdError {
  return new VethdError('invalidArgument', `--${name} ${value}: want ${right}`);
}

function readFlags(argv: readonly string[]): ReturnType<typeof parseArgs> {
  const options = Object.fromEntries(
    Object.entries<Flag>(FLAGS).map(([name, { type, multiple }]) => [
      name,
      { type, multiple: multiple ?? false },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: false });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new VethdError('invalidArgument', `${text}; see vethd --help`);
  }
}

class Settings {
  readonly #values: ReturnType<typeof parseArgs>['values'];
  readonly #environment: NodeJS.ProcessEnv;

  constructor(argv: readonly string[], environment: NodeJS.ProcessEnv) {
    this.#values = readFlags(argv).values;
    this.#environment = environment;
  }

  #variable(name: FlagName): string | undefined {
    return this.#environment[`VETHD_${name.toUpperCase().replaceAll('-', '_')}`];
  }

  optional(name: FlagName): string | undefined {
    const value = this.#values[name];
    const flag: Flag = FLAGS[name];
    return typeof value === 'string' ? value : (this.#variable(name) ?? flag.default);
  }

  text(name: FlagName): string {
    const value = this.optional(name);
    if (value === undefined || value === '') throw bad(name, '(empty)', 'a value');
    return value;
  }

  list(name: FlagName): string[] {
    const value = this.#values[name];
    if (Array.isArray(value)) return value.map(String);
    return (this.#variable(name) ?? '').split(/\s+/).filter((text) => text !== '');
  }

  isSet(name: FlagName): boolean {
    if (this.#values[name] === true) return true;
    const variable = (this.#variable(name) ?? '').toLowerCase();
    if (['', '0', 'false', 'no'].includes(variable)) return false;
    if (['1', 'true', 'yes'].includes(variable)) return true;
    throw bad(name, variable, 'true or false');
  }
}

/** sun_path of sockaddr_un (unix(7)), without its closing NUL: Node cuts what is longer, and says nothing. */
const MAX_SOCKET_PATH_BYTES = 107;

function socketPath(settings: Settings, name: 'socket' | 'ro-socket'): string {
  const path = absolute(settings, name);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  throw bad(name, path, `a path of at most ${MAX_SOCKET_PATH_BYTES} bytes`);
}

function absolute(settings: Settings, name: FlagName): string {
  const path = settings.text(name);
  if (!path.startsWith('/') || path.includes('\0')) throw bad(name, path, 'an absolute path');
  return path;
}

function prefixOf(name: FlagName, text: string): Prefix {
  const prefix = tryParsePrefix(text);
  if (prefix === undefined || !samePrefix(prefix, networkOf(prefix))) {
    throw bad(name, text, 'a subnet such as 10.64.0.0/16');
  }
  return prefix;
}

function poolOf(text: string): AddressPool {
  const [baseText = '', sizeText = ''] = text.split(',');
  const base = prefixOf('address-pool', baseText);
  const size = /^\d{1,3}$/.test(sizeText) ? Number(sizeText) : Number.NaN;
  if (!(size >= base.length && size <= 30)) {
    throw bad(
      'address-pool',
      text,
      `BASE/LEN,SIZE with a size from ${base.length} to 30, such as 10.64.0.0/10,24`,
    );
  }
  return { base, size };
}

function uidsOf(text: string): number[] {
  const words = text.split(',');
  if (words.every((word) => /^\d{1,10}$/.test(word) && Number(word) < 2 ** 32 - 1)) return words.map(Number);
  throw bad('allow-uids', text, 'numbers of users, such as 1000 or 1000,1001');
}

function mtuOf(text: string): number {
  const mtu = /^\d{2,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(mtu >= 68 && mtu <= 65535)) throw bad('mtu', text, 'a number from 68 to 65535');
  return mtu;
}

function repairsOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw bad('repairs-per-minute', text, 'a number from 1 to 999999');
}

function levelOf(text: string): LogLevel {
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text;
  throw bad('log-level', text, 'debug, info, warn or error');
}

function ifnameOf(name: FlagName, text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(text) || ['lo', 'all', 'default'].includes(text)) {
    throw bad(name, text, 'an interface name of at most 15 letters, digits, `_`, `.` or `-`');
  }
  return text;
}

function kindOf(settings: Settings): 'run' | 'recover' | 'purge' {
  if (settings.isSet('purge')) return 'purge';
  return settings.isSet('recover-once') ? 'recover' : 'run';
}

/** Reads the command line and the environment. Throws invalidArgument naming the flag and what would be right. */
export function readCommand(argv: readonly string[], environment: NodeJS.ProcessEnv): Command {
  const settings = new Settings(argv, environment);
  if (settings.isSet('help')) return { kind: 'help', text: helpText() };
  if (settings.isSet('version')) return { kind: 'version' };
  const subnet = settings.optional('bridge-subnet');
  const readOnly = settings.optional('ro-socket');
  const uids = settings.optional('allow-uids');
  return {
    kind: kindOf(settings),
    config: Object.freeze({
      socket: socketPath(settings, 'socket'),
      readOnlySocket: readOnly === undefined ? undefined : socketPath(settings, 'ro-socket'),
      allowUids: uids === undefined ? undefined : uidsOf(uids),
      stateDir: absolute(settings, 'state-dir'),
      netnsDir: absolute(settings, 'netns-dir'),
      netnsEtcDir: absolute(settings, 'netns-etc'),
      addressPools: settings.list('address-pool').map(poolOf),
      mtu: mtuOf(settings.text('mtu')),
      bridgeName: ifnameOf('bridge-name', settings.text('bridge-name')),
      bridgeSubnet: subnet === undefined ? undefined : prefixOf('bridge-subnet', subnet),
      bridgeDns: settings.isSet('bridge-dns'),
      logLevel: levelOf(settings.text('log-level')),
      allowExec: settings.isSet('allow-exec'),
      manageDockerUser: settings.isSet('manage-docker-user'),
      recover: settings.isSet('recover') || settings.isSet('recover-once'),
      repairsPerMinute: repairsOf(settings.text('repairs-per-minute')),
    }),
  };
}
