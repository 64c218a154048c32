/** Schemas of /containers. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { EndpointConfig, EndpointSettings, PortMap } from '../endpoints/schema.ts';
import { DryRun, EXAMPLE_ID, FiltersParameter, MapOf, Nullable, StringMap } from '../schema.ts';

const Text = Type.String();
const Texts = Type.Array(Text);
const Count = Type.Integer();
const Flag = Type.Boolean();
const Switch = (description: string) => Type.Optional(Type.String({ description, examples: ['1'] }));

const ExposedPorts = MapOf(Type.Object({}), {
  description: 'Ports that `PublishAllPorts` publishes.',
  examples: [{ '80/tcp': {} }],
});

/** `POST /containers/create`. What is not listed is kept and shown. */
export const ContainerCreate = Type.Object(
  {
    Hostname: Type.Optional(Type.String({ description: 'One more name of the container in DNS.' })),
    Image: Type.Optional(Type.String({ description: 'Any text: vethd runs no process and pulls no image.' })),
    Cmd: Type.Optional(Type.Unknown({ description: 'Kept and shown.' })),
    Labels: Type.Optional(StringMap),
    ExposedPorts: Type.Optional(ExposedPorts),
    MacAddress: Type.Optional(
      Type.String({ description: 'Deprecated: that of the network of NetworkMode.' }),
    ),
    NetworkDisabled: Type.Optional(Type.Boolean({ description: 'As NetworkMode none.' })),
    HostConfig: Type.Optional(
      Type.Object(
        {
          NetworkMode: Type.Optional(
            Type.String({
              description: 'none, bridge, default, host, a network, container:X.',
              examples: ['lab'],
            }),
          ),
          PortBindings: Type.Optional(PortMap),
          PublishAllPorts: Type.Optional(Flag),
          AutoRemove: Type.Optional(
            Type.Boolean({ description: 'Remove it when it stops (`docker run --rm`).' }),
          ),
        },
        { additionalProperties: true },
      ),
    ),
    NetworkingConfig: Type.Optional(Type.Object({ EndpointsConfig: Type.Optional(MapOf(EndpointConfig)) })),
  },
  {
    additionalProperties: true,
    description: 'The wish for a container: a network namespace that vethd makes at start.',
    examples: [{ Image: 'none', HostConfig: { NetworkMode: 'lab' } }],
  },
);

/** Query of create. */
export const CreateQuery = Type.Object({
  name: Type.Optional(Type.String({ description: 'Empty: vethd chooses one.', examples: ['web1'] })),
  ...DryRun,
});

/** What a create answers. */
export const ContainerCreated = Type.Object(
  { Id: Text, Warnings: Texts },
  { examples: [{ Id: EXAMPLE_ID, Warnings: [] }] },
);

const ListedPort = Type.Object({
  IP: Type.Optional(Text),
  PrivatePort: Count,
  PublicPort: Type.Optional(Count),
  Type: Text,
});

/** A container in a list. */
export const ContainerSummary = Type.Object(
  {
    Id: Text,
    Names: Type.Array(Text, { description: 'With a leading slash.', examples: [['/web1']] }),
    Image: Text,
    ImageID: Text,
    Command: Text,
    Created: Type.Integer({ description: 'Unix seconds.' }),
    Ports: Type.Array(ListedPort),
    Labels: StringMap,
    State: Type.String({ examples: ['running'] }),
    Status: Type.String({ examples: ['Up 2 minutes'] }),
    HostConfig: Type.Object({ NetworkMode: Text }),
    NetworkSettings: Type.Object({ Networks: MapOf(EndpointSettings) }),
    Mounts: Texts,
  },
  { description: 'A container in a list.' },
);

const State = Type.Object({
  Status: Type.String({ description: 'created, running or exited.' }),
  Running: Flag,
  Paused: Flag,
  Restarting: Flag,
  OOMKilled: Flag,
  Dead: Flag,
  Pid: Type.Integer({ description: '0 where the namespace is no process’s.' }),
  ExitCode: Count,
  Error: Text,
  StartedAt: Text,
  FinishedAt: Text,
});

