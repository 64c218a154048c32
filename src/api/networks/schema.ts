/** Schemas of /networks. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { EndpointConfig } from '../endpoints/schema.ts';
import { DryRun, EXAMPLE_ID, FiltersParameter, MapOf, Nullable, StringMap } from '../schema.ts';
import type { Count } from '../serialize.ts';

const IpamEntry = Type.Object({
  Subnet: Type.Optional(Type.String({ examples: ['10.61.0.0/24'] })),
  IPRange: Type.Optional(Type.String({ description: 'Where addresses are chosen from.' })),
  Gateway: Type.Optional(Type.String({ examples: ['10.61.0.1'] })),
  AuxiliaryAddresses: Type.Optional(
    MapOf(Type.String(), {
      description: 'Addresses that are never handed out, by name.',
    }),
  ),
});

const Peer = Type.Object({ Name: Type.String(), IP: Type.String() });

const NetworkMember = Type.Object({
  Name: Type.String(),
  EndpointID: Type.String(),
  MacAddress: Type.String(),
  IPv4Address: Type.String({ description: 'With prefix length; empty for none.' }),
  IPv6Address: Type.String({ description: 'With prefix length; empty for none.' }),
});

const SubnetStatus = Type.Object({
  IPsInUse: Type.Unsafe<Count>({
    type: 'integer',
    description: 'The reserved ones and the gateway included.',
  }),
  DynamicIPsAvailable: Type.Unsafe<Count>({ type: 'integer', description: 'At most 2^64 - 1.' }),
});

/** A network. */
export const NetworkAnswer = Type.Object(
  {
    Name: Type.String({ examples: ['lab'] }),
    Id: Type.String({ description: '64 lower hex digits.' }),
    Created: Type.String({ description: 'RFC 3339 with nanoseconds, UTC.' }),
    Scope: Type.String({ examples: ['local'] }),
    Driver: Type.String({ examples: ['bridge'] }),
    EnableIPv4: Type.Optional(Type.Boolean({ description: 'From 1.48.' })),
    EnableIPv6: Type.Boolean(),
    IPAM: Type.Object({
      Driver: Type.String(),
      Options: Nullable(StringMap),
      Config: Type.Array(IpamEntry),
    }),
    Internal: Type.Boolean({ description: 'Leads nowhere but to its members and the host.' }),
    Attachable: Type.Boolean(),
    Ingress: Type.Boolean(),
    ConfigFrom: Type.Object({ Network: Type.String() }),
    Status: Type.Optional(
      Type.Object(
        { IPAM: Type.Object({ Subnets: MapOf(SubnetStatus, { description: 'By subnet.' }) }) },
        {
          description: 'Inspect only, in the newest version served; Docker shows it from 1.52.',
          examples: [{ IPAM: { Subnets: { '10.61.0.0/24': { IPsInUse: 4, DynamicIPsAvailable: 252 } } } }],
        },
      ),
    ),
    ConfigOnly: Type.Boolean(),
    Containers: MapOf(NetworkMember, {
      description: 'Running members by container id; in a list only below 1.28.',
    }),
    Options: StringMap,
    Labels: StringMap,
    Peers: Type.Optional(Type.Array(Peer)),
  },
  { description: 'A network.' },
);

/** `POST /networks/create`. */
export const NetworkCreate = Type.Object(
  {
    Name: Type.Optional(Type.String({ examples: ['lab'] })),
    CheckDuplicate: Type.Optional(Type.Boolean({ description: 'Ignored: a taken name is always refused.' })),
    Driver: Type.Optional(Type.String({ description: 'Empty: bridge.', examples: ['bridge'] })),
    Scope: Type.Optional(Type.String()),
    EnableIPv4: Type.Optional(Type.Boolean({ description: 'From 1.48; ignored below.' })),
    EnableIPv6: Type.Optional(Type.Boolean()),
    IPAM: Type.Optional(
      Type.Object({
        Driver: Type.Optional(Type.String()),
        Config: Type.Optional(Type.Array(IpamEntry, { maxItems: 16 })),
        Options: Type.Optional(StringMap),
      }),
    ),
    Internal: Type.Optional(Type.Boolean()),
    Attachable: Type.Optional(Type.Boolean()),
    Ingress: Type.Optional(Type.Boolean()),
    ConfigOnly: Type.Optional(Type.Boolean()),
    ConfigFrom: Type.Optional(Type.Object({ Network: Type.Optional(Type.String()) })),
    Options: Type.Optional(StringMap),
    Labels: Type.Optional(StringMap),
  },
  {
    description:
      'The wish for a network. Options and Labels: at most 128 entries, 256 bytes a key, 4 KiB a value.',
    examples: [{ Name: 'lab', IPAM: { Config: [{ Subnet: '10.61.0.0/24' }] } }],
  },
);

/** What a create answers. */
export const NetworkCreated = Type.Object(
  { Id: Type.String(), Warning: Type.String() },
  { examples: [{ Id: EXAMPLE_ID, Warning: '' }] },
);

/** `POST /networks/{id}/connect`. */
export const ConnectBody = Type.Object(
  {
    Container: Type.Optional(
      Type.String({
        description:
          'Id, name or beginning of the id of a container; the name of a namespace under /run/netns.',
        examples: ['web1'],
      }),
    ),
    EndpointConfig: Type.Optional(EndpointConfig),
  },
  { examples: [{ Container: 'web1', EndpointConfig: { IPAMConfig: { IPv4Address: '10.61.0.9' } } }] },
);

/** `POST /networks/{id}/disconnect`. */
export const DisconnectBody = Type.Object(
  {
    Container: Type.Optional(Type.String({ examples: ['web1'] })),
    Force: Type.Optional(Type.Boolean({ description: 'Also when the namespace is gone.' })),
  },
  { examples: [{ Container: 'web1', Force: false }] },
);

/** What a prune answers: the first member, or in a dry run the second. */
export const PruneAnswer = Type.Object(
  {
    NetworksDeleted: Type.Optional(
      Nullable(Type.Array(Type.String(), { description: 'Names; null when there are none.' })),
    ),
    Commands: Type.Optional(Type.Array(Type.String(), { description: 'Only in a dry run.' })),
  },
  { examples: [{ NetworksDeleted: ['lab', 'back'] }] },
);

/** Query of a list. */
export const ListQuery = Type.Object({ filters: FiltersParameter });

/** Query of inspect. */
export const InspectQuery = Type.Object({
  verbose: Type.Optional(Type.String({ description: 'Adds nothing for local networks.' })),
  scope: Type.Optional(Type.String({ description: 'Finds networks of this scope only.' })),
});

/** Query of prune. */
export const PruneQuery = Type.Object({ filters: FiltersParameter, ...DryRun });

/** Query of the other changes. */
export const ChangeQuery = Type.Object(DryRun);

/** A network on the wire. */
export type NetworkJson = Static<typeof NetworkAnswer>;
/** A client's wish for a network. */
export type NetworkCreateJson = Static<typeof NetworkCreate>;
