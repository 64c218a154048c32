import { expect, test } from 'vitest';
import { formatAddress } from '../model/address.ts';
import { formatResolvConf, isOurResolvConf, parseResolvConf } from './resolv-conf.ts';

const nameserversOf = (text: string) => parseResolvConf(text).nameservers.map(formatAddress);

test.each([
  ['one', 'nameserver 10.0.0.1\n', ['10.0.0.1']],
  [
    'tabs, comments, both families',
    '# x\n\tnameserver\t10.0.0.1 # c\nnameserver fd00::1;c\n',
    ['10.0.0.1', 'fd00::1'],
  ],
  [
    'three at most',
    [1, 2, 3, 4].map((n) => `nameserver 10.0.0.${n}`).join('\n'),
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  ],
  ['none: the local machine', 'search a\n', ['127.0.0.1']],
  [
    'what is no address is skipped',
    'nameserver x\nnameserver fe80::1%eth0\nnameserver 127.0.0.53',
    ['127.0.0.53'],
  ],
])('nameservers: %s', (_case, text, expected) => {
  expect(nameserversOf(text)).toEqual(expected);
});

test('the last of search and domain counts, options add up', () => {
  const conf = parseResolvConf('search a b\ndomain c d\noptions edns0\noptions trust-ad timeout:1\n');
  expect(conf.search).toEqual(['c']);
  expect(conf.options).toEqual(['edns0', 'trust-ad', 'timeout:1']);
});

test('ours: our resolver, the search list and options of the host, ndots:0', () => {
  const text = formatResolvConf({ search: ['corp.example', 'example'], options: ['edns0'] });
  expect(text.split('\n').slice(1)).toEqual([
    'nameserver 127.0.0.11',
    'search corp.example example',
    'options edns0 ndots:0',
    '',
  ]);
  expect(isOurResolvConf(text)).toBe(true);
  expect(nameserversOf(text)).toEqual(['127.0.0.11']);
});

test('ndots of the host stays; no search line without a search list', () => {
  expect(
    formatResolvConf({ search: [], options: ['ndots:2'] })
      .split('\n')
      .slice(1),
  ).toEqual(['nameserver 127.0.0.11', 'options ndots:2', '']);
});

test('a file that begins otherwise is not ours', () => {
  expect(isOurResolvConf('')).toBe(false);
  expect(isOurResolvConf(`# mine\n${formatResolvConf({ search: [], options: [] })}`)).toBe(false);
});
