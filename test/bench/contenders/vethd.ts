/** The built daemon over its Unix socket. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../../helpers/daemon.ts';
import { until } from '../../helpers/until.ts';
import { DockerClient } from '../harness/docker-client.ts';
import { hostLinks } from '../harness/links.ts';
import { REST_MS } from '../harness/rest.ts';
import { type BenchNetwork, type Contender, type Entry, type Member, namedTargets } from './contender.ts';

/** Longer than it waits for events to cease before it looks again (20 ms), and that look. */
const SECOND_LOOK_MS = REST_MS;

/** The daemon as a contender; benchmarks of the daemon itself reach the process through `daemon`. */
export class Vethd implements Contender {
  readonly name = 'vethd';
  readonly daemon: Daemon;
  readonly client: DockerClient;
  readonly addTarget = namedTargets.addTarget;
  readonly removeTarget = namedTargets.removeTarget;

  constructor(daemon: Daemon) {
    this.daemon = daemon;
    this.client = new DockerClient(daemon.socket);
  }

  /** Starts a daemon that says no more than it must: a line of log a request is a choice, not a part of the work. */
  static async open(): Promise<Vethd> {
    const daemon = new Daemon({ args: ['--log-level', 'warn'] });
    await daemon.start();
    return new Vethd(daemon);
  }

  async createNetwork({ name, subnet, gateway }: BenchNetwork): Promise<void> {
    const config = { Subnet: subnet, Gateway: gateway };
    await this.client.call('POST', '/networks/create', { Name: name, IPAM: { Config: [config] } });
  }

  async connect({ name }: BenchNetwork, { target }: Member): Promise<void> {
    await this.client.call('POST', `/networks/${name}/connect`, { Container: target });
  }

  async disconnect({ name }: BenchNetwork, { target }: Member): Promise<void> {
    await this.client.call('POST', `/networks/${name}/disconnect`, { Container: target });
  }

  async removeNetwork({ name }: BenchNetwork): Promise<void> {
    await this.client.call('DELETE', `/networks/${name}`);
  }

  inspect = ({ name }: BenchNetwork): Promise<unknown> => this.client.call('GET', `/networks/${name}`);

  list = (): Promise<unknown> => this.client.call('GET', '/networks');

  /** Links that it retired are gone, and its second look at what it did is over. */
  async settle(): Promise<void> {
    await until('retired links are gone', () => !hostLinks().some((name) => /^vd[0-9a-f]+$/.test(name)));
    await sleep(SECOND_LOOK_MS);
  }

  async close(): Promise<void> {
    this.client.close();
    await this.daemon.dispose();
  }
}

/** The daemon with its defaults. */
export const vethd: Entry = { name: 'vethd', missing: () => undefined, open: () => Vethd.open() };
