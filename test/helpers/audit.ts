/**
 * After a crash: is the kernel as the rows say, is nothing left over or there twice, and is everything that was
 * acknowledged true? What nobody got an answer for may be or not be, but not by half.
 */
import { existsSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { run } from './commands.ts';
import type { Daemon } from './daemon.ts';
import { linksOf, listNetns } from './host.ts';
import { until } from './until.ts';

/** What clients were told, by name: present (true) or absent (false). What is not mentioned is not there. */
export interface Model {
  readonly networks: Map<string, boolean>;
  readonly containers: Map<string, boolean>;
  /** By `network/container`; running members. */
  readonly members: Map<string, boolean>;
}

interface Member {
  readonly Name: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
}

interface NetworkAnswer {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string }[] | null };
  readonly Containers: Readonly<Record<string, Member>>;
}

interface ContainerAnswer {
  readonly Names: readonly string[];
  readonly State: string;
}

/** Links that the rules of their network name: members' host ends and bridges, but for that of the network `bridge`. */
const NAMED_IN_RULES = /^(?:veth[0-9a-f]{7}|br-[0-9a-f]{12})$/;

const PREDEFINED = new Set(['bridge', 'host', 'none']);

function duplicates(values: readonly string[]): readonly string[] {
  return values.filter((value, index) => value !== '' && values.indexOf(value) !== index);
}

function expectKnown(
  kind: string,
  there: ReadonlySet<string>,
  model: ReadonlyMap<string, boolean>,
  unknown: ReadonlyMap<string, boolean> | undefined,
): void {
  const sure = [...model].filter(([name]) => unknown?.has(name) !== true);
  const lost = sure.filter(([name, present]) => present && !there.has(name)).map(([name]) => name);
  const back = sure.filter(([name, present]) => !present && there.has(name)).map(([name]) => name);
  const never = [...there].filter((name) => !model.has(name) && unknown?.has(name) !== true);
  expect({ kind, lost, back, never }).toEqual({ kind, lost: [], back: [], never: [] });
}

async function networksOf(daemon: Daemon): Promise<readonly NetworkAnswer[]> {
  const list: readonly NetworkAnswer[] = await daemon.call('GET', '/networks');
  return Promise.all(list.map(({ Id }) => daemon.call('GET', `/networks/${Id}`)));
}

async function auditKernel(networks: readonly NetworkAnswer[]): Promise<void> {
  const bridges = networks.filter(({ Driver }) => Driver === 'bridge');
  const members = bridges.reduce((sum, { Containers }) => sum + Object.keys(Containers ?? {}).length, 0);
  const ours = (await linksOf()).filter(({ ifalias }) => ifalias?.startsWith('vethd:'));
  expect(
    ours.map(({ ifname }) => ifname).sort(),
    `${bridges.length} bridges and ${members} members`,
  ).toHaveLength(bridges.length + members);
  const names = new Set(ours.map(({ ifname }) => ifname));
  const ruleset = await run('nft', ['list', 'ruleset']);
  const named: readonly string[] = ruleset.match(/\b(?:veth[0-9a-f]{7}|br-[0-9a-f]{12})\b/g) ?? [];
  expect(
    named.filter((name) => !names.has(name)),
    'rules for links that are not there',
  ).toEqual([]);
  // A start that took the ruleset for what it noted goes by the rows alone: so the kernel is asked.
  const unnamed = [...names].filter((name) => NAMED_IN_RULES.test(name) && !named.includes(name));
  expect(unnamed, 'links without their rules').toEqual([]);
}

/** Whatever is reaped or followed behind an answer or a start is waited for; then all must be in order. */
export async function audit(daemon: Daemon, model: Model, unknown: Model | undefined): Promise<void> {
  let commands: readonly string[] = [];
  await until('the kernel is as the rows say', async () => {
    commands = (await daemon.call('POST', '/vethd/reconcile?dry-run=true')).Commands;
    const retired = (await linksOf()).some(({ ifalias }) => ifalias === 'vethd:retired');
    return commands.length === 0 && !retired;
  }).catch(() => expect(commands, 'the kernel is not as the rows say').toEqual([]));
  const networks = await networksOf(daemon);
  const containers: readonly ContainerAnswer[] = await daemon.call('GET', '/containers/json?all=true');
  await auditKernel(networks);
  auditRows(networks);
  const own = networks.filter(({ Name }) => !PREDEFINED.has(Name));
  expectKnown('network', new Set(own.map(({ Name }) => Name)), model.networks, unknown?.networks);
  const members = own.flatMap(({ Name, Containers }) =>
    Object.values(Containers ?? {}).map((member) => `${Name}/${member.Name}`),
  );
  expectKnown('member', new Set(members), model.members, unknown?.members);
  auditNames(containers, model, unknown);
}

function auditRows(networks: readonly NetworkAnswer[]): void {
  const subnets = networks.flatMap(({ IPAM }) => (IPAM.Config ?? []).map(({ Subnet }) => Subnet));
  expect(duplicates(subnets), 'subnets of two networks').toEqual([]);
  for (const { Name, Containers } of networks) {
    const members = Object.values(Containers ?? {});
    expect(duplicates(members.map(({ IPv4Address }) => IPv4Address)), `addresses in ${Name}`).toEqual([]);
    expect(duplicates(members.map(({ MacAddress }) => MacAddress)), `MACs in ${Name}`).toEqual([]);
  }
}

/** Containers whose names begin with `man` are managed: their namespaces are ours to make and remove. */
function auditNames(containers: readonly ContainerAnswer[], model: Model, unknown: Model | undefined): void {
  const isManaged = (name: string): boolean => name.startsWith('man');
  const nameOf = ({ Names }: ContainerAnswer): string => (Names[0] ?? '').replace(/^\//, '');
  const managed = containers.filter((container) => isManaged(nameOf(container)));
  expectKnown('container', new Set(managed.map(nameOf)), model.containers, unknown?.containers);
  const running = managed.filter(({ State }) => State === 'running').map(nameOf);
  expect(listNetns().filter(isManaged), 'namespaces of running containers').toEqual(running.sort());
  const files = (existsSync('/etc/netns') ? readdirSync('/etc/netns') : []).filter(isManaged);
  expect(
    files.filter((name) => !running.includes(name)),
    'resolv.conf files of nobody',
  ).toEqual([]);
}
