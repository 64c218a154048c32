/**
 * An engine that remembers what it was asked and answers from a few made-up nouns: just enough to test how the
 * API reads requests and writes answers. It keeps no rules; what the verbs really do is tested with the real one.
 */
import type {
  ContainerView,
  Engine,
  Execs,
  Filters,
  Mode,
  NetworkView,
  Outcome,
} from '../../src/engine/contract.ts';
import { VethdError } from '../../src/errors.ts';
import { parseAddress, parsePrefix } from '../../src/model/address.ts';
import type { Check } from '../../src/model/check.ts';
import type { Container, ContainerSpec } from '../../src/model/container.ts';
import type { Endpoint, EndpointSpec, PortSpec } from '../../src/model/endpoint.ts';
import type { StoredEvent } from '../../src/model/event.ts';
import type { LinkCounters } from '../../src/model/netstate.ts';
import type { Network, NetworkSpec } from '../../src/model/network.ts';

/** The network `lab`. */
export const LAB: Network = {
  id: 'a1'.repeat(32),
  name: 'lab',
  created: '2026-08-01T10:00:00.123456789Z',
  driver: 'bridge',
  predefined: false,
  enableIPv4: true,
  enableIPv6: true,
  internal: false,
  attachable: true,
  configOnly: false,
  configFrom: '',
  ipamOptions: { a: 'b' },
  subnets: [
    {
      prefix: parsePrefix('10.61.0.0/24'),
      ipRange: parsePrefix('10.61.0.128/25'),
      gateway: parseAddress('10.61.0.1'),
      aux: { router: parseAddress('10.61.0.2') },
      automatic: false,
    },
    {
      prefix: parsePrefix('fd00:61::/64'),
      ipRange: undefined,
      gateway: parseAddress('fd00:61::1'),
      aux: {},
      automatic: true,
    },
  ],
  options: { 'com.docker.network.driver.mtu': '1400' },
  labels: { team: 'net<&>' },
};

/** The predefined network `bridge`. */
export const BRIDGE: Network = {
  ...LAB,
  id: 'b2'.repeat(32),
  name: 'bridge',
  predefined: true,
  enableIPv6: false,
  ipamOptions: undefined,
  subnets: [],
  options: { 'com.docker.network.bridge.name': 'vethd0' },
  labels: {},
};

/** The running container `web1`. */
export const WEB: Container = {
  id: 'c3'.repeat(32),
  name: 'web1',
  created: '2026-08-01T11:00:00.000000001Z',
  source: { kind: 'managed', netnsName: 'web1' },
  state: 'running',
  identity: { bootId: 'boot', inode: '4:4026532000' },
  startedAt: '2026-08-01T11:00:01.000000000Z',
  finishedAt: '0001-01-01T00:00:00Z',
  exitCode: 0,
  networkMode: 'lab',
  labels: { role: 'web' },
  pending: {},
  config: { Image: 'nginx:1', Cmd: ['serve', '-p'], Hostname: 'www', ExposedPorts: { '443/tcp': {} } },
};

/** The stopped container `old1`, which waits for a network that is not there. */
export const OLD: Container = {
  ...WEB,
  id: 'd4'.repeat(32),
  name: 'old1',
  created: '2026-07-01T11:00:00.000000001Z',
  source: { kind: 'managed', netnsName: 'old1' },
  state: 'exited',
  identity: undefined,
  exitCode: 137,
  finishedAt: '2026-07-02T11:00:00.000000000Z',
  networkMode: 'gone',
  labels: {},
  config: {},
  pending: {
    gone: {
      ipv4: '10.9.0.9',
      ipv6: '',
      linkLocal: [],
      mac: '',
      aliases: ['x'],
      links: [],
      driverOpts: {},
      gwPriority: 0,
      ports: [],
    },
  },
};

