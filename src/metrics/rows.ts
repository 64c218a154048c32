/** Figures that are read from the rows and the queues at the moment somebody asks for them. */
import Gauge from 'prom-client/lib/gauge.js';
import type Registry from 'prom-client/lib/registry.js';
import { containsPrefix, formatPrefix } from '../model/address.ts';
import type { StoreReader } from '../store/contract.ts';
import type { MetricsSources } from './sources.ts';

function registerNouns(store: StoreReader, registers: Registry[]): void {
  new Gauge({
    name: 'vethd_networks',
    help: 'Networks by driver, the predefined ones included.',
    labelNames: ['driver'],
    registers,
    collect() {
      this.reset();
      for (const { driver } of store.listNetworks()) this.inc({ driver });
    },
  });
  new Gauge({
    name: 'vethd_containers',
    help: 'Containers by state.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset();
      for (const { state } of store.listContainers()) this.inc({ state });
    },
  });
  new Gauge({
    name: 'vethd_endpoints',
    help: 'Memberships of containers in networks, those of stopped containers included.',
    registers,
    collect() {
      this.set(store.listEndpoints().length);
    },
  });
}

function registerPools({ store, addressPools }: MetricsSources, registers: Registry[]): void {
  new Gauge({
    name: 'vethd_pool_subnets',
    help: 'Subnets that an address pool can be cut into.',
    labelNames: ['pool'],
    registers,
    collect() {
      for (const { base, size } of addressPools) {
        this.set({ pool: formatPrefix(base) }, 2 ** (size - base.length));
      }
    },
  });
  new Gauge({
    name: 'vethd_pool_subnets_used',
    help: 'Subnets of networks inside an address pool, those that users chose included.',
    labelNames: ['pool'],
    registers,
    collect() {
      const taken = store.listPools().map(({ prefix }) => prefix);
      for (const { base } of addressPools) {
        const inside = taken.filter((prefix) => containsPrefix(base, prefix));
        this.set({ pool: formatPrefix(base) }, inside.length);
      }
    },
  });
  new Gauge({
    name: 'vethd_subnet_addresses_used',
    help: 'Addresses of a network that are taken, the reserved ones and the gateway included.',
    labelNames: ['network', 'subnet'],
    registers,
    collect() {
      this.reset();
      for (const { networkId, networkName, prefix } of store.listPools()) {
        const taken = store.countTaken(networkId, prefix.address.family);
        this.set({ network: networkName, subnet: formatPrefix(prefix) }, Number(taken));
      }
    },
  });
}

function registerQueues({ loads, passesWaiting }: MetricsSources, registers: Registry[]): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  const sumOf = (member: 'writesRunning' | 'writesWaiting' | 'eventStreams') => (): number =>
    loads.reduce((sum, load) => sum + load[member], 0);
  gauge('vethd_writes_running', 'Changing requests that are being carried out.', sumOf('writesRunning'));
  gauge('vethd_writes_waiting', 'Changing requests that wait for their turn.', sumOf('writesWaiting'));
  gauge('vethd_event_streams', 'Readers of GET /events.', sumOf('eventStreams'));
  gauge('vethd_passes_waiting', 'Requests and events that wait for the next pass.', passesWaiting);
}

/** Registers the figures that are read when somebody asks. */
export function registerRows(sources: MetricsSources, registers: Registry[]): void {
  registerNouns(sources.store, registers);
  registerPools(sources, registers);
  registerQueues(sources, registers);
}
