/** What is asked of Docker's API to compare two servers: requests in order, with names for what they make. */

/**
 * One request. In `path` and in the strings of `body`, `{lab}` stands for the id that was saved as `lab`, `{soon}` for
 * the time a moment from now, in Unix seconds.
 */
export interface Step {
  /** Unique in its scenario; names the step in recordings and in the list of differences. */
  readonly name: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  /** Without the version's prefix, unless it begins with `/v`. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Saves the answer's `Id` under this name. */
  readonly save?: string;
  /** The fields of the answer to compare, as dotted paths; all when not given. */
  readonly pick?: readonly string[];
  /** The answer is a JSON text on each line. */
  readonly lines?: boolean;
  /** Only makes the scene: must succeed, is not compared. */
  readonly scene?: boolean;
}

/** Steps for a fresh daemon. The name is also that of the recording's file. */
export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** The version that both servers are asked for: that of the recorded dockerd. */
export const apiVersion = '1.41';

/** A network of the scene, saved under its name. */
export function sceneNetwork(name: string, spec: Readonly<Record<string, unknown>> = {}): Step {
  const body = { Name: name, ...spec };
  return { name: `network ${name}`, method: 'POST', path: '/networks/create', body, save: name, scene: true };
}

/** A running container of the scene, saved under its name. */
export function sceneContainer(name: string, network: string, settings: unknown = {}): readonly Step[] {
  const body = {
    Image: 'busybox',
    Cmd: ['/bin/sleep', '600'],
    HostConfig: { NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: network === 'none' ? {} : { [network]: settings } },
  };
  const path = `/containers/create?name=${name}`;
  return [
    { name: `container ${name}`, method: 'POST', path, body, save: name, scene: true },
    { name: `start ${name}`, method: 'POST', path: `/containers/${name}/start`, scene: true },
  ];
}

/** An IPv4 network's IPAM with one subnet. */
export function ipam(subnet: string, more: Readonly<Record<string, unknown>> = {}) {
  return { IPAM: { Driver: 'default', Config: [{ Subnet: subnet, ...more }] } };
}