/** What attaches `web1` to `lab`. */
export const ENDPOINT: Endpoint = {
  id: 'e5'.repeat(32),
  networkId: LAB.id,
  containerId: WEB.id,
  ordinal: 1,
  veth: 'vethe5e5e5e',
  ifname: 'eth0',
  mac: '02:42:0a:3d:00:80',
  ipv4: parseAddress('10.61.0.128'),
  ipv6: parseAddress('fd00:61::2'),
  asked: { ipv4: parseAddress('10.61.0.128'), ipv6: undefined, linkLocal: [parseAddress('169.254.7.7')] },
  askedMac: '',
  aliases: ['www2'],
  links: [],
  driverOpts: { k: 'v' },
  gwPriority: 7,
  ports: [
    {
      protocol: 'tcp',
      containerPort: 80,
      containerPortEnd: 81,
      hostAddress: undefined,
      hostPort: 8080,
      hostPortEnd: 8081,
    },
  ],
};

/** Counters of an interface. */
export const COUNTERS: LinkCounters = {
  rxBytes: 1,
  rxPackets: 2,
  rxErrors: 3,
  rxDropped: 4,
  txBytes: 5,
  txPackets: 6,
  txErrors: 7,
  txDropped: 8,
};

/** One event of each kind that clients see. */
export const EVENTS: readonly StoredEvent[] = [
  {
    sequence: 1,
    timeNano: 1_700_000_000_123_456_789n,
    type: 'network',
    action: 'connect',
    actorId: LAB.id,
    attributes: { name: 'lab', type: 'bridge', container: WEB.id },
  },
  {
    sequence: 2,
    timeNano: 1_700_000_001_000_000_000n,
    type: 'container',
    action: 'start',
    actorId: WEB.id,
    attributes: { name: 'web1', image: 'nginx:1', role: 'web' },
  },
  {
    sequence: 3,
    timeNano: 1_700_000_002_000_000_000n,
    type: 'vethd',
    action: 'repair',
    actorId: ENDPOINT.id,
    attributes: { what: 'address' },
  },
];

const COMMANDS = ['ip link add br0 type bridge'];

const NO_EXECS: Execs = {
  create: async () => 'x',
  start: async () => ({ stdin: undefined, stdout: undefined, stderr: undefined, exited: Promise.resolve(0) }),
  inspect: (id) => {
    throw new VethdError('notFound', `No such exec instance: ${id}`);
  },
  resize: (id) => {
    throw new VethdError('notFound', `No such exec instance: ${id}`);
  },
  listRunning: () => [],
  hangUp: () => undefined,
};

/** One call of a verb. */
export interface Call {
  readonly verb: string;
  readonly args: readonly unknown[];
}

/** The engine; `calls` are the changing verbs that were called, in order. */
export class MemoryEngine implements Engine {
  readonly calls: Call[] = [];
  readonly execs = NO_EXECS;
  readonly listeners = new Set<(event: StoredEvent) => void>();
  /** When set, every changing verb waits for it. */
  holdUp: Promise<void> | undefined;
  /** When set, every changing verb throws it. */
  failure: Error | undefined;

