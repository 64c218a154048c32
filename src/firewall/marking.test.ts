import { expect, test } from 'vitest';
import { FORWARD_MARK_WORDS } from '../model/forward-mark.ts';
import { renderMarking } from './marking.ts';

test('what is forwarded for members is marked with the bit that the rule of iptables looks for', () => {
  expect(FORWARD_MARK_WORDS.join(' ')).toBe('-m mark --mark 0x8000000/0x8000000');
  expect(renderMarking()).toBe(`table inet vethd {
  chain marking {
    type filter hook forward priority filter - 1; policy accept;
    iifname @bridges meta oifkind != "bridge" meta mark set meta mark or ${0x8000000}
    oifname @bridges meta iifkind != "bridge" meta mark set meta mark or ${0x8000000}
    iifname @bridges oifname @bridges meta mark set meta mark or ${0x8000000}
  }
}
`);
});
