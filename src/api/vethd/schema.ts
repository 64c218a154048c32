/** Schemas of what Docker's API has not. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { PortMap } from '../endpoints/schema.ts';
import { DryRun, EXAMPLE_ID, Nullable } from '../schema.ts';
import type { Count as ExactCount } from '../serialize.ts';

const Text = Type.String();
const Count = Type.Integer();

/** Query of `GET /vethd/trace`. */
export const TraceQuery = Type.Object({
  of: Type.Optional(
    Type.String({
      description: 'A container, an interface of the host, or `container/ifname`.',
      examples: ['web1', 'veth1a2b3c4', 'web1/eth0'],
    }),
  ),
});

const Counters = Type.Object({
  RxBytes: Count,
  RxPackets: Count,
  RxErrors: Count,
  RxDropped: Count,
  TxBytes: Count,
  TxPackets: Count,
  TxErrors: Count,
  TxDropped: Count,
});

const TraceEnd = Type.Object({
  Ifname: Text,
  Ifindex: Count,
  PeerIfindex: Type.Integer({ description: 'Of the other end, in its own namespace; 0 when nobody tells.' }),
  Mac: Text,
  Mtu: Count,
  Up: Type.Boolean(),
  Operstate: Text,
  Addresses: Type.Array(Text),
  Counters,
});

const Named = Type.Object({ Id: Text, Name: Text });

/** One pair, and whose it is. */
export const TraceAnswer = Type.Object(
  {
    Host: Nullable(TraceEnd),
    Peer: Nullable(TraceEnd),
    Ours: Type.Boolean({ description: 'Whether vethd made the pair.' }),
    Netns: Type.String({
      description: 'The peer’s namespace: a name, `pid:N`, a path, `host`, or `netnsid N`.',
    }),
    Container: Nullable(Named),
    Network: Nullable(Named),
    EndpointId: Nullable(Text),
    Bridge: Nullable(Type.Object({ Ifname: Text, PortState: Text })),
  },
  {
    description: 'A veth pair; what the kernel does not tell is null.',
    examples: [
      {
        Host: {
          Ifname: 'veth8b1a995',
          Ifindex: 3,
          PeerIfindex: 2,
          Mac: 'ce:54:1d:ba:5a:38',
          Mtu: 1500,
          Up: true,
          Operstate: 'up',
          Addresses: [],
          Counters: {
            RxBytes: 446,
            RxPackets: 5,
            RxErrors: 0,
            RxDropped: 0,
            TxBytes: 1_530,
            TxPackets: 17,
            TxErrors: 0,
            TxDropped: 0,
          },
        },
        Peer: {
          Ifname: 'eth0',
          Ifindex: 2,
          PeerIfindex: 3,
          Mac: '02:42:0a:3d:00:02',
          Mtu: 1500,
          Up: true,
          Operstate: 'up',
          Addresses: ['10.61.0.2/24'],
          Counters: {
            RxBytes: 1_530,
            RxPackets: 17,
            RxErrors: 0,
            RxDropped: 0,
            TxBytes: 446,
            TxPackets: 5,
            TxErrors: 0,
            TxDropped: 0,
          },
        },
        Ours: true,
        Netns: 'web1',
        Container: { Id: EXAMPLE_ID, Name: 'web1' },
        Network: { Id: EXAMPLE_ID, Name: 'lab' },
        EndpointId: EXAMPLE_ID,
        Bridge: { Ifname: 'br-8b1a9953c461', PortState: 'forwarding' },
      },
    ],
  },
);

const TopologyMember = Type.Object({
  ContainerId: Text,
  Container: Text,
  EndpointId: Text,
  Veth: Type.String({ description: 'The host end.' }),
  Ifname: Type.String({ description: 'The peer’s name inside.' }),
  Mac: Text,
  IPv4Address: Text,
  IPv6Address: Text,
  Ports: PortMap,
});

const Subnet = Type.Object({
  Subnet: Text,
  Gateway: Text,
  IPsInUse: Type.Unsafe<ExactCount>({
    type: 'integer',
    description: 'The reserved ones and the gateway included.',
  }),
  DynamicIPsAvailable: Type.Unsafe<ExactCount>({
    type: 'integer',
    description: 'At most 2^64 - 1, as in Docker.',
  }),
});

/** A network with its bridge and members. */
export const TopologyNetwork = Type.Object({
  Id: Text,
  Name: Text,
  Driver: Text,
  Bridge: Type.String({ description: 'The bridge’s device; empty on host and none.' }),
  Internal: Type.Boolean(),
  Subnets: Type.Array(Subnet),
  Members: Type.Array(TopologyMember),
});

/** `GET /vethd/topology`. */
export const TopologyAnswer = Type.Object(
  { Networks: Type.Array(TopologyNetwork) },
  { description: 'Who is connected to whom, in one answer.' },
);

/** What a full pass mends or would mend. */
export const PassAnswer = Type.Object(
  {
    Commands: Type.Array(Text, {
      description: 'Equivalent command lines; none when all is as it should be.',
    }),
  },
  { examples: [{ Commands: ['ip link set vethd0 up'] }] },
);

/** `GET /vethd/doctor`. */
export const DoctorAnswer = Type.Object(
  {
    Status: Type.String({ description: 'The worst of the checks: ok, warning or broken.' }),
    Checks: Type.Array(
      Type.Object({
        Name: Text,
        Status: Type.String({ description: 'ok, warning or broken.' }),
        Message: Text,
        Mend: Type.Array(Text, { description: 'Command lines that mend it.' }),
      }),
    ),
  },
  {
    examples: [
      {
        Status: 'broken',
        Checks: [
          {
            Name: 'forwarding ipv4',
            Status: 'broken',
            Message: 'off: members reach nothing outside',
            Mend: ['sysctl -w net.ipv4.ip_forward=1'],
          },
        ],
      },
    ],
  },
);

/** `PATCH /vethd/endpoints/{id}`. */
export const EndpointPatch = Type.Object(
  { PortBindings: Type.Optional(PortMap) },
  {
    description: 'Replaces the published ports.',
    examples: [{ PortBindings: { '80/tcp': [{ HostPort: '8080' }] } }],
  },
);

/** What a patch answers: the ports as they are now, or in a dry run the commands. */
export const EndpointPatched = Type.Object({
  Id: Type.Optional(Text),
  Ports: Type.Optional(PortMap),
  Commands: Type.Optional(Type.Array(Text, { description: 'Only in a dry run.' })),
});

/** Query of the changes. */
export const ChangeQuery = Type.Object(DryRun);

/** A pair on the wire. */
export type TraceJson = Static<typeof TraceAnswer>;
/** What the doctor says on the wire. */
export type DoctorJson = Static<typeof DoctorAnswer>;
/** A network of the topology on the wire. */
export type TopologyNetworkJson = Static<typeof TopologyNetwork>;