  async #change<Result>(verb: string, args: readonly unknown[], result: Result): Promise<Outcome<Result>> {
    this.calls.push({ verb, args });
    await this.holdUp;
    if (this.failure !== undefined) throw this.failure;
    return { result, commands: COMMANDS };
  }

  #view(container: Container): ContainerView {
    const runs = container.id === WEB.id;
    return {
      container,
      adopted: true,
      sandboxKey: runs ? '/run/netns/web1' : '',
      pid: 0,
      attachments: runs ? [{ endpoint: ENDPOINT, network: LAB }] : [],
    };
  }

  createNetwork(spec: NetworkSpec, mode: Mode) {
    return this.#change('createNetwork', [spec, mode], { id: LAB.id, warning: '' });
  }
  removeNetwork(term: string, mode: Mode) {
    return this.#change('removeNetwork', [term, mode], undefined);
  }
  pruneNetworks(filters: Filters, mode: Mode) {
    return this.#change('pruneNetworks', [filters, mode], ['lab']);
  }
  inspectNetwork(term: string): NetworkView {
    const network = [LAB, BRIDGE].find(({ id, name }) => id === term || name === term);
    if (network === undefined) throw new VethdError('notFound', `network ${term} not found`);
    return { network, members: network === LAB ? [{ endpoint: ENDPOINT, container: WEB }] : [] };
  }
  listNetworks(_filters: Filters, withMembers: boolean): NetworkView[] {
    return ['bridge', 'lab'].map((name) => {
      const view = this.inspectNetwork(name);
      return withMembers ? view : { ...view, members: [] };
    });
  }
  networkUsage(network: Network) {
    return network === LAB ? [{ subnet: 'fd00:61::/64', inUse: 2n, available: 2n ** 64n }] : [];
  }
  connect(networkTerm: string, containerTerm: string, spec: EndpointSpec, mode: Mode) {
    return this.#change('connect', [networkTerm, containerTerm, spec, mode], ENDPOINT);
  }
  disconnect(networkTerm: string, containerTerm: string, force: boolean, mode: Mode) {
    return this.#change('disconnect', [networkTerm, containerTerm, force, mode], undefined);
  }
  setPorts(endpointId: string, ports: readonly PortSpec[], mode: Mode) {
    return this.#change('setPorts', [endpointId, ports, mode], ENDPOINT);
  }
  createContainer(spec: ContainerSpec, mode: Mode) {
    return this.#change('createContainer', [spec, mode], { id: WEB.id, warnings: ['no process is run'] });
  }
  startContainer(term: string, mode: Mode) {
    return this.#change('startContainer', [term, mode], term !== 'web1');
  }
  stopContainer(term: string, mode: Mode) {
    return this.#change('stopContainer', [term, mode], term === 'web1');
  }
  killContainer(term: string, signal: string, mode: Mode) {
    return this.#change('killContainer', [term, signal, mode], undefined);
  }
  restartContainer(term: string, mode: Mode) {
    return this.#change('restartContainer', [term, mode], undefined);
  }
  renameContainer(term: string, name: string, mode: Mode) {
    return this.#change('renameContainer', [term, name, mode], undefined);
  }
  removeContainer(term: string, force: boolean, mode: Mode) {
    return this.#change('removeContainer', [term, force, mode], undefined);
  }
  async inspectContainer(term: string): Promise<ContainerView> {
    const container = [WEB, OLD].find(({ id, name }) => id === term || name === term);
    if (container === undefined) throw new VethdError('notFound', `No such container: ${term}`);
    return this.#view(container);
  }
  async listContainers(all: boolean): Promise<ContainerView[]> {
    return (all ? [WEB, OLD] : [WEB]).map((container) => this.#view(container));
  }
  async waitContainer(_term: string, _condition: string, signal: AbortSignal): Promise<number> {
    await this.holdUp;
    return signal.aborted ? 0 : 137;
  }
  async containerCounters() {
    return new Map([['eth0', COUNTERS]]);
  }
  async trace(term: string) {
    if (term === 'nothing') throw new VethdError('notFound', `No such container: ${term}`);
    const end = {
      ifname: 'eth0',
      ifindex: 2,
      peerIfindex: 7,
      mac: ENDPOINT.mac,
      mtu: 1500,
      up: true,
      operstate: 'up',
      addresses: ['10.61.0.128/24'],
      counters: COUNTERS,
    };
    return [
      {
        host: { ...end, ifname: ENDPOINT.veth },
        peer: end,
        ours: true,
        netns: 'web1',
        container: { id: WEB.id, name: 'web1' },
        network: { id: LAB.id, name: 'lab' },
        endpointId: ENDPOINT.id,
        bridge: { ifname: 'br-a1a1a1a1a1a1', portState: 'forwarding' },
      },
      {
        host: end,
        peer: undefined,
        ours: false,
        netns: 'netnsid 4',
        container: undefined,
        network: undefined,
        endpointId: undefined,
        bridge: undefined,
      },
    ];
  }
  async reconcile(mode: Mode) {
    return (await this.#change('reconcile', [mode], undefined)).commands;
  }
  async doctor(): Promise<readonly Check[]> {
    return [{ name: 'forwarding ipv4', status: 'warning', message: 'off', mend: ['sysctl -w a=1'] }];
  }
  async info() {
    return {
      daemonId: 'id',
      containers: 2,
      running: 1,
      networks: 3,
      ipv4Forwarding: true,
      warnings: ['careful'],
      defaultAddressPools: [{ base: '172.17.0.0/16', size: 16 }],
    };
  }
  listEvents() {
    return EVENTS;
  }
  subscribe(listener: (event: StoredEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  /** Tells every listener. */
  emit(event: StoredEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}
