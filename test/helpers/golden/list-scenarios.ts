/** Finding and listing networks, pruning them, events, and what every answer has in common. */
import { ipam, type Scenario, type Step, sceneContainer, sceneNetwork } from './scenario.ts';

function list(filters: unknown): Step {
  const text = typeof filters === 'string' ? filters : JSON.stringify(filters);
  const path = `/networks?filters=${encodeURIComponent(text)}`;
  return { name: `filters ${text}`, method: 'GET', path, pick: ['*.Name', 'message'] };
}

function prune(filters: unknown): Step {
  const path = `/networks/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`;
  return { name: `prune ${JSON.stringify(filters)}`, method: 'POST', path };
}

const scene: readonly Step[] = [
  sceneNetwork('lab', { ...ipam('10.70.0.0/24'), Labels: { team: 'a', tier: 'web' } }),
  sceneNetwork('lab-two', { ...ipam('10.71.0.0/24'), Labels: { team: 'b' } }),
  sceneNetwork('home', ipam('10.72.0.0/24')),
  ...sceneContainer('c1', 'home'),
];

/** Each filter of the list, and the ways to name one network. */
export const lists: Scenario = {
  name: 'lists',
  steps: [
    ...scene,
    { name: 'all', method: 'GET', path: '/networks' },
    { name: 'all, with a slash', method: 'GET', path: '/networks/', pick: ['*.Name'] },
    list({ name: ['lab'] }),
    list({ name: { lab: true } }),
    list({ name: ['^lab$'] }),
    list({ name: ['lab', 'home'] }),
    list({ name: ['['] }),
    list({ name: ['nosuch'] }),
    list({ driver: ['bridge'] }),
    list({ driver: ['brid'] }),
    list({ scope: ['local'] }),
    list({ scope: ['swarm'] }),
    list({ label: ['team'] }),
    list({ label: ['team=a'] }),
    list({ label: ['team', 'tier=web'] }),
    list({ type: ['builtin'] }),
    list({ type: ['custom'] }),
    list({ type: ['builtin', 'custom'] }),
    list({ type: ['bogus'] }),
    list({ dangling: ['true'] }),
    list({ dangling: ['0'] }),
    list({ dangling: ['perhaps'] }),
    list({ nosuch: ['x'] }),
    list({ name: ['lab'], driver: ['null'] }),
    list('{'),
    list('[]'),
    { name: 'by name', method: 'GET', path: '/networks/lab', pick: ['Name'] },
    { name: 'by id', method: 'GET', path: '/networks/{lab}', pick: ['Name'] },
    { name: 'no such network', method: 'GET', path: '/networks/nosuch' },
    { name: 'in the wrong scope', method: 'GET', path: '/networks/lab?scope=swarm' },
    { name: 'verbose', method: 'GET', path: '/networks/lab?verbose=true', pick: ['Name'] },
    { name: 'verbose that is no boolean', method: 'GET', path: '/networks/lab?verbose=xx' },
  ],
};

/** Prunes, narrow to wide. */
export const prunes: Scenario = {
  name: 'prunes',
  steps: [
    ...scene,
    prune({ until: ['nonsense'] }),
    prune({ until: ['1h', '2h'] }),
    prune({ nosuch: ['x'] }),
    prune({ until: ['1h'] }),
    prune({ label: ['team=b'] }),
    prune({ 'label!': ['team=a'] }),
    prune({}),
    prune({}),
    { name: 'who is left', method: 'GET', path: '/networks', pick: ['*.Name'] },
  ].map((step, index) =>
    index < scene.length ? step : { ...step, name: `${index} ${step.name}` },
  ) as Step[],
};

function past(action: string): Step {
  const filters = encodeURIComponent(JSON.stringify({ type: ['network'], event: [action] }));
  const path = `/events?since=1&until={soon}&filters=${filters}`;
  return { name: `${action} events`, method: 'GET', path, lines: true };
}

/** What a life of networks and members tells in events. */
export const events: Scenario = {
  name: 'events',
  steps: [
    sceneNetwork('lab', ipam('10.60.0.0/24')),
    ...sceneContainer('c1', 'lab'),
    sceneNetwork('second', ipam('10.61.0.0/24')),
    {
      name: 'connect',
      method: 'POST',
      path: '/networks/second/connect',
      body: { Container: 'c1' },
      scene: true,
    },
    {
      name: 'disconnect',
      method: 'POST',
      path: '/networks/second/disconnect',
      body: { Container: 'c1' },
      scene: true,
    },
    { name: 'delete', method: 'DELETE', path: '/networks/second', scene: true },
    { name: 'stop', method: 'POST', path: '/containers/c1/stop?t=0', scene: true },
    { name: 'prune', method: 'POST', path: '/networks/prune', scene: true },
    ...['create', 'connect', 'disconnect', 'destroy', 'prune'].map(past),
    { name: 'since after until', method: 'GET', path: '/events?since=20&until=10' },
    { name: 'since that is no time', method: 'GET', path: '/events?since=x&until=10' },
  ],
};

/** What does not depend on networks. */
export const conventions: Scenario = {
  name: 'conventions',
  steps: [
    { name: 'ping', method: 'GET', path: '/_ping' },
    { name: 'ping, head alone', method: 'HEAD', path: '/_ping' },
    { name: 'no such route', method: 'GET', path: '/nosuch' },
    { name: 'wrong method', method: 'DELETE', path: '/networks' },
    { name: 'version too new', method: 'GET', path: '/v9.99/networks' },
    { name: 'broken JSON', method: 'POST', path: '/networks/create', body: '{bad' },
    { name: 'no body', method: 'POST', path: '/networks/create', body: '' },
    {
      name: 'body that is no JSON',
      method: 'POST',
      path: '/networks/create',
      body: 'Name=x',
      headers: { 'Content-Type': 'text/plain' },
    },
    { name: 'name of a wrong type', method: 'POST', path: '/networks/create', body: { Name: 1 } },
    {
      name: 'unknown field',
      method: 'POST',
      path: '/networks/create',
      body: { Name: 'x', Nosuch: 1 },
      save: 'x',
    },
    { name: 'field in lower case', method: 'POST', path: '/networks/create', body: { name: 'y' }, save: 'y' },
    { name: 'who was made', method: 'GET', path: '/networks', pick: ['*.Name'] },
    { name: 'no such volume', method: 'GET', path: '/volumes/nosuch' },
    { name: 'no such plugin', method: 'GET', path: '/plugins/nosuch/json' },
    { name: 'no such image', method: 'GET', path: '/images/nosuch/json' },
    { name: 'volumes', method: 'GET', path: '/volumes' },
    { name: 'nodes', method: 'GET', path: '/nodes' },
  ],
};
