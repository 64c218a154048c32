import { expect, test } from 'vitest';
import type { ForeignFirewall, ForeignForwardChain } from '../model/foreign-firewall.ts';
import { findObstacles } from './coexistence.ts';

const NOBODY: ForeignFirewall = {
  forwardChains: [],
  dockerUser: [],
  ufw: [],
  firewalld: false,
  translates: [],
};

function chain(change: Partial<ForeignForwardChain> = {}): ForeignForwardChain {
  return {
    family: 'ip',
    table: 'filter',
    chain: 'FORWARD',
    policy: 'drop',
    accepts: [],
    legacy: false,
    ...change,
  };
}

function lines(foreign: Partial<ForeignFirewall>): readonly string[] {
  return findObstacles({ ...NOBODY, ...foreign }, ['vethd0']).flatMap((obstacle) => obstacle.lines);
}

test('nobody, an accepting chain, or no network of ours: nothing to say', () => {
  expect(findObstacles(NOBODY, ['vethd0'])).toEqual([]);
  expect(lines({ forwardChains: [chain({ policy: 'accept' })] })).toEqual([]);
  expect(findObstacles({ ...NOBODY, forwardChains: [chain()] }, [])).toEqual([]);
});

test('a bridge that was let through is not named again', () => {
  const foreign = { ...NOBODY, forwardChains: [chain({ accepts: ['vethd0'] })] };
  expect(findObstacles(foreign, ['vethd0'])).toEqual([]);
  expect(findObstacles(foreign, ['vethd0', 'br-a']).flatMap((obstacle) => obstacle.lines)).toEqual([
    'iptables -I FORWARD -i br-a -j ACCEPT',
    'iptables -I FORWARD -o br-a -j ACCEPT',
  ]);
});

test('nothing to say where our mark is accepted', () => {
  expect(lines({ forwardChains: [chain({ acceptsMarked: true })], dockerUser: ['ip'] })).toEqual([]);
});

test('Docker: its chain for users, both ways', () => {
  expect(lines({ forwardChains: [chain()], dockerUser: ['ip'] })).toEqual([
    'iptables -I DOCKER-USER -i vethd0 -j ACCEPT',
    'iptables -I DOCKER-USER -o vethd0 -j ACCEPT',
  ]);
});

test('ufw in IPv6: the chain itself, and its name in the sentence', () => {
  const [obstacle] = findObstacles({ ...NOBODY, forwardChains: [chain({ family: 'ip6' })], ufw: ['ip6'] }, [
    'br-a',
  ]);
  expect(obstacle?.lines[0]).toBe('ip6tables -I FORWARD -i br-a -j ACCEPT');
  expect(obstacle?.message).toMatch(/^ufw drops forwarded packets by the policy of chain FORWARD/);
});

test('the older iptables has its own program', () => {
  expect(lines({ forwardChains: [chain({ legacy: true })] })[0]).toBe(
    'iptables-legacy -I FORWARD -i vethd0 -j ACCEPT',
  );
});

test('a table of nft itself', () => {
  expect(lines({ forwardChains: [chain({ family: 'inet', chain: 'forward' })] })).toEqual([
    'nft insert rule inet filter forward iifname "vethd0" accept',
    'nft insert rule inet filter forward oifname "vethd0" accept',
  ]);
});

test('firewalld: a zone', () => {
  expect(lines({ firewalld: true })).toEqual(['firewall-cmd --zone=trusted --add-interface=vethd0']);
});
