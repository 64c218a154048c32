/**
 * A mark on what is forwarded for our members, for a rule in another program's chain to accept: there only where
 * vethd may have such a rule (`--manage-docker-user`).
 */
import { FORWARD_MARK } from '../model/forward-mark.ts';
import { NFT_TABLE } from '../model/nft-sets.ts';

// Not what passes between a bridge of ours and one of others: their isolation stays theirs. Both are ours where two of
// our networks meet (whether they may is our own chain's matter), and where bridged frames pass the hooks.
const MATCHES = [
  'iifname @bridges meta oifkind != "bridge"',
  'oifname @bridges meta iifkind != "bridge"',
  'iifname @bridges oifname @bridges',
];

/** What goes behind the text of a whole ruleset: one more chain, before those of others at the usual priority. */
export function renderMarking(): string {
  return [
    `table inet ${NFT_TABLE} {`,
    '  chain marking {',
    '    type filter hook forward priority filter - 1; policy accept;',
    ...MATCHES.map((match) => `    ${match} meta mark set meta mark or ${FORWARD_MARK}`),
    '  }',
    '}',
    '',
  ].join('\n');
}
