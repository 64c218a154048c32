/** One entry of the endpoint option `com.docker.network.endpoint.sysctls`: `net.ipv4.conf.IFNAME.log_martians=1`. */

/** A setting of the interface; its path is `family/folder/INTERFACE/name` below /proc/sys/net. */
export interface EndpointSysctl {
  readonly family: 'ipv4' | 'ipv6' | 'mpls';
  /** `conf` or `neigh`. */
  readonly folder: string;
  readonly name: string;
  readonly value: string;
}

/**
 * Reads one entry; undefined when it has another form. `ifname` is taken for `IFNAME`: the docker CLI turns
 * options of `--network` into lower case. No part can leave its folder: letters, digits and _ only.
 */
export function parseEndpointSysctl(text: string): EndpointSysctl | undefined {
  const match =
    /^net\.(ipv4|ipv6|mpls)\.([a-z0-9_]+)\.(?:IFNAME|ifname)\.([a-z0-9_]+)=([\x21-\x7e][\x20-\x7e]{0,63})$/.exec(
      text.trim(),
    );
  if (match === null) return undefined;
  const [, family, folder = '', name = '', value = ''] = match;
  if (family !== 'ipv4' && family !== 'ipv6' && family !== 'mpls') return undefined;
  return { family, folder, name, value };
}
