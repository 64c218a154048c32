import { expect, test } from 'vitest';
import { driverNetworkOf } from './desired.ts';
import { networkOf } from './worlds.fixture.ts';

test('a network whose stored options cannot be read is named', () => {
  const { network } = networkOf('a', 'lab');
  const mtu = 'com.docker.network.driver.mtu';
  expect(driverNetworkOf({ ...network, options: { [mtu]: '1400' } }).options.mtu).toBe(1400);
  expect(() => driverNetworkOf({ ...network, options: { [mtu]: 'x' } })).toThrow(
    expect.objectContaining({
      kind: 'internal',
      message: expect.stringContaining('network lab (aaaaaaaaaaaa) cannot be read: failed to parse'),
    }),
  );
});
