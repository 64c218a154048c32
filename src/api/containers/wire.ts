/** Containers in Docker's JSON. */
import type { ContainerView } from '../../engine/contract.ts';
import { isRunning } from '../../engine/running.ts';
import type { Container } from '../../model/container.ts';
import type { LinkCounters } from '../../model/netstate.ts';
import { mappingsOf, toPortMap } from '../endpoints/ports.ts';
import type { EndpointSettingsJson } from '../endpoints/schema.ts';
import { toEndpointSettings, toPendingSettings } from '../endpoints/wire.ts';
import { imageIdOf } from '../images/names.ts';
import { formatDuration } from './duration.ts';
import type { ContainerJson, ContainerSummaryJson, PublishedPortsJson, StatsJson } from './schema.ts';

/** The word for a container's state: a namespace that went away counts as exited. */
export function statusOf(container: Container): 'created' | 'running' | 'exited' {
  if (isRunning(container)) return 'running';
  return container.state === 'created' ? 'created' : 'exited';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** The image's name as the client gave it; undefined without one. */
export function namedImageOf({ config }: Container): string | undefined {
  return textOf(config['Image']) || undefined;
}

/** The image's name; `none` without one. */
export function imageOf(container: Container): string {
  return namedImageOf(container) ?? 'none';
}

function imageIdOfContainer(container: Container, whenNone: string): string {
  const name = namedImageOf(container);
  return name === undefined ? whenNone : imageIdOf(name);
}

function commandOf({ config }: Container): string[] {
  const words = [config['Entrypoint'], config['Cmd']].flatMap((part) => (Array.isArray(part) ? part : []));
  return words.filter((word) => typeof word === 'string');
}

function secondsSince(time: string, now: number): number {
  return Math.max(0, (now - Date.parse(time)) / 1000);
}

function statusText(container: Container, now: number): string {
  const status = statusOf(container);
  if (status === 'created') return 'Created';
  if (status === 'running') return `Up ${formatDuration(secondsSince(container.startedAt, now))}`;
  return `Exited (${container.exitCode}) ${formatDuration(secondsSince(container.finishedAt, now))} ago`;
}

function toNetworks(view: ContainerView, minor: number): Record<string, EndpointSettingsJson> {
  const { container, attachments } = view;
  const pending = Object.entries(container.pending).map(
    ([name, spec]) => [name, toPendingSettings(spec, minor)] as const,
  );
  const joined = attachments.map(
    (attachment) => [attachment.network.name, toEndpointSettings(container, attachment, minor)] as const,
  );
  return Object.fromEntries([...pending, ...joined]);
}

function toListedPorts({ container, attachments }: ContainerView): ContainerSummaryJson['Ports'] {
  if (!isRunning(container)) return [];
  return attachments
    .flatMap(({ endpoint }) => mappingsOf(endpoint))
    .map(({ protocol, containerPort, hostAddress, hostPort }) => ({
      IP: hostAddress,
      PrivatePort: containerPort,
      PublicPort: hostPort,
      Type: protocol,
    }));
}

/** A container in a list, for a client of version 1.`minor`. `now` is in milliseconds since 1970. */
export function toSummary(view: ContainerView, minor: number, now: number): ContainerSummaryJson {
  const { container } = view;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: imageOf(container),
    ImageID: imageIdOfContainer(container, ''),
    Command: commandOf(container).join(' '),
    Created: Math.floor(Date.parse(container.created) / 1000),
    Ports: toListedPorts(view),
    Labels: { ...container.labels },
    State: statusOf(container),
    Status: statusText(container, now),
    HostConfig: { NetworkMode: container.networkMode },
    NetworkSettings: { Networks: toNetworks(view, minor) },
    Mounts: [],
  };
}

function toState({ container, pid }: ContainerView): ContainerJson['State'] {
  return {
    Status: statusOf(container),
    Running: isRunning(container),
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: isRunning(container) ? pid : 0,
    ExitCode: container.exitCode,
    Error: '',
    StartedAt: container.startedAt,
    FinishedAt: container.finishedAt,
  };
}