const HostConfig = Type.Object(
  {
    NetworkMode: Text,
    PortBindings: Type.Unknown(),
    PublishAllPorts: Type.Unknown(),
    AutoRemove: Type.Unknown(),
    RestartPolicy: Type.Unknown(),
    LogConfig: Type.Unknown(),
  },
  { additionalProperties: true, description: 'As sent to create.' },
);

const Config = Type.Object(
  {
    Hostname: Text,
    Domainname: Type.Unknown(),
    User: Type.Unknown(),
    AttachStdin: Type.Unknown(),
    AttachStdout: Type.Unknown(),
    AttachStderr: Type.Unknown(),
    Tty: Type.Unknown(),
    OpenStdin: Type.Unknown(),
    StdinOnce: Type.Unknown(),
    Env: Type.Unknown(),
    Cmd: Type.Unknown(),
    Image: Text,
    Volumes: Type.Unknown(),
    WorkingDir: Type.Unknown(),
    Entrypoint: Type.Unknown(),
    Labels: StringMap,
  },
  { additionalProperties: true, description: 'As sent to create.' },
);

const PublishedPorts = MapOf(Nullable(Type.Array(Type.Object({ HostIp: Text, HostPort: Text }))), {
  description: 'Published ports; null for one that is only exposed.',
});

const NetworkSettings = Type.Object({
  Bridge: Text,
  SandboxID: Text,
  SandboxKey: Type.String({ description: 'Path of the namespace.', examples: ['/run/netns/web1'] }),
  Ports: PublishedPorts,
  HairpinMode: Flag,
  LinkLocalIPv6Address: Text,
  LinkLocalIPv6PrefixLen: Count,
  SecondaryIPAddresses: Nullable(Texts),
  SecondaryIPv6Addresses: Nullable(Texts),
  EndpointID: Text,
  Gateway: Text,
  GlobalIPv6Address: Text,
  GlobalIPv6PrefixLen: Count,
  IPAddress: Text,
  IPPrefixLen: Count,
  IPv6Gateway: Text,
  MacAddress: Text,
  Networks: MapOf(EndpointSettings),
});

/** A container by itself. */
export const ContainerAnswer = Type.Object(
  {
    Id: Text,
    Created: Text,
    Path: Text,
    Args: Texts,
    State,
    Image: Text,
    ResolvConfPath: Text,
    HostnamePath: Text,
    HostsPath: Text,
    LogPath: Text,
    Name: Type.String({ description: 'With a leading slash.' }),
    RestartCount: Count,
    Driver: Text,
    Platform: Text,
    MountLabel: Text,
    ProcessLabel: Text,
    AppArmorProfile: Text,
    ExecIDs: Nullable(Texts),
    HostConfig,
    GraphDriver: Type.Object({ Name: Text, Data: Nullable(StringMap) }),
    Mounts: Texts,
    Config,
    NetworkSettings,
  },
  { description: 'A container: a network namespace with its attachments.' },
);

/** Query of a list. */
export const ListQuery = Type.Object({
  all: Switch('Also those that do not run.'),
  limit: Type.Optional(Type.String({ description: 'The newest ones, running or not.' })),
  filters: FiltersParameter,
});

/** Query of a change. */
export const ChangeQuery = Type.Object(DryRun);
/** Query of kill. */
export const KillQuery = Type.Object({
  signal: Type.Optional(
    Type.String({
      description: 'Name or number; one that would end a process ends the container.',
      examples: ['SIGKILL'],
    }),
  ),
  ...DryRun,
});
/** Query of rename. */
export const RenameQuery = Type.Object({ name: Type.Optional(Text), ...DryRun });
/** Query of delete. */
export const RemoveQuery = Type.Object({ force: Switch('Also when it runs.'), ...DryRun });
/** Query of prune. */
export const PruneQuery = Type.Object({ filters: FiltersParameter, ...DryRun });
/** Query of wait. */
export const WaitQuery = Type.Object({
  condition: Type.Optional(Type.String({ description: 'not-running (default), next-exit or removed.' })),
});
/** Query of stats. */
export const StatsQuery = Type.Object({
  stream: Switch('One object a second; on unless said otherwise.'),
  'one-shot': Switch('Answer at once. So does every request here.'),
});
/** Query of attach. */
export const AttachQuery = Type.Object({
  stream: Switch('Last until the container ends; else the answer ends at once.'),
  stdin: Switch('Send input. Nobody reads it, but with a terminal Ctrl-C ends the container.'),
  stdout: Switch('Standard output.'),
  stderr: Switch('Standard error.'),
  logs: Switch('There are none.'),
});

