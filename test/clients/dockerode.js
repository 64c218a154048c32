/**
 * What a program written with dockerode does: networks, a container, events. Prints one JSON line for each step, so that
 * the test sees how far it came. DOCKER_HOST says where the daemon is.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import Docker from 'dockerode';

const docker = new Docker({ socketPath: process.env['DOCKER_HOST'].replace('unix://', '') });

/** The error that a refused call gives; fails when the call works. */
async function refusal(call) {
  const error = await call.then(
    () => assert.fail('was not refused'),
    (reason) => reason,
  );
  return { status: error.statusCode, message: error.json.message };
}

const steps = {
  async system() {
    assert.equal(String(await docker.ping()), 'OK');
    assert.equal((await docker.version()).Os, 'linux');
    assert.equal((await docker.info()).OSType, 'linux');
  },
  async networks() {
    const network = await docker.createNetwork({
      Name: 'rode',
      Driver: 'bridge',
      CheckDuplicate: true,
      IPAM: { Config: [{ Subnet: '10.120.0.0/24' }] },
      Labels: { by: 'dockerode' },
    });
    const shown = await network.inspect();
    assert.deepEqual(shown.IPAM.Config, [{ Subnet: '10.120.0.0/24', Gateway: '10.120.0.1' }]);
    const listed = await docker.listNetworks({ filters: { label: ['by=dockerode'] } });
    assert.deepEqual(
      listed.map(({ Name }) => Name),
      ['rode'],
    );
    assert.deepEqual(await refusal(docker.createNetwork({ Name: 'rode' })), {
      status: 409,
      message: 'network with name rode already exists',
    });
    assert.equal((await refusal(docker.getNetwork('nosuch').inspect())).status, 404);
  },
  async members() {
    const network = docker.getNetwork('rode');
    await network.connect({
      Container: 'red',
      EndpointConfig: { IPAMConfig: { IPv4Address: '10.120.0.50' } },
    });
    const [member] = Object.values((await network.inspect()).Containers);
    assert.equal(member.IPv4Address, '10.120.0.50/24');
    assert.equal((await refusal(network.connect({ Container: 'red' }))).status, 403);
    await network.disconnect({ Container: 'red', Force: false });
    assert.equal((await refusal(network.disconnect({ Container: 'red' }))).status, 500);
  },
  async containers() {
    const container = await docker.createContainer({
      name: 'rode1',
      Image: 'any',
      HostConfig: { NetworkMode: 'rode' },
      NetworkingConfig: { EndpointsConfig: { rode: { Aliases: ['r'] } } },
    });
    await container.start();
    const { State: state, NetworkSettings: settings } = await container.inspect();
    assert.equal(state.Running, true);
    assert.deepEqual(settings.Networks.rode.Aliases, ['r']);
    const names = (await docker.listContainers()).flatMap(({ Names }) => Names);
    assert.ok(names.includes('/rode1'));
    const stats = await container.stats({ stream: false });
    assert.ok('eth0' in stats.networks);
    const attached = await container.attach({ stream: true, stdout: true, stderr: true });
    const [chunk] = await once(attached, 'data');
    assert.match(chunk.toString(), /network namespace without a process/);
    const waiting = container.wait();
    await container.kill({ signal: 'SIGTERM' });
    assert.deepEqual(await waiting, { Error: null, StatusCode: 143 });
    await container.remove();
  },
  async events() {
    const stream = await docker.getEvents({ filters: { type: ['network'] } });
    await docker.getNetwork('rode').remove();
    const [line] = await once(stream, 'data');
    assert.equal(JSON.parse(line).Action, 'destroy');
    stream.destroy();
    await docker.createNetwork({ Name: 'idle' });
    assert.deepEqual((await docker.pruneNetworks()).NetworksDeleted, ['idle']);
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(name);
}
