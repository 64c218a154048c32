/** Many namespaces, and many connects, where what they cost is not the question. */
import { run } from '../../helpers/commands.ts';
import { type BenchNetwork, type Contender, type Member, memberAt } from '../contenders/contender.ts';

/** How many requests are on their way at once while a network is filled. */
const AT_ONCE = 64;

/** Makes the namespaces `prefix-0` to `prefix-(count - 1)` with one process, and gives their names. */
export async function addTargets(prefix: string, count: number): Promise<readonly string[]> {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  await run('ip', ['-batch', '-'], {
    input: names.map((name) => `netns add ${name}\n`).join(''),
    timeoutMs: 120_000,
  });
  return names;
}

/** Runs `work` for every item, so many at once. */
export async function forEachAtOnce<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const rest = [...items];
  const lane = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
}

/** Connects the targets as members `from`, `from + 1` … of the network. */
export async function fill(
  contender: Contender,
  network: BenchNetwork,
  targets: readonly string[],
  from = 0,
): Promise<readonly Member[]> {
  const members = targets.map((target, index) => memberAt(network, target, from + index));
  await forEachAtOnce(members, AT_ONCE, (member) => contender.connect(network, member));
  return members;
}
