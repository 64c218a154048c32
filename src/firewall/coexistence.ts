/**
 * Other people's firewalls that would drop our forwarded packets. A packet must pass every table: an accept of
 * ours does not outweigh a drop of theirs, so all that we can do is say so and name the line that mends it.
 */
import type { ForeignFirewall, ForeignForwardChain } from '../model/foreign-firewall.ts';

/** A firewall in the way. */
export interface CoexistenceWarning {
  /** One sentence, for `GET /info` and `vethctl doctor`. */
  readonly message: string;
  /** The command lines that mend it, for these bridges. */
  readonly lines: readonly string[];
}

const IPTABLES: Record<string, string> = { ip: 'iptables', ip6: 'ip6tables' };

function bothWays(
  bridges: readonly string[],
  line: (option: '-i' | '-o', bridge: string) => string,
): string[] {
  return bridges.flatMap((bridge) => [line('-i', bridge), line('-o', bridge)]);
}

function iptablesLines(program: string, chain: string, bridges: readonly string[]): string[] {
  return bothWays(bridges, (option, bridge) => `${program} -I ${chain} ${option} ${bridge} -j ACCEPT`);
}

function nftLines({ family, table, chain }: ForeignForwardChain, bridges: readonly string[]): string[] {
  return bothWays(bridges, (option, bridge) => {
    const key = option === '-i' ? 'iifname' : 'oifname';
    return `nft insert rule ${family} ${table} ${chain} ${key} "${bridge}" accept`;
  });
}

function isIptables({ table, chain }: ForeignForwardChain): boolean {
  return table === 'filter' && chain === 'FORWARD';
}

function mendingLines(
  chain: ForeignForwardChain,
  foreign: ForeignFirewall,
  bridges: readonly string[],
): string[] {
  const program = IPTABLES[chain.family];
  if (program === undefined || !isIptables(chain)) return nftLines(chain, bridges);
  const dockerUser = foreign.dockerUser.includes(chain.family);
  return iptablesLines(
    chain.legacy ? `${program}-legacy` : program,
    dockerUser ? 'DOCKER-USER' : 'FORWARD',
    bridges,
  );
}

function ownerOf(chain: ForeignForwardChain, foreign: ForeignFirewall): string {
  if (foreign.dockerUser.includes(chain.family)) return 'Docker';
  return foreign.ufw.includes(chain.family) ? 'ufw' : 'another program';
}

function droppingWarning(
  chain: ForeignForwardChain,
  foreign: ForeignFirewall,
  bridges: readonly string[],
): CoexistenceWarning {
  return {
    message:
      `${ownerOf(chain, foreign)} drops forwarded packets by the policy of chain ${chain.chain} in table ` +
      `${chain.family} ${chain.table}: members of vethd's networks reach nothing outside`,
    lines: mendingLines(chain, foreign, bridges),
  };
}

/** firewalld refuses by a rule at the end, not by policy, and only for interfaces in none of its zones. */
function firewalldWarning(bridges: readonly string[]): CoexistenceWarning {
  return {
    message: 'firewalld refuses packets forwarded from interfaces that are in none of its zones',
    lines: bridges.map((bridge) => `firewall-cmd --zone=trusted --add-interface=${bridge}`),
  };
}

function chainObstacles(
  chain: ForeignForwardChain,
  foreign: ForeignFirewall,
  bridges: readonly string[],
): CoexistenceWarning[] {
  if (chain.acceptsMarked === true) return [];
  const concerned = bridges.filter((bridge) => !chain.accepts.includes(bridge));
  return chain.policy === 'drop' && concerned.length > 0 ? [droppingWarning(chain, foreign, concerned)] : [];
}

/** What stands in the way of the networks with these bridges; nothing where there is no network. */
export function findObstacles(foreign: ForeignFirewall, bridges: readonly string[]): CoexistenceWarning[] {
  if (bridges.length === 0) return [];
  return [
    ...foreign.forwardChains.flatMap((chain) => chainObstacles(chain, foreign, bridges)),
    ...(foreign.firewalld ? [firewalldWarning(bridges)] : []),
  ];
}
