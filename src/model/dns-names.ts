/**
 * The names under which an endpoint's container is known on its network: what container inspect shows as
 * `DNSNames` and what the resolver at 127.0.0.11 answers.
 */
import type { Container } from './container.ts';
import type { Endpoint } from './endpoint.ts';

/** Lower case of A to Z alone, as names are compared in the DNS (RFC 4343); other characters stay. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/**
 * Container name, aliases, first 12 digits of the container's id, hostname; without repeats, in that order
 * (Docker's). The hostname is `Hostname` of the create body. Whether the network has names at all is for the
 * caller to know.
 */
export function dnsNamesOf(
  container: Pick<Container, 'id' | 'name' | 'config'>,
  endpoint: Pick<Endpoint, 'aliases'>,
): string[] {
  const hostname = container.config['Hostname'];
  const names = [container.name, ...endpoint.aliases, container.id.slice(0, 12)];
  if (typeof hostname === 'string') names.push(hostname);
  return [...new Set(names.filter((name) => name !== ''))];
}
