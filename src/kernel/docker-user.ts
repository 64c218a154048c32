/**
 * One rule of ours in Docker's chain for users' rules, DOCKER-USER, where somebody allowed it. Docker's FORWARD chain
 * drops what it does not know, and no accept in another table outweighs that; but it asks DOCKER-USER first. The rule
 * accepts what bears our mark (FORWARD_MARK); nothing else of the chain is touched. It goes in by the `iptables`
 * program, because a rule written by `nft` can make `iptables -S` refuse the whole table.
 */
import { execa } from 'execa';
import type { ForeignForwardChain } from '../model/foreign-firewall.ts';
import { FORWARD_MARK_WORDS } from '../model/forward-mark.ts';
import { readForeignFirewall } from './foreign-firewall.ts';

const CHAIN = 'DOCKER-USER';
const TIMEOUT_MS = 5_000;
/** The rule in the words in which `iptables -S` shows it again. */
const RULE = [...FORWARD_MARK_WORDS, '-m', 'comment', '--comment', 'vethd', '-j', 'ACCEPT'];
const SHOWN = ['-A', CHAIN, ...RULE].join(' ');

const PROGRAM: Record<string, string> = { ip: 'iptables', ip6: 'ip6tables' };

/** Runs iptables; undefined where it is not installed or refuses, when there is no such chain for instance. */
async function run(program: string, args: readonly string[]): Promise<string | undefined> {
  // -w: another program may hold the lock of the older iptables.
  const { failed, stdout } = await execa(program, ['-w', '5', ...args], {
    reject: false,
    timeout: TIMEOUT_MS,
    stdin: 'ignore',
  });
  return failed ? undefined : stdout;
}

/** How often our rule is in the chain; undefined where this program knows of no such chain. */
async function countRules(program: string): Promise<number | undefined> {
  const listing = await run(program, ['-S', CHAIN]);
  return listing?.split('\n').filter((line) => line === SHOWN).length;
}

/** True when there was something to do. */
async function keepBy(program: string, wanted: boolean): Promise<boolean> {
  const found = await countRules(program);
  const right = wanted ? 1 : 0;
  if (found === undefined || found === right) return false;
  for (let surplus = found - right; surplus > 0; surplus--) await run(program, ['-D', CHAIN, ...RULE]);
  if (found < right) await run(program, ['-I', CHAIN, ...RULE]);
  return true;
}

/** The programs that may know the chain: two kinds of iptables hold tables of the same names. */
function programsFor({ family, legacy }: ForeignForwardChain): string[] {
  const program = PROGRAM[family];
  if (program === undefined) return [];
  return legacy ? [`${program}-legacy`] : [`${program}-nft`, program];
}

/**
 * Has the rule there once, or not at all, wherever Docker has made its chain; gives the programs by which something
 * was changed. Where there is no such chain, none is made.
 */
export async function keepDockerUserRule(wanted: boolean): Promise<readonly string[]> {
  const { forwardChains, dockerUser } = await readForeignFirewall();
  const docker = forwardChains.filter(
    ({ family, table, chain }) => table === 'filter' && chain === 'FORWARD' && dockerUser.includes(family),
  );
  const changed: string[] = [];
  for (const program of docker.flatMap(programsFor)) if (await keepBy(program, wanted)) changed.push(program);
  return changed;
}
