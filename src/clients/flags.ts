/** Values of flags, as docker reads them. Pure; a bad value throws commander's InvalidArgumentError. */
import { InvalidArgumentError } from 'commander';
import type { Filters } from './calls.ts';

/** Collects a flag that may be given several times, or once with commas (`--subnet a,b`). */
export function list(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',')];
}

/** Collects a flag that may be given several times; commas belong to the value. */
export function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Collects `key=value` pairs; a key alone has the value `''`. */
export function map(
  value: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = value.indexOf('=');
  const [key, rest] = at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
  if (key === '') throw new InvalidArgumentError('want key=value.');
  return { ...before, [key]: rest };
}

/** Collects `--filter key=value`. */
export function filter(value: string, before: Filters = {}): Filters {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('want key=value, as in driver=bridge.');
  const key = value.slice(0, at).trim().toLowerCase();
  return { ...before, [key]: [...(before[key] ?? []), value.slice(at + 1).trim()] };
}

/** A whole number, negative too. */
export function integer(value: string): number {
  if (!/^[+-]?\d+$/.test(value)) throw new InvalidArgumentError('want a whole number.');
  return Number(value);
}

/** The formats of lists; Go templates are docker's alone. */
export function listFormat(value: string): 'table' | 'json' {
  if (value === 'table' || value === 'json') return value;
  throw new InvalidArgumentError('want table or json.');
}

/** A published port as the API takes it, in the shape of Docker's PortBindings. */
export type PortBindings = Readonly<
  Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
>;

const PORTS = '\\d{1,5}(?:-\\d{1,5})?';
const PUBLISH = new RegExp(
  `^(?:(?<ip>\\[[^\\]]*\\]|[^:\\[\\]]*):)?(?:(?<host>${PORTS}|):)?(?<inside>${PORTS})(?:/(?<protocol>tcp|udp|sctp))?$`,
);

/** One publication: `80`, `8080:80`, `127.0.0.1:8080:80/tcp`, `[::1]::53/udp`, `8000-8010:80-90`. */
export function publish(value: string, before: PortBindings = {}): PortBindings {
  const parts = publication(value);
  if (parts === undefined) {
    throw new InvalidArgumentError('want [[address:]hostPort:]port[/protocol], as in 8080:80.');
  }
  const key = `${parts.inside}/${parts.protocol}`;
  const binding = { HostIp: parts.ip, HostPort: parts.host };
  return { ...before, [key]: [...(before[key] ?? []), binding] };
}

interface Publication {
  readonly ip: string;
  readonly host: string;
  readonly inside: string;
  readonly protocol: string;
}

function publication(value: string): Publication | undefined {
  const groups = PUBLISH.exec(value)?.groups;
  const inside = groups?.['inside'];
  if (groups === undefined || inside === undefined) return undefined;
  const ip = (groups['ip'] ?? '').replace(/^\[|\]$/g, '');
  const host = groups['host'];
  const protocol = groups['protocol'] ?? 'tcp';
  // `8080:80` names no address: what stands before its only colon is the host's port.
  if (host === undefined && new RegExp(`^${PORTS}$`).test(ip)) return { ip: '', host: ip, inside, protocol };
  if (host === undefined && ip !== '') return undefined;
  return { ip, host: host ?? '', inside, protocol };
}
