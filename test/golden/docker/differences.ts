/**
 * Where vethd means to answer otherwise than the recorded dockerd 20.10, and why. Everything else must be equal, field
 * by field; an entry that fits no difference fails the test as well. "Newer" means Docker Engine 28.
 */
import type { IntendedDifference } from '../../helpers/golden/compare.ts';

/** A refusal whose status and text are others. */
function refusal(
  at: RegExp,
  status: number,
  message: string | undefined,
  reason: string,
): IntendedDifference[] {
  return [
    { at, field: /^status$/, vethd: status, reason },
    { at, field: /^body\.message$/, reason, ...(message === undefined ? {} : { vethd: message }) },
  ];
}

/** A refusal with the same status and other words. */
function words(at: RegExp, message: string, reason: string): IntendedDifference {
  return { at, field: /^body\.message$/, vethd: message, reason };
}

const badParameter = 'newer: a bad parameter is 400, not 500';
const newerText = 'newer: other words';

const faultOf = (text: string) => `invalid network config:\n${text}`;

/** The differences, by subject. */
export const differences: readonly IntendedDifference[] = [
  // What networks show.
  {
    at: /./,
    field: /\.IPAM\.Config\.\d+\.Gateway$/,
    reason: 'newer: the gateway that was chosen is shown; 20.10 showed only one that was asked for',
  },
  {
    at: /^(create \/ the bridge network|lists \/ all)$/,
    field: /\.Options\.com\.docker\.network\.bridge\.name$/,
    vethd: 'vethd0',
    reason: 'the default bridge can live beside a docker0',
  },

  // Refusals of create.
  ...refusal(/ (empty|no) name$/, 400, 'invalid name: name is empty', badParameter),
  ...refusal(/ blank name$/, 400, 'invalid name: name is empty', badParameter),
  { at: / driver overlay$/, field: /^status$/, vethd: 403, reason: 'newer: forbidden' },
  { at: / IPAM driver null$/, field: /^status$/, vethd: 400, reason: badParameter },
  ...['IPv6', 'labels', 'IPAM'].map(
    (what): IntendedDifference => ({
      at: new RegExp(` config-from and ${what}$`),
      field: /^body\.message$/,
      vethd:
        'user-specified configurations are not supported if the network depends on a configuration network',
      reason: newerText,
    }),
  ),
  ...refusal(
    / subnet that is no CIDR$/,
    400,
    faultOf('invalid subnet 10.1.0.0: invalid CIDR block notation'),
    badParameter,
  ),
  ...refusal(
    / subnet that is a word$/,
    400,
    faultOf('invalid subnet pool: invalid CIDR block notation'),
    badParameter,
  ),
  ...refusal(
    / ip-range that is no CIDR$/,
    400,
    faultOf('invalid ip-range range: invalid CIDR block notation'),
    badParameter,
  ),
  ...refusal(
    / ip-range outside$/,
    400,
    faultOf("invalid ip-range 10.2.0.0/25: parent subnet 10.11.0.0/24 doesn't contain ip-range"),
    'newer: checked',
  ),
  { at: / ip-range outside$/, field: /^body\.(Id|Warning)$/, reason: 'newer: checked, so nothing is made' },
  ...refusal(
    / gateway outside$/,
    400,
    faultOf("invalid gateway 10.2.0.1: parent subnet 10.1.0.0/24 doesn't contain this address"),
    'newer: checked before anything is taken',
  ),
  ...refusal(
    / gateway that is a word$/,
    400,
    faultOf('invalid gateway router: invalid address'),
    badParameter,
  ),
  ...refusal(
    / auxiliary address outside$/,
    400,
    faultOf("invalid auxiliary address a: parent subnet 10.3.0.0/24 doesn't contain this address"),
    badParameter,
  ),
  ...refusal(
    / subnet with host bits$/,
    400,
    faultOf('invalid subnet 10.12.0.5/24: it should be 10.12.0.0/24'),
    'newer: refused; 20.10 took the network that it lies in',
  ),
  {
    at: / subnet with host bits$/,
    field: /^body\.(Id|Warning)$/,
    reason: 'newer: refused, so nothing is made',
  },
  {
    at: / (the same|a smaller|a larger) subnet$/,
    field: /^body\.message$/,
    vethd: 'invalid pool request: Pool overlaps with other one on this address space',
    reason: newerText,
  },
  {
    at: / (icc|masquerade) that is no boolean$| MTU that is no number$| host binding that is no address$/,
    field: /^status$/,
    vethd: 400,
    reason: badParameter,
  },
  { at: / MTU below 0$/, field: /^status$/, vethd: 400, reason: badParameter },
  ...refusal(
    / device name that is too long$/,
    400,
    undefined,
    'a bad parameter: refused by its length, before the kernel is asked',
  ),
  ...refusal(
    / MTU that no device takes$/,
    400,
    undefined,
    'Docker accepts it and fails at the first connect; vethd refuses it at once',
  ),
  { at: / MTU that no device takes$/, field: /^body\.(Id|Warning)$/, reason: 'refused, so nothing is made' },
  {
    at: /^create-errors \/ nothing is left of them$/,
    field: /^body\.\*\.Name\.\d+$/,
    reason: 'the three that 20.10 made are refused here',
  },

  // Lists and prunes.
  { at: / filters \{"type":\["bogus"\]\}$/, field: /^status$/, vethd: 400, reason: badParameter },
  ...refusal(/^lists \/ filters (\{|\[\])$/, 400, 'invalid filter', badParameter),
  {
    at: /(lists \/ filters|prunes \/ \d+ prune) \{"nosuch":\["x"\]\}$/,
    field: /^body\.message$/,
    vethd: "invalid filter 'nosuch'",
    reason: newerText,
  },
  {
    at: /^lists \/ filters \{"dangling":\["(true|0)"\]\}$/,
    field: /^body\.\*\.Name\.\d+$/,
    reason: 'newer: a network with members does not dangle',
  },
  { at: / prune \{"until":/, field: /^status$/, vethd: 400, reason: badParameter },

  // Members.
  {
    at: /^member/,
    field: /\.NetworkSettings\.SandboxID$/,
    reason: 'a bare namespace is its own sandbox: the container’s id, none while it is stopped',
  },
  {
    at: /^members \/ a stopped member$/,
    field: /\.NetworkSettings\.SandboxKey$/,
    vethd: '',
    reason: 'a stopped container has no namespace whose path could be shown',
  },
  {
    at: /^member-errors \/ nothing is left of them$/,
    field: /\.Networks\.lab$/,
    reason: '20.10 goes on showing what a refused connect asked for',
  },
  words(
    / to host$/,
    'cannot connect container to host network - container must be created in host network mode',
    newerText,
  ),
  ...refusal(
    / address outside$/,
    400,
    'invalid endpoint settings:\nno configured subnet contains IP address 10.99.0.1',
    badParameter,
  ),
  ...refusal(
    / address that is a word$/,
    400,
    'invalid endpoint settings:\ninvalid IPv4 address: first',
    badParameter,
  ),
  words(
    / IPv6 address that is a word$/,
    'invalid endpoint settings:\ninvalid IPv6 address: first',
    'newer: the address is read first',
  ),
  words(
    / address on the bridge network$/,
    'invalid endpoint settings:\nuser-specified IP address is supported on user-defined networks only',
    newerText,
  ),
  words(
    / alias on the bridge network$/,
    'invalid endpoint settings:\nnetwork-scoped aliases are only supported for user-defined networks',
    newerText,
  ),
  {
    at: / delete: active endpoints$/,
    field: /^body\.message$/,
    vethd: 'error while removing network: network home has active endpoints (name:"c1" id:"<short id>")',
    reason: 'newer: says which',
  },
  {
    at: / remove: running$/,
    field: /^body\.message$/,
    vethd:
      'cannot remove container "c1": container is running: stop the container before removing or force remove',
    reason: newerText,
  },

  // Events.
  {
    at: /^events \/ disconnect events$/,
    field: /^body\.[12]/,
    reason: 'newer: one event for a disconnect; 20.10 told it twice',
  },
  ...refusal(/^events \/ since that is no time$/, 400, undefined, badParameter),

  // Conventions.
  {
    at: /^conventions \/ version too new$/,
    field: /^body\.message$/,
    vethd: 'client version 9.99 is too new. Maximum supported API version is 1.50',
    reason: 'a newer API is served',
  },
  {
    at: /^conventions \/ broken JSON$/,
    field: /^body\.message$/,
    vethd: "invalid JSON: invalid character 'b' looking for beginning of object key string",
    reason: newerText,
  },
  words(
    /^conventions \/ no body$/,
    'invalid name: name is empty',
    'newer: no body is an empty object, which lacks a name',
  ),
  {
    at: /^conventions \/ body that is no JSON$/,
    field: /^body\.message$/,
    vethd: "unsupported Content-Type header (text/plain): must be 'application/json'",
    reason: newerText,
  },
  {
    at: /^conventions \/ name of a wrong type$/,
    field: /^body\.message$/,
    reason: 'the words of another language’s parser',
  },
  {
    at: /^conventions \/ no such image$/,
    field: /^body\.message$/,
    vethd: 'No such image: nosuch:latest',
    reason: newerText,
  },
];
