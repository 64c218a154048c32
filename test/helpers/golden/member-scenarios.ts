/** Joining and leaving networks, what both sides show, and every refusal. */
import { ipam, type Scenario, type Step, sceneContainer, sceneNetwork } from './scenario.ts';

function connect(what: string, network: string, body: unknown): Step {
  return { name: what, method: 'POST', path: `/networks/${network}/connect`, body };
}

function disconnect(what: string, network: string, body: unknown): Step {
  return { name: what, method: 'POST', path: `/networks/${network}/disconnect`, body };
}

function showNetwork(what: string, network: string): Step {
  return { name: what, method: 'GET', path: `/networks/${network}`, pick: ['Name', 'Containers'] };
}

function showContainer(what: string, container: string): Step {
  const pick = ['Name', 'State.Status', 'State.Running', 'HostConfig.NetworkMode', 'NetworkSettings'];
  return { name: what, method: 'GET', path: `/containers/${container}/json`, pick };
}

const program = { Image: 'busybox', Cmd: ['/bin/sleep', '600'] };

const asked = (address: string) => ({ IPAMConfig: { IPv4Address: address } });

/** The life of members: joined at birth, joined later, with wishes, stopped, started, gone. */
export const members: Scenario = {
  name: 'members',
  steps: [
    sceneNetwork('home', ipam('10.80.0.0/24')),
    sceneNetwork('lab', ipam('10.81.0.0/24', { IPRange: '10.81.0.128/25', Gateway: '10.81.0.1' })),
    ...sceneContainer('c1', 'home'),
    ...sceneContainer('c2', 'home', { ...asked('10.80.0.77'), Aliases: ['web'] }),
    showContainer('a member with an address of our choice', 'c1'),
    showContainer('a member with wishes', 'c2'),
    showNetwork('a network with two members', 'home'),
    connect('connect', 'lab', { Container: 'c1' }),
    connect('connect by id, with an address outside the range', 'lab', {
      Container: '{c2}',
      EndpointConfig: {
        ...asked('10.81.0.9'),
        Aliases: ['db'],
        Links: null,
        DriverOpts: { 'example.org/a': 'b' },
      },
    }),
    showContainer('a member of two networks', 'c1'),
    showContainer('a member of two networks with wishes', 'c2'),
    showNetwork('the second network', 'lab'),
    disconnect('disconnect', 'home', { Container: 'c1' }),
    showContainer('after the disconnect', 'c1'),
    showNetwork('the network after the disconnect', 'home'),
    connect('connect again', 'home', { Container: 'c1' }),
    showNetwork('the network after the second connect', 'home'),
    { name: 'stop', method: 'POST', path: '/containers/c2/stop?t=0' },
    showContainer('a stopped member', 'c2'),
    showNetwork('the network of a stopped member', 'home'),
    { name: 'stop again', method: 'POST', path: '/containers/c2/stop?t=0' },
    { name: 'start', method: 'POST', path: '/containers/c2/start' },
    { name: 'start again', method: 'POST', path: '/containers/c2/start' },
    showContainer('a member that was started again', 'c2'),
    disconnect('disconnect by force', 'lab', { Container: 'c2', Force: true }),
    { name: 'remove', method: 'DELETE', path: '/containers/c2?force=1' },
    showNetwork('the network after the removal', 'home'),
  ],
};

/** Refusals of connect, disconnect and delete. */
export const memberErrors: Scenario = {
  name: 'member-errors',
  steps: [
    sceneNetwork('home', ipam('10.80.0.0/24')),
    sceneNetwork('lab', ipam('10.81.0.0/29')),
    sceneNetwork('auto'),
    ...sceneContainer('c1', 'home'),
    ...sceneContainer('c2', 'lab', asked('10.81.0.3')),
    ...sceneContainer('alone', 'none'),
    connect('no such container', 'lab', { Container: 'nosuch' }),
    connect('no such network', 'nosuch', { Container: 'c1' }),
    connect('neither', 'nosuch', { Container: 'nosuch' }),
    connect('no container', 'lab', {}),
    connect('connected already', 'home', { Container: 'c1' }),
    connect('to host', 'host', { Container: 'c1' }),
    connect('to none', 'none', { Container: 'c1' }),
    connect('address outside', 'lab', { Container: 'c1', EndpointConfig: asked('10.99.0.1') }),
    connect('address in use', 'lab', { Container: 'c1', EndpointConfig: asked('10.81.0.3') }),
    connect('address of the gateway', 'lab', { Container: 'c1', EndpointConfig: asked('10.81.0.1') }),
    connect('address of the network', 'lab', { Container: 'c1', EndpointConfig: asked('10.81.0.0') }),
    connect('broadcast address', 'lab', { Container: 'c1', EndpointConfig: asked('10.81.0.7') }),
    connect('address that is a word', 'lab', { Container: 'c1', EndpointConfig: asked('first') }),
    connect('IPv6 address that is a word', 'lab', {
      Container: 'c1',
      EndpointConfig: { IPAMConfig: { IPv6Address: 'first' } },
    }),
    connect('address on the bridge network', 'bridge', {
      Container: 'c1',
      EndpointConfig: asked('172.17.0.9'),
    }),
    connect('alias on the bridge network', 'bridge', { Container: 'c1', EndpointConfig: { Aliases: ['a'] } }),
    showContainer('nothing is left of them', 'c1'),
    disconnect('disconnect: no such container', 'lab', { Container: 'nosuch' }),
    disconnect('disconnect: no such network', 'nosuch', { Container: 'c1' }),
    disconnect('disconnect: no member', 'lab', { Container: 'c1' }),
    disconnect('disconnect: by force, no such container', 'lab', { Container: 'nosuch', Force: true }),
    { name: 'delete: active endpoints', method: 'DELETE', path: '/networks/home' },
    { name: 'delete: no such network', method: 'DELETE', path: '/networks/nosuch' },
    ...['bridge', 'host', 'none'].map(
      (name): Step => ({ name: `delete: predefined ${name}`, method: 'DELETE', path: `/networks/${name}` }),
    ),
    { name: 'remove: running', method: 'DELETE', path: '/containers/c1' },
    { name: 'remove: no such container', method: 'DELETE', path: '/containers/nosuch' },
    { name: 'inspect: no such container', method: 'GET', path: '/containers/nosuch/json' },
    { name: 'name taken', method: 'POST', path: '/containers/create?name=c1', body: program },
    {
      name: 'name that is none',
      method: 'POST',
      path: '/containers/create?name=a/b',
      body: program,
    },
    { name: 'delete', method: 'DELETE', path: '/networks/auto' },
    { name: 'delete again', method: 'DELETE', path: '/networks/auto' },
  ],
};
