/** What every contender can do: the same life of a network, each in its own way. */
import { addNetns, removeNetns } from '../../helpers/host.ts';

/** A network to be made: 10.x.y.0/22 with the first address as gateway. */
export interface BenchNetwork {
  readonly name: string;
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
}

/** A namespace to be connected, and as what where a contender does not choose for itself. */
export interface Member {
  /** The target, as `addTarget` was told. */
  readonly target: string;
  /** The host end's name. */
  readonly veth: string;
  readonly address: string;
}

/** One way to get namespaces connected. */
export interface Contender {
  readonly name: string;
  createNetwork(network: BenchNetwork): Promise<void>;
  connect(network: BenchNetwork, member: Member): Promise<void>;
  disconnect(network: BenchNetwork, member: Member): Promise<void>;
  removeNetwork(network: BenchNetwork): Promise<void>;
  /** Makes a namespace and gives the path that leads to it. */
  addTarget(name: string): Promise<string>;
  removeTarget(name: string): Promise<void>;
  /** GET /networks/NAME; undefined where there is no such thing. */
  readonly inspect: ((network: BenchNetwork) => Promise<unknown>) | undefined;
  /** GET /networks; undefined where there is no such thing. */
  readonly list: (() => Promise<unknown>) | undefined;
  /** Resolves when everything that was left to be done behind the answers so far has been done. */
  settle(): Promise<void>;
  /** Ends it; what it made in the kernel goes with the throwaway host. */
  close(): Promise<void>;
}

/** How a contender is started; `missing` says what it would need and does not find here. */
export interface Entry {
  readonly name: string;
  readonly missing: () => string | undefined;
  readonly open: () => Promise<Contender>;
}

/** Namespaces made by `ip netns add`, for contenders that connect any namespace. */
export const namedTargets = {
  async addTarget(name: string): Promise<string> {
    await addNetns(name);
    return `/run/netns/${name}`;
  },
  removeTarget: (name: string): Promise<void> => removeNetns(name),
};

/** Network number `index` of contender number `place`: no two overlap. */
export function networkAt(place: number, index: number): BenchNetwork {
  const base = `10.${16 * (place + 1) + Math.floor(index / 64)}.${4 * (index % 64)}`;
  return {
    name: `bench-${place}-${index}`,
    bridge: `bb${place}-${index}`,
    subnet: `${base}.0/22`,
    gateway: `${base}.1`,
  };
}

/** Member number `index` (from 0) of a network. */
export function memberAt(network: BenchNetwork, target: string, index: number): Member {
  const [a, b, c = '0'] = network.subnet.split('.');
  const host = index + 2;
  const address = `${a}.${b}.${Number(c) + Math.floor(host / 256)}.${host % 256}`;
  return { target, veth: `bv${network.bridge.slice(2)}-${index}`, address };
}