/** Query of resize. */
export const ContainerResizeQuery = Type.Object({
  h: Type.Optional(Type.String({ description: 'Rows.' })),
  w: Type.Optional(Type.String({ description: 'Columns.' })),
});

/** Query of logs. */
export const LogsQuery = Type.Object({
  stdout: Switch('Standard output.'),
  stderr: Switch('Standard error.'),
});

/** The answer of logs; raw below 1.42. */
export const NO_LOGS = {
  description: 'Nothing: there is no process that could have written.',
  content: {
    'application/vnd.docker.multiplexed-stream': { schema: Text },
    'application/vnd.docker.raw-stream': { schema: Text },
  },
};

/** What a prune answers. */
export const PruneAnswer = Type.Object(
  {
    ContainersDeleted: Type.Optional(Nullable(Texts)),
    SpaceReclaimed: Type.Optional(Count),
    Commands: Type.Optional(Type.Array(Text, { description: 'Only in a dry run.' })),
  },
  { examples: [{ ContainersDeleted: [EXAMPLE_ID], SpaceReclaimed: 0 }] },
);

/** What wait answers. */
export const WaitAnswer = Type.Object(
  { Error: Nullable(Type.Object({ Message: Text })), StatusCode: Count },
  { examples: [{ Error: null, StatusCode: 0 }] },
);

/** What top answers. */
export const TopAnswer = Type.Object(
  { Titles: Texts, Processes: Type.Array(Texts) },
  { examples: [{ Titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'], Processes: [] }] },
);

const Counters = Type.Object({
  rx_bytes: Count,
  rx_packets: Count,
  rx_errors: Count,
  rx_dropped: Count,
  tx_bytes: Count,
  tx_packets: Count,
  tx_errors: Count,
  tx_dropped: Count,
});

const CpuStats = Type.Object({
  cpu_usage: Type.Object({ total_usage: Count, usage_in_kernelmode: Count, usage_in_usermode: Count }),
  system_cpu_usage: Count,
  online_cpus: Count,
  throttling_data: Type.Object({ periods: Count, throttled_periods: Count, throttled_time: Count }),
});

const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  system_cpu_usage: 0,
  online_cpus: 2,
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** What stats answers, once or once a second. */
export const StatsAnswer = Type.Object(
  {
    name: Text,
    id: Text,
    read: Text,
    preread: Text,
    pids_stats: Type.Object({}),
    blkio_stats: Type.Object({}),
    num_procs: Count,
    storage_stats: Type.Object({}),
    cpu_stats: CpuStats,
    precpu_stats: CpuStats,
    memory_stats: Type.Object({}),
    networks: MapOf(Counters, { description: 'By the interface’s name inside.' }),
  },
  {
    description: "The namespace's counters; vethd measures no process.",
    examples: [
      {
        name: '/web1',
        id: EXAMPLE_ID,
        read: '2026-08-01T12:00:01.5Z',
        preread: '2026-08-01T12:00:00.5Z',
        pids_stats: {},
        blkio_stats: {},
        num_procs: 0,
        storage_stats: {},
        cpu_stats: NO_CPU,
        precpu_stats: NO_CPU,
        memory_stats: {},
        networks: {
          eth0: {
            rx_bytes: 1_530,
            rx_packets: 17,
            rx_errors: 0,
            rx_dropped: 0,
            tx_bytes: 446,
            tx_packets: 5,
            tx_errors: 0,
            tx_dropped: 0,
          },
        },
      },
    ],
  },
);

/** A client's wish for a container. */
export type ContainerCreateJson = Static<typeof ContainerCreate>;
/** A container in a list. */
export type ContainerSummaryJson = Static<typeof ContainerSummary>;
/** A container by itself. */
export type ContainerJson = Static<typeof ContainerAnswer>;
/** One measurement. */
export type StatsJson = Static<typeof StatsAnswer>;
/** Published ports as inspect shows them. */
export type PublishedPortsJson = Static<typeof PublishedPorts>;
