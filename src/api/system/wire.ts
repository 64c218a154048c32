/** The daemon and its host in Docker's JSON. */
import type { EngineInfo } from '../../engine/contract.ts';
import type { ApiConfig } from '../context.ts';
import { MAX_API_VERSION, MIN_API_VERSION } from '../version.ts';
import { countDescriptors, describeHost, goArch } from './host.ts';
import type { InfoJson, VersionJson } from './schema.ts';

const host = describeHost();

/** `GET /version`. */
export function toVersion(config: ApiConfig): VersionJson {
  const common = {
    ApiVersion: MAX_API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    Arch: goArch(),
    BuildTime: config.buildTime,
    GitCommit: config.gitCommit,
    GoVersion: `node ${process.version}`,
    KernelVersion: host.kernelVersion,
    Os: 'linux',
  };
  return {
    Platform: { Name: `vethd ${config.version}` },
    Components: [{ Name: 'Engine', Version: config.version, Details: { ...common, Experimental: 'false' } }],
    Version: config.version,
    ...common,
  };
}

function hostInfo() {
  return {
    Name: host.name,
    NCPU: host.processors,
    MemTotal: host.memoryBytes,
    KernelVersion: host.kernelVersion,
    OperatingSystem: host.operatingSystem,
    OSVersion: host.osVersion,
    OSType: 'linux',
    Architecture: host.architecture,
    NFd: countDescriptors(),
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
  };
}

/** What vethd has no part in: no images, no cgroups, no registry, no swarm. True keeps the CLI from warning. */
const ABSENT = {
  Driver: 'none',
  DriverStatus: [],
  ContainersPaused: 0,
  Images: 0,
  CgroupDriver: 'none',
  CgroupVersion: '2',
  LoggingDriver: 'none',
  Debug: false,
  ExperimentalBuild: false,
  DefaultRuntime: 'vethd',
  Runtimes: {},
  InitBinary: '',
  Isolation: '',
  Labels: [],
  SecurityOptions: [],
  IndexServerAddress: '',
  HttpProxy: '',
  HttpsProxy: '',
  NoProxy: '',
  GenericResources: null,
  MemoryLimit: true,
  SwapLimit: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
  OomKillDisable: true,
  RegistryConfig: { IndexConfigs: {}, Mirrors: [], InsecureRegistryCIDRs: [] },
  Plugins: { Volume: [], Network: ['bridge', 'host', 'null'], Authorization: null, Log: [] },
  Swarm: {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  },
} satisfies Partial<InfoJson>;

function versionedInfo(minor: number) {
  const commit = minor < 49 ? { ID: '', Expected: '' } : { ID: '' };
  return {
    ContainerdCommit: commit,
    RuncCommit: commit,
    InitCommit: commit,
    ...(minor < 50 && { BridgeNfIptables: true, BridgeNfIp6tables: true }),
    ...(minor >= 49 && { FirewallBackend: { Driver: 'nftables' } }),
  };
}

/** `GET /info`. */
export function toInfo(info: EngineInfo, config: ApiConfig, listeners: number, minor: number): InfoJson {
  return {
    ...ABSENT,
    ...hostInfo(),
    ...versionedInfo(minor),
    ID: info.daemonId,
    ServerVersion: config.version,
    DockerRootDir: config.stateDir,
    // Namespaces, links and rules stay when the daemon goes: that is what the flag tells.
    LiveRestoreEnabled: true,
    Containers: info.containers,
    ContainersRunning: info.running,
    ContainersStopped: info.containers - info.running,
    NEventsListener: listeners,
    IPv4Forwarding: info.ipv4Forwarding,
    Warnings: info.warnings.length === 0 ? null : [...info.warnings],
    DefaultAddressPools: info.defaultAddressPools.map(({ base, size }) => ({ Base: base, Size: size })),
  };
}
