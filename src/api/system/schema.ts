/** Schemas of /_ping, /version, /info and of the answers for what vethd lacks. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { ContainerSummary } from '../containers/schema.ts';
import { MapOf, Nullable } from '../schema.ts';

const Text = Type.String();
const Flag = Type.Boolean();
const Count = Type.Integer();
const Texts = Type.Array(Text);

/** `GET /version`. */
export const VersionAnswer = Type.Object(
  {
    Platform: Type.Object({ Name: Text }),
    Components: Type.Array(
      Type.Object({
        Name: Text,
        Version: Text,
        Details: Type.Object({
          ApiVersion: Text,
          Arch: Text,
          BuildTime: Text,
          Experimental: Text,
          GitCommit: Text,
          GoVersion: Text,
          KernelVersion: Text,
          MinAPIVersion: Text,
          Os: Text,
        }),
      }),
    ),
    Version: Text,
    ApiVersion: Type.String({ description: 'The newest version served.', examples: ['1.50'] }),
    MinAPIVersion: Type.String({ description: 'The oldest version served.', examples: ['1.24'] }),
    GitCommit: Text,
    GoVersion: Type.String({ description: 'What the daemon runs on.', examples: ['node v20.20.2'] }),
    Os: Text,
    Arch: Text,
    KernelVersion: Text,
    BuildTime: Text,
  },
  { description: 'Versions of the daemon and of the API.' },
);

const Commit = Type.Object({ ID: Text, Expected: Type.Optional(Text) });

/** `GET /info`. */
export const InfoAnswer = Type.Object(
  {
    ID: Text,
    Name: Type.String({ description: 'Of the host.', examples: ['lab-host'] }),
    ServerVersion: Type.String({ examples: ['0.1.0'] }),
    Driver: Text,
    DriverStatus: Type.Array(Texts),
    Containers: Count,
    ContainersRunning: Count,
    ContainersPaused: Count,
    ContainersStopped: Count,
    Images: Count,
    NCPU: Count,
    MemTotal: Type.Integer({ description: 'Bytes.' }),
    KernelVersion: Text,
    OperatingSystem: Text,
    OSVersion: Text,
    OSType: Text,
    Architecture: Text,
    CgroupDriver: Text,
    CgroupVersion: Text,
    LoggingDriver: Text,
    DockerRootDir: Text,
    Debug: Flag,
    NFd: Count,
    NGoroutines: Count,
    NEventsListener: Count,
    SystemTime: Text,
    ExperimentalBuild: Flag,
    LiveRestoreEnabled: Flag,
    DefaultRuntime: Text,
    Runtimes: MapOf(Type.Object({ path: Text })),
    InitBinary: Text,
    Isolation: Text,
    Labels: Texts,
    SecurityOptions: Texts,
    Warnings: Nullable(Texts),
    IndexServerAddress: Text,
    HttpProxy: Text,
    HttpsProxy: Text,
    NoProxy: Text,
    GenericResources: Nullable(Texts),
    MemoryLimit: Flag,
    SwapLimit: Flag,
    CpuCfsPeriod: Flag,
    CpuCfsQuota: Flag,
    CPUShares: Flag,
    CPUSet: Flag,
    PidsLimit: Flag,
    OomKillDisable: Flag,
    IPv4Forwarding: Flag,
    BridgeNfIptables: Type.Optional(Type.Boolean({ description: 'Below 1.50.' })),
    BridgeNfIp6tables: Type.Optional(Type.Boolean({ description: 'Below 1.50.' })),
    ContainerdCommit: Commit,
    RuncCommit: Commit,
    InitCommit: Commit,
    RegistryConfig: Type.Object({
      IndexConfigs: MapOf(Text),
      Mirrors: Texts,
      InsecureRegistryCIDRs: Texts,
    }),
    Plugins: Type.Object({
      Volume: Texts,
      Network: Texts,
      Authorization: Nullable(Texts),
      Log: Texts,
    }),
    Swarm: Type.Object({
      NodeID: Text,
      NodeAddr: Text,
      LocalNodeState: Text,
      ControlAvailable: Flag,
      Error: Text,
      RemoteManagers: Nullable(Texts),
    }),
    DefaultAddressPools: Type.Array(Type.Object({ Base: Text, Size: Count })),
    FirewallBackend: Type.Optional(Type.Object({ Driver: Text }, { description: 'From 1.49.' })),
  },
  { description: 'The daemon and its host.' },
);

/** `GET /volumes`. */
export const VolumesAnswer = Type.Object(
  { Volumes: Texts, Warnings: Nullable(Texts) },
  { examples: [{ Volumes: [], Warnings: null }] },
);

/** `GET /plugins`: there are none. */
export const EmptyList = Type.Array(Text, { examples: [[]] });

const SpaceReclaimed = Type.Integer({ description: 'Always 0.' });

/** `POST /volumes/prune`. */
export const VolumePruneAnswer = Type.Object(
  { VolumesDeleted: Texts, SpaceReclaimed },
  { examples: [{ VolumesDeleted: [], SpaceReclaimed: 0 }] },
);

/** `POST /build/prune`. */
export const BuildPruneAnswer = Type.Object(
  { CachesDeleted: Nullable(Texts), SpaceReclaimed },
  { examples: [{ CachesDeleted: null, SpaceReclaimed: 0 }] },
);

/** `GET /system/df`. */
export const DiskUsageAnswer = Type.Object({
  LayersSize: Count,
  Images: Texts,
  Containers: Type.Array(ContainerSummary),
  Volumes: Texts,
  BuildCache: Texts,
});

/** The answer of `GET /version`. */
export type VersionJson = Static<typeof VersionAnswer>;
/** The answer of `GET /info`. */
export type InfoJson = Static<typeof InfoAnswer>;
