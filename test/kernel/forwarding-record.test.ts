/** What the host's switch for forwarding was: forgotten by the pass that put it back, and by no other. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromNetworkCreate } from '../../src/api/networks/wire.ts';
import { MAX_MINOR } from '../../src/api/version.ts';
import { connect } from '../../src/engine/connect.ts';
import { createNetwork } from '../../src/engine/create-network.ts';
import { EMPTY_ENDPOINT_SPEC } from '../../src/model/endpoint.ts';
import { forwardingSetting } from '../../src/reconcile/forwarding.ts';
import { EVERYTHING } from '../../src/reconcile/scope.ts';
import { addNetns, ip } from '../helpers/host.ts';
import { contextOver, reconcilerForFile } from '../helpers/reconciler-for-file.ts';

const SWITCH_FILE = '/proc/sys/net/ipv4/ip_forward';

const rooms = reconcilerForFile();

const standing = () => [
  readFileSync(SWITCH_FILE, 'utf8').trim(),
  rooms.store.getSetting(forwardingSetting('ipv4')),
];

test('the last member leaves while a pass runs that still knew it: the next pass puts the switch back', async () => {
  writeFileSync(SWITCH_FILE, '0');
  const context = contextOver(rooms);
  const body = { Name: 'lab', IPAM: { Config: [{ Subnet: '10.78.0.0/24' }] } };
  await createNetwork(context, fromNetworkCreate(body, MAX_MINOR), { dryRun: false });
  await addNetns('one');
  const { result } = await connect(context, 'lab', 'one', EMPTY_ENDPOINT_SPEC, { dryRun: false });
  expect(standing()).toEqual(['1', '0']);
  // The pass has something to do, and its member leaves while the kernel is at it.
  await ip(['neigh', 'del', '10.78.0.2', 'dev', `br-${result.networkId.slice(0, 12)}`]);
  let left = 0;
  rooms.reconciler.onApply(async () => {
    const [container] = rooms.store.listContainers();
    if (container === undefined) return;
    left += 1;
    await rooms.store.write((writer) => writer.removeContainer(container.id));
  });
  const overtaken = await rooms.reconciler.reconcile(EVERYTHING, 'asked');
  expect([left, overtaken.failures.size, ...standing()]).toEqual([1, 0, '1', '0']);
  await rooms.reconciler.reconcile(EVERYTHING, 'asked');
  expect(standing()).toEqual(['0', undefined]);
});
