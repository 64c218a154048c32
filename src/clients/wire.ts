/**
 * The daemon's JSON, as far as its clients read it: Docker's members in Docker's spelling, and vethd's own
 * under /vethd/. The daemon serialises through its schemas, so what arrives has these shapes.
 */

/** Reads JSON that the daemon wrote. Throws SyntaxError when it is none. */
export function parseJson<Answer>(text: string): Answer {
  return JSON.parse(text) as Answer;
}

/** The message of an error's body: Docker's `{"message": …}`, or the text itself when it is something else. */
export function errorText(body: string): string {
  try {
    const { message } = parseJson<{ message?: unknown }>(body);
    if (typeof message === 'string') return message;
  } catch {
    // A path version below 1.24 is answered in plain text.
  }
  return body.trim() === '' ? 'the daemon gave no reason' : body.trim();
}

/** One member of a network, as inspect shows it. Addresses carry their prefix length; `''` for none. */
export interface NetworkMember {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

/** A network, as list and inspect show it. */
export interface NetworkAnswer {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Scope: string;
  readonly Driver: string;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6: boolean;
  readonly Internal: boolean;
  readonly IPAM: {
    readonly Config: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null;
  };
  readonly Labels: Readonly<Record<string, string>> | null;
  /** By container id. */
  readonly Containers?: Readonly<Record<string, NetworkMember>> | null;
}

/** The operational half of an endpoint's settings. */
export interface EndpointAnswer {
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly MacAddress: string;
  readonly Gateway: string;
}

/** A container in a list. */
export interface ContainerSummary {
  readonly Id: string;
  /** With a leading slash. */
  readonly Names: readonly string[];
  readonly State: string;
  readonly Status: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, EndpointAnswer>> };
}

/** A container by itself, as far as `ns exec` needs it. */
export interface ContainerAnswer {
  readonly Id: string;
  readonly Name: string;
  readonly State: { readonly Running: boolean; readonly Pid: number };
  readonly NetworkSettings: {
    /** Path of the namespace; `''` while there is none. */
    readonly SandboxKey: string;
    readonly Networks: Readonly<Record<string, EndpointAnswer>>;
  };
}

/** One line of `GET /events`. */
export interface EventAnswer {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly time: number;
  readonly timeNano: number;
}

/** What a dry run answers in place of the change. */
export interface CommandsAnswer {
  readonly Commands: readonly string[];
}

/** Counters of one end, as its own namespace counts them. */
export interface CountersAnswer {
  readonly RxBytes: number;
  readonly RxPackets: number;
  readonly RxErrors: number;
  readonly RxDropped: number;
  readonly TxBytes: number;
  readonly TxPackets: number;
  readonly TxErrors: number;
  readonly TxDropped: number;
}

/** One end of a pair. */
export interface TraceEndAnswer {
  readonly Ifname: string;
  readonly Ifindex: number;
  /** Of the other end, in its own namespace; 0 when the kernel does not tell. */
  readonly PeerIfindex: number;
  readonly Mac: string;
  readonly Mtu: number;
  readonly Up: boolean;
  readonly Operstate: string;
  readonly Addresses: readonly string[];
  readonly Counters: CountersAnswer;
}

/** A pair and whose it is; what the kernel does not tell is null or missing. */
export interface TraceAnswer {
  readonly Host?: TraceEndAnswer | null;
  readonly Peer?: TraceEndAnswer | null;
  /** Whether vethd made the pair. */
  readonly Ours: boolean;
  readonly Netns: string;
  readonly Container?: { readonly Id: string; readonly Name: string } | null;
  readonly Network?: { readonly Id: string; readonly Name: string } | null;
  readonly EndpointId?: string | null;
  readonly Bridge?: { readonly Ifname: string; readonly PortState: string } | null;
}

/** A member in the topology. Addresses carry their prefix length; `''` for none. */
export interface TopologyMemberAnswer {
  readonly Container: string;
  /** The host end; `''` on host and none. */
  readonly Veth: string;
  readonly Ifname: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
  /** Published ports by `port/protocol`. */
  readonly Ports: Readonly<
    Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
  >;
}

/** A network in the topology. */
export interface TopologyNetworkAnswer {
  readonly Name: string;
  readonly Driver: string;
  /** The device; `''` where there is none. */
  readonly Bridge: string;
  readonly Internal: boolean;
  readonly Subnets: readonly { readonly Subnet: string; readonly Gateway: string }[];
  readonly Members: readonly TopologyMemberAnswer[];
}

/** Who is connected to whom. */
export interface TopologyAnswer {
  readonly Networks: readonly TopologyNetworkAnswer[];
}

/** One thing that was looked at. */
export interface CheckAnswer {
  readonly Name: string;
  readonly Status: 'ok' | 'warning' | 'broken';
  readonly Message: string;
  /** Command lines that mend it. */
  readonly Mend: readonly string[];
}

/** What the doctor found; `Status` is the worst of the checks. */
export interface DoctorAnswer {
  readonly Status: CheckAnswer['Status'];
  readonly Checks: readonly CheckAnswer[];
}
