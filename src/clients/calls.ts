/** The routes that vethctl uses, one small function each: arguments in, request out. Nothing is sent here. */
import type { Call } from './client.ts';
import type {
  CommandsAnswer,
  ContainerAnswer,
  ContainerSummary,
  DoctorAnswer,
  EventAnswer,
  NetworkAnswer,
  TopologyAnswer,
  TraceAnswer,
} from './wire.ts';

/** Filters as the user gave them: several values to a key. */
export type Filters = Readonly<Record<string, readonly string[]>>;

function filterQuery(filters: Filters): Record<string, string> {
  return Object.keys(filters).length === 0 ? {} : { filters: JSON.stringify(filters) };
}

function networkPath(term: string, rest = ''): string {
  return `/networks/${encodeURIComponent(term)}${rest}`;
}

function containerPath(term: string, rest = ''): string {
  return `/containers/${encodeURIComponent(term)}${rest}`;
}

/** The same call as a dry run: it changes nothing and answers with the command lines that would do it. */
export function asDryRun(call: Call<unknown>): Call<CommandsAnswer> {
  const { method, path, query, body } = call;
  return { method, path, query: { ...query, 'dry-run': 'true' }, body };
}

/** `GET /networks`. */
export function listNetworks(filters: Filters = {}): Call<NetworkAnswer[]> {
  return { method: 'GET', path: '/networks', query: filterQuery(filters) };
}

/** `GET /networks/{id}`. */
export function inspectNetwork(term: string, verbose = false): Call<NetworkAnswer> {
  return { method: 'GET', path: networkPath(term), query: verbose ? { verbose: 'true' } : {} };
}

/** `POST /networks/create`. */
export function createNetwork(body: object): Call<{ readonly Id: string; readonly Warning: string }> {
  return { method: 'POST', path: '/networks/create', body };
}

/** `DELETE /networks/{id}`. */
export function removeNetwork(term: string): Call<undefined> {
  return { method: 'DELETE', path: networkPath(term) };
}

/** `POST /networks/prune`. */
export function pruneNetworks(filters: Filters): Call<{ readonly NetworksDeleted: string[] | null }> {
  return { method: 'POST', path: '/networks/prune', query: filterQuery(filters) };
}

/** `POST /networks/{id}/connect`. */
export function connectContainer(network: string, container: string, endpoint: object): Call<undefined> {
  const body = { Container: container, EndpointConfig: endpoint };
  return { method: 'POST', path: networkPath(network, '/connect'), body };
}

/** `POST /networks/{id}/disconnect`. */
export function disconnectContainer(network: string, container: string, force: boolean): Call<undefined> {
  const body = { Container: container, Force: force };
  return { method: 'POST', path: networkPath(network, '/disconnect'), body };
}

/** `GET /containers/json`, the stopped ones too. */
export function listContainers(filters: Filters = {}): Call<ContainerSummary[]> {
  return { method: 'GET', path: '/containers/json', query: { all: 'true', ...filterQuery(filters) } };
}

/** `GET /containers/{id}/json`. */
export function inspectContainer(term: string): Call<ContainerAnswer> {
  return { method: 'GET', path: containerPath(term, '/json') };
}

/** `POST /containers/create`. */
export function createContainer(
  name: string,
  body: object,
): Call<{ readonly Id: string; readonly Warnings: readonly string[] | null }> {
  return { method: 'POST', path: '/containers/create', query: { name }, body };
}

/** `POST /containers/{id}/start`. */
export function startContainer(term: string): Call<undefined> {
  return { method: 'POST', path: containerPath(term, '/start') };
}

/** `DELETE /containers/{id}`, running or not. */
export function removeContainer(term: string): Call<undefined> {
  return { method: 'DELETE', path: containerPath(term), query: { force: 'true' } };
}

/** `GET /events`. Times are Unix seconds, optionally with a fraction. */
export function events(since: string, until: string, filters: Filters): Call<EventAnswer> {
  const query = { ...(since && { since }), ...(until && { until }), ...filterQuery(filters) };
  return { method: 'GET', path: '/events', query };
}

/** `GET /vethd/trace`: every pair that belongs to a container or an interface. */
export function trace(term: string): Call<TraceAnswer[]> {
  return { method: 'GET', path: '/vethd/trace', query: { of: term } };
}

/** `GET /vethd/topology`. */
export function topology(): Call<TopologyAnswer> {
  return { method: 'GET', path: '/vethd/topology' };
}

/** `POST /vethd/reconcile`: one full pass; answers with what it mended. */
export function reconcile(): Call<CommandsAnswer> {
  return { method: 'POST', path: '/vethd/reconcile' };
}

/** `GET /vethd/doctor`. */
export function doctor(): Call<DoctorAnswer> {
  return { method: 'GET', path: '/vethd/doctor' };
}
