/** `POST /containers/create` in the engine's words. */

import * as Type from 'typebox';
import { Check } from 'typebox/value';
import type { Engine } from '../../engine/contract.ts';
import { VethdError } from '../../errors.ts';
import type { Container, ContainerSpec } from '../../model/container.ts';
import { EMPTY_ENDPOINT_SPEC, type EndpointSpec, type PortSpec } from '../../model/endpoint.ts';
import { parsePortKey, toPortSpecs } from '../endpoints/ports.ts';
import { fromEndpointConfig } from '../endpoints/wire.ts';
import { checkMap } from '../limits.ts';
import { ContainerCreate, type ContainerCreateJson } from './schema.ts';

/** A wish and what its client should know about it. */
export interface CreateWish {
  readonly spec: ContainerSpec;
  readonly warnings: readonly string[];
}

const DISCARDED = 'Published ports are discarded when using host network mode';

type Published = Pick<ContainerCreateJson, 'HostConfig' | 'ExposedPorts'>;

function wishedPorts({ HostConfig: host = {}, ExposedPorts: exposed = {} }: Published): PortSpec[] {
  const bindings = host.PortBindings ?? {};
  const others = Object.keys(exposed).filter((key) => !Object.hasOwn(bindings, key));
  const automatic = others.map((key) => ({ ...parsePortKey(key), hostAddress: '', hostPort: '' }));
  return [...toPortSpecs(bindings), ...(host.PublishAllPorts === true ? automatic : [])];
}

/** What a stored container was created with, as far as it is about ports. */
const Publishing = Type.Pick(ContainerCreate, ['HostConfig', 'ExposedPorts']);

/** The ports that the body of the container's creation published. */
export function publishedAtCreation({ config }: Container): PortSpec[] {
  // A namespace that was adopted has none; the check costs a tenth of a millisecond even so.
  if (config['HostConfig'] === undefined && config['ExposedPorts'] === undefined) return [];
  return Check(Publishing, config) ? wishedPorts(config) : [];
}

function checkEndpoints(names: readonly string[], minor: number): void {
  if (minor >= 44 || names.length < 2) return;
  throw new VethdError(
    'invalidArgument',
    `Container cannot be connected to network endpoints: ${[...names].sort().join(', ')}`,
  );
}

/**
 * The network mode in one word. Without one a container joins the networks that it names, and `bridge` when it
 * names none.
 */
function modeOf(body: ContainerCreateJson, names: readonly string[]): string {
  if (body.NetworkDisabled === true) return 'none';
  const mode = body.HostConfig?.NetworkMode ?? '';
  if (mode !== '' && mode !== 'default') return mode;
  const [first = 'bridge'] = names;
  return names.includes('default') || names.includes('bridge') ? 'bridge' : first;
}

function idOf(engine: Engine, term: string): string | undefined {
  try {
    return engine.inspectNetwork(term).network.id;
  } catch {
    // An unknown network is found out at start, as in Docker.
    return undefined;
  }
}

/** The name under which the network of the mode is asked for: a client may use its id there. */
function keyOfMode(engine: Engine, mode: string, names: readonly string[]): string {
  if (names.length === 0 || names.includes(mode)) return mode;
  const id = idOf(engine, mode);
  return names.find((name) => id !== undefined && idOf(engine, name) === id) ?? mode;
}

function joinsNetwork(mode: string): boolean {
  return mode !== 'none' && mode !== 'host' && !mode.startsWith('container:');
}

function checkPorts(mode: string, ports: readonly PortSpec[]): readonly string[] {
  if (ports.length === 0 || joinsNetwork(mode) || mode === 'none') return [];
  if (mode === 'host') return [DISCARDED];
  throw new VethdError(
    'invalidArgument',
    'conflicting options: port publishing and the container type network mode',
  );
}

function endpointsOf(body: ContainerCreateJson): Map<string, EndpointSpec> {
  const configs = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  return new Map(
    configs.map(([name, config]) => [name === 'default' ? 'bridge' : name, fromEndpointConfig(config)]),
  );
}

/**
 * The wishes with that of the mode's network first, whose interface is then eth0, and with what the body says outside
 * of EndpointsConfig in it: published ports and a MAC.
 */
function withMode(
  endpoints: ReadonlyMap<string, EndpointSpec>,
  key: string,
  mode: string,
  { mac, ports }: Pick<EndpointSpec, 'mac' | 'ports'>,
): [string, EndpointSpec][] {
  const wish = endpoints.get(key) ?? EMPTY_ENDPOINT_SPEC;
  const others = [...endpoints].filter(([name]) => name !== key);
  const first = { ...wish, mac: wish.mac === '' ? mac : wish.mac, ports: [...wish.ports, ...ports] };
  return [[mode, first], ...others];
}

/** The body without what is kept elsewhere. */
function keptConfig(body: ContainerCreateJson): Record<string, unknown> {
  const { Labels: _labels, NetworkingConfig: _networking, Cmd: cmd, ...rest } = body;
  // A command may be one text or a list of them (moby: StrSlice).
  return cmd === undefined ? rest : { ...rest, Cmd: typeof cmd === 'string' ? [cmd] : cmd };
}

/** A client's wish in the engine's words, for a client of version 1.`minor`. */
export function fromContainerCreate(
  engine: Engine,
  body: ContainerCreateJson,
  name: string,
  minor: number,
): CreateWish {
  const labels = body.Labels ?? {};
  checkMap('Labels', labels);
  const endpoints = endpointsOf(body);
  const names = [...endpoints.keys()];
  checkEndpoints(names, minor);
  const mode = modeOf(body, names);
  const ports = wishedPorts(body);
  const warnings = checkPorts(mode, ports);
  const wishes = joinsNetwork(mode)
    ? withMode(endpoints, keyOfMode(engine, mode, names), mode, { mac: body.MacAddress ?? '', ports })
    : endpoints;
  const spec = {
    name: name.replace(/^\//, ''),
    networkMode: mode,
    labels,
    config: keptConfig(body),
    endpoints: Object.fromEntries(wishes),
  };
  return { spec, warnings };
}