function toHostConfig(container: Container): ContainerJson['HostConfig'] {
  return {
    PortBindings: {},
    PublishAllPorts: false,
    AutoRemove: false,
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    LogConfig: { Type: 'none', Config: {} },
    ...objectOf(container.config['HostConfig']),
    NetworkMode: container.networkMode,
  };
}

function toConfig(container: Container): ContainerJson['Config'] {
  const { HostConfig: _host, ...config } = container.config;
  return {
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    ...config,
    Hostname: textOf(config['Hostname']) || container.name,
    Image: imageOf(container),
    Labels: { ...container.labels },
  };
}

/** Published ports, and with null those that are only exposed. */
function toPorts({ container, attachments }: ContainerView): PublishedPortsJson {
  if (!isRunning(container)) return {};
  const exposed = Object.keys(objectOf(container.config['ExposedPorts'])).map((key) => [key, null] as const);
  return { ...Object.fromEntries(exposed), ...toPortMap(attachments.map(({ endpoint }) => endpoint)) };
}

const NO_ENDPOINT = {
  EndpointID: '',
  Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  MacAddress: '',
};

/** The old copy of the default bridge's endpoint at the top of the settings. */
function defaultBridge(networks: Readonly<Record<string, EndpointSettingsJson>>): typeof NO_ENDPOINT {
  const { bridge } = networks;
  if (bridge === undefined) return NO_ENDPOINT;
  return {
    EndpointID: bridge.EndpointID,
    Gateway: bridge.Gateway,
    GlobalIPv6Address: bridge.GlobalIPv6Address,
    GlobalIPv6PrefixLen: bridge.GlobalIPv6PrefixLen,
    IPAddress: bridge.IPAddress,
    IPPrefixLen: bridge.IPPrefixLen,
    IPv6Gateway: bridge.IPv6Gateway,
    MacAddress: bridge.MacAddress,
  };
}

function toNetworkSettings(view: ContainerView, minor: number): ContainerJson['NetworkSettings'] {
  const networks = toNetworks(view, minor);
  return {
    Bridge: '',
    SandboxID: view.sandboxKey === '' ? '' : view.container.id,
    SandboxKey: view.sandboxKey,
    Ports: toPorts(view),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...defaultBridge(networks),
    Networks: networks,
  };
}

/** A container by itself, for a client of version 1.`minor`. */
export function toContainer(view: ContainerView, execIds: readonly string[], minor: number): ContainerJson {
  const { container } = view;
  const [path = '', ...args] = commandOf(container);
  return {
    Id: container.id,
    Created: container.created,
    Path: path,
    Args: args,
    State: toState(view),
    Image: imageIdOfContainer(container, 'none'),
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: '',
    Name: `/${container.name}`,
    RestartCount: 0,
    Driver: 'none',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : [...execIds],
    HostConfig: toHostConfig(container),
    GraphDriver: { Name: 'none', Data: null },
    Mounts: [],
    Config: toConfig(container),
    NetworkSettings: toNetworkSettings(view, minor),
  };
}

function toCounters(counters: LinkCounters): StatsJson['networks'][string] {
  return {
    rx_bytes: counters.rxBytes,
    rx_packets: counters.rxPackets,
    rx_errors: counters.rxErrors,
    rx_dropped: counters.rxDropped,
    tx_bytes: counters.txBytes,
    tx_packets: counters.txPackets,
    tx_errors: counters.txErrors,
    tx_dropped: counters.txDropped,
  };
}

function noCpu(processors: number): StatsJson['cpu_stats'] {
  return {
    cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    system_cpu_usage: 0,
    online_cpus: processors,
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

/** One measurement of a container's interfaces; times are RFC 3339. */
export function toStats(
  container: Container,
  counters: ReadonlyMap<string, LinkCounters>,
  times: { readonly read: string; readonly preread: string },
  processors: number,
): StatsJson {
  return {
    name: `/${container.name}`,
    id: container.id,
    ...times,
    pids_stats: {},
    blkio_stats: {},
    num_procs: 0,
    storage_stats: {},
    cpu_stats: noCpu(processors),
    precpu_stats: noCpu(processors),
    memory_stats: {},
    networks: Object.fromEntries([...counters].map(([ifname, counts]) => [ifname, toCounters(counts)])),
  };
}
