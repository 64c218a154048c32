/** Rows and throwaway databases for the tests of the store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Address, parseAddress, parsePrefix } from '../model/address.ts';
import type { Container } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network, Subnet } from '../model/network.ts';
import type { Store } from './contract.ts';
import { openStore } from './store.ts';

/** Path of a database in a fresh folder that goes with the test. */
export function temporaryPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vethd-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'vethd.db');
}

/** An empty store that is closed with the test. */
export function temporaryStore(path: string = temporaryPath()): Store {
  const store = openStore(path);
  onTestFinished(() => store.close());
  return store;
}

/** A 64-digit id that begins with `start`. */
export function idOf(start: string): string {
  return start.padEnd(64, '0');
}

/** A subnet of `prefix` without gateway. */
export function subnetAt(prefix: string, rest: Partial<Subnet> = {}): Subnet {
  return {
    prefix: parsePrefix(prefix),
    ipRange: undefined,
    gateway: undefined,
    aux: {},
    automatic: false,
    ...rest,
  };
}

/** A bridge network with the id `idOf(id)`. */
export function networkOf(id: string, subnets: readonly Subnet[], rest: Partial<Network> = {}): Network {
  return {
    id: idOf(id),
    name: `net-${id}`,
    created: '2026-01-02T03:04:05.123456789Z',
    driver: 'bridge',
    predefined: false,
    enableIPv4: true,
    enableIPv6: false,
    internal: false,
    attachable: true,
    configOnly: false,
    configFrom: '',
    ipamOptions: undefined,
    subnets,
    options: { 'com.docker.network.driver.mtu': '1400' },
    labels: { a: 'b', __proto__x: 'c' },
    ...rest,
  };
}

/** A running managed container with the id `idOf(id)`. */
export function containerOf(id: string, rest: Partial<Container> = {}): Container {
  return {
    id: idOf(id),
    name: `c-${id}`,
    created: '2026-01-02T03:04:05.123456789Z',
    source: { kind: 'managed', netnsName: `c-${id}` },
    state: 'running',
    identity: { bootId: 'boot', inode: '4:4026531840' },
    startedAt: '2026-01-02T03:04:06Z',
    finishedAt: '0001-01-01T00:00:00Z',
    exitCode: 0,
    networkMode: 'none',
    labels: {},
    pending: {},
    config: { Image: 'none', HostConfig: { NetworkMode: 'none' } },
    ...rest,
  };
}

/** An endpoint with names, MAC and id that no other ordinal has. */
export function endpointOf(
  network: Network,
  container: Container,
  ordinal: number,
  ipv4: Address | undefined,
  rest: Partial<Endpoint> = {},
): Endpoint {
  const digits = ordinal.toString(16).padStart(7, '0');
  return {
    id: idOf(digits),
    networkId: network.id,
    containerId: container.id,
    ordinal,
    veth: `veth${digits}`,
    ifname: 'eth0',
    mac: `02:42:00:${digits.slice(1).match(/../g)?.join(':')}`,
    ipv4,
    ipv6: undefined,
    asked: { ipv4, ipv6: undefined, linkLocal: [parseAddress('169.254.1.2')] },
    askedMac: '',
    aliases: ['web'],
    links: ['db:database'],
    driverOpts: { some: 'option' },
    gwPriority: -3,
    ports: [
      {
        protocol: 'tcp',
        containerPort: 80,
        containerPortEnd: 81,
        hostAddress: parseAddress('127.0.0.1'),
        hostPort: 8080,
        hostPortEnd: 8081,
      },
    ],
    ...rest,
  };
}
