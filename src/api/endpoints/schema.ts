/** `EndpointSettings`: a container's attachment to a network, as sent and as shown. */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { MapOf, Nullable, StringMap } from '../schema.ts';

/** Where one container port is published. */
export const PortBinding = Type.Object({
  HostIp: Type.Optional(
    Type.String({ description: 'Address of the host; empty: all of them.', examples: ['127.0.0.1'] }),
  ),
  HostPort: Type.Optional(
    Type.String({ description: 'Port or range; empty: chosen by vethd.', examples: ['8080', '8000-8010'] }),
  ),
});

/** Published ports: `80/tcp`, or a range such as `8000-8010/tcp`, to where. */
export const PortMap = MapOf(Type.Array(PortBinding), {
  description: 'Published ports by `port/protocol`; a range such as `8000-8010/tcp` is one entry.',
  examples: [{ '80/tcp': [{ HostIp: '', HostPort: '8080' }] }],
});

const IgnoredText = Type.Optional(Type.String({ description: 'Shown by inspect; ignored here.' }));
const IgnoredNumber = Type.Optional(Type.Integer({ description: 'Shown by inspect; ignored here.' }));

/** What a client may wish for an endpoint; clients send what inspect shows as well, and it is ignored. */
export const EndpointConfig = Type.Object(
  {
    IPAMConfig: Type.Optional(
      Type.Object({
        IPv4Address: Type.Optional(Type.String({ examples: ['10.61.0.9'] })),
        IPv6Address: Type.Optional(Type.String({ examples: ['fd00:61::9'] })),
        LinkLocalIPs: Type.Optional(Type.Array(Type.String({ examples: ['169.254.7.7'] }))),
      }),
    ),
    Links: Type.Optional(Type.Array(Type.String())),
    Aliases: Type.Optional(Type.Array(Type.String({ examples: ['web'] }))),
    MacAddress: Type.Optional(Type.String({ examples: ['02:42:0a:3d:00:09'] })),
    DriverOpts: Type.Optional(StringMap),
    GwPriority: Type.Optional(
      Type.Integer({ description: 'The default route goes by the highest; may be negative.' }),
    ),
    PortBindings: Type.Optional(PortMap),
    NetworkID: IgnoredText,
    EndpointID: IgnoredText,
    Gateway: IgnoredText,
    IPAddress: IgnoredText,
    IPPrefixLen: IgnoredNumber,
    IPv6Gateway: IgnoredText,
    GlobalIPv6Address: IgnoredText,
    GlobalIPv6PrefixLen: IgnoredNumber,
    DNSNames: Type.Optional(Type.Array(Type.String())),
  },
  { description: 'The wishes for an endpoint. Empty texts, zeros and nulls mean "not given".' },
);

/** An endpoint as container inspect shows it. */
export const EndpointSettings = Type.Object(
  {
    IPAMConfig: Nullable(
      Type.Object({
        IPv4Address: Type.Optional(Type.String()),
        IPv6Address: Type.Optional(Type.String()),
        LinkLocalIPs: Type.Optional(Type.Array(Type.String())),
      }),
    ),
    Links: Nullable(Type.Array(Type.String())),
    Aliases: Nullable(Type.Array(Type.String())),
    MacAddress: Type.String(),
    DriverOpts: Nullable(StringMap),
    GwPriority: Type.Optional(Type.Integer({ description: 'From 1.48.' })),
    NetworkID: Type.String(),
    EndpointID: Type.String(),
    Gateway: Type.String(),
    IPAddress: Type.String(),
    IPPrefixLen: Type.Integer(),
    IPv6Gateway: Type.String(),
    GlobalIPv6Address: Type.String(),
    GlobalIPv6PrefixLen: Type.Integer(),
    DNSNames: Type.Optional(Nullable(Type.Array(Type.String(), { description: 'From 1.44.' }))),
  },
  {
    description:
      'An attachment to a network. The operational members are empty while the container is stopped.',
  },
);

/** A client's wish. */
export type EndpointConfigJson = Static<typeof EndpointConfig>;
/** Published ports on the wire. */
export type PortMapJson = Static<typeof PortMap>;
/** An attachment on the wire. */
export type EndpointSettingsJson = Static<typeof EndpointSettings>;
