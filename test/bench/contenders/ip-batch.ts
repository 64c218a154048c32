/** `ip -batch`: the quickest way with ordinary programs; two processes a connect. */
import { run } from '../../helpers/commands.ts';
import { type BenchNetwork, type Contender, type Entry, type Member, namedTargets } from './contender.ts';

function batch(lines: readonly string[], netns?: string): Promise<string> {
  const where = netns === undefined ? [] : ['-n', netns];
  return run('ip', [...where, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

const contender: Contender = {
  ...namedTargets,
  name: 'ip -batch',
  inspect: undefined,
  list: undefined,
  async createNetwork({ bridge, gateway }: BenchNetwork) {
    await batch([
      `link add ${bridge} type bridge`,
      `address add ${gateway}/22 dev ${bridge}`,
      `link set ${bridge} up`,
    ]);
  },
  async connect({ bridge, gateway }: BenchNetwork, { target, veth, address }: Member) {
    await batch([
      `link add ${veth} numtxqueues 1 numrxqueues 1 type veth peer name eth0 netns ${target} numtxqueues 1 numrxqueues 1`,
      `link set ${veth} master ${bridge} up`,
    ]);
    await batch(
      [`address add ${address}/22 dev eth0`, 'link set eth0 up', `route add default via ${gateway}`],
      target,
    );
  },
  async disconnect(_: BenchNetwork, { veth }: Member) {
    await batch([`link del ${veth}`]);
  },
  async removeNetwork({ bridge }: BenchNetwork) {
    await batch([`link del ${bridge}`]);
  },
  settle: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** Two processes a connect. */
export const ipBatch: Entry = {
  name: contender.name,
  missing: () => undefined,
  open: () => Promise.resolve(contender),
};
