import { describe, expect, test } from 'vitest';
import { parseAddress } from './address.ts';
import { OPTION, parseBridgeOptions, readEnableFamily } from './bridge-options.ts';

const PLAIN = { internal: false, configOnly: false, predefined: false };

test('a config-only network may keep for internal ones what itself could not be', () => {
  const options = { 'com.docker.network.bridge.gateway_mode_ipv4': 'isolated' };
  expect(parseBridgeOptions(options, { ...PLAIN, configOnly: true }).gatewayModeIpv4).toBe('isolated');
  expect(() => parseBridgeOptions(options, PLAIN)).toThrow('can only be used for an internal network');
});

test('defaults', () => {
  expect(parseBridgeOptions({ unknown: 'kept elsewhere' }, PLAIN)).toEqual({
    bridgeName: undefined,
    mtu: undefined,
    masquerade: true,
    icc: true,
    hostBindingIpv4: undefined,
    gatewayModeIpv4: 'nat',
    gatewayModeIpv6: 'nat',
    inhibitIpv4: false,
    trustedHostInterfaces: [],
    ifacePrefix: 'eth',
    hostIpv4: undefined,
    hostIpv6: undefined,
    advertiseCount: 3,
    advertiseIntervalMs: 1000,
    spoofcheck: true,
    permanentNeighbours: true,
    dns: true,
  });
  expect(parseBridgeOptions({}, { internal: false, configOnly: false, predefined: true }).dns).toBe(false);
});

test('everything given', () => {
  const options = {
    [OPTION.bridgeName]: 'lab0',
    [OPTION.mtu]: '1400',
    [OPTION.masquerade]: 'F',
    [OPTION.icc]: '0',
    [OPTION.hostBindingIpv4]: '127.0.0.1',
    [OPTION.gatewayModeIpv4]: 'isolated',
    [OPTION.gatewayModeIpv6]: 'routed',
    [OPTION.inhibitIpv4]: 'TRUE',
    [OPTION.trustedHostInterfaces]: 'eth0::wlan0:',
    [OPTION.ifacePrefix]: 'net',
    [OPTION.hostIpv4]: '192.0.2.1',
    [OPTION.hostIpv6]: '2001:db8::1',
    [OPTION.advertiseCount]: '0',
    [OPTION.advertiseIntervalMs]: '2000',
    [OPTION.spoofcheck]: 'false',
    [OPTION.permanentNeighbours]: 'f',
    [OPTION.dns]: 'true',
  };
  expect(parseBridgeOptions(options, { internal: true, configOnly: false, predefined: true })).toEqual({
    bridgeName: 'lab0',
    mtu: 1400,
    masquerade: false,
    icc: false,
    hostBindingIpv4: parseAddress('127.0.0.1'),
    gatewayModeIpv4: 'isolated',
    gatewayModeIpv6: 'routed',
    inhibitIpv4: true,
    trustedHostInterfaces: ['eth0', 'wlan0'],
    ifacePrefix: 'net',
    hostIpv4: parseAddress('192.0.2.1'),
    hostIpv6: parseAddress('2001:db8::1'),
    advertiseCount: 0,
    advertiseIntervalMs: 2000,
    spoofcheck: false,
    permanentNeighbours: false,
    dns: true,
  });
});

describe('refused', () => {
  const key = (name: string): string => `com.docker.network.${name}`;
  test.each([
    [
      'bridge.enable_icc',
      'maybe',
      'failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing "maybe": invalid syntax)',
    ],
    [
      'bridge.enable_ip_masquerade',
      'yes',
      'failed to parse com.docker.network.bridge.enable_ip_masquerade value: yes (strconv.ParseBool: parsing "yes": invalid syntax)',
    ],
    [
      'driver.mtu',
      'abc',
      'failed to parse com.docker.network.driver.mtu value: abc (strconv.Atoi: parsing "abc": invalid syntax)',
    ],
    [
      'driver.mtu',
      '99999999999999999999',
      'failed to parse com.docker.network.driver.mtu value: 99999999999999999999 (strconv.Atoi: parsing "99999999999999999999": value out of range)',
    ],
    ['driver.mtu', '-5', 'invalid MTU number: -5'],
    ['driver.mtu', '67', 'invalid MTU number: 67: want 68 to 65535'],
    ['driver.mtu', '70000', 'invalid MTU number: 70000: want 68 to 65535'],
    [
      'bridge.host_binding_ipv4',
      '1.2.3',
      'failed to parse com.docker.network.bridge.host_binding_ipv4 value: 1.2.3 (nil ip)',
    ],
    ['host_ipv4', '::1', 'failed to parse com.docker.network.host_ipv4 value: ::1 (nil ip)'],
    ['host_ipv6', '1.2.3.4', 'failed to parse com.docker.network.host_ipv6 value: 1.2.3.4 (nil ip)'],
    [
      'bridge.gateway_mode_ipv6',
      'bogus',
      'failed to parse com.docker.network.bridge.gateway_mode_ipv6 value: bogus (unknown gateway mode bogus)',
    ],
    [
      'bridge.gateway_mode_ipv4',
      'isolated',
      "gateway mode 'isolated' can only be used for an internal network",
    ],
    [
      'bridge.name',
      'a-name-of-16-chr',
      'invalid interface name "a-name-of-16-chr": want at most 15 of A-Z a-z 0-9 _ . -',
    ],
    ['bridge.name', 'lo', 'invalid interface name "lo": it is reserved'],
    [
      'advertise_addr_nmsgs',
      'x',
      'value for option com.docker.network.advertise_addr_nmsgs "x" must be an integer',
    ],
    ['advertise_addr_nmsgs', '4', 'com.docker.network.advertise_addr_nmsgs must be in the range 0 to 3'],
    ['advertise_addr_ms', '99', 'com.docker.network.advertise_addr_ms must be in the range 100 to 2000'],
  ])('%s=%s', (name, value, message) => {
    expect(() => parseBridgeOptions({ [key(name)]: value }, PLAIN)).toThrow(
      expect.objectContaining({ kind: 'invalidArgument', message }),
    );
  });

  test.each([
    ['container_iface_prefix', 'twelve-chars'],
    ['container_iface_prefix', 'a b'],
    ['bridge.trusted_host_interfaces', 'eth0:a b'],
    ['bridge.default_bridge', 'perhaps'],
  ])('%s=%s', (name, value) => {
    expect(() => parseBridgeOptions({ [key(name)]: value }, PLAIN)).toThrow(`failed to parse ${key(name)}`);
  });
});

test('readEnableFamily', () => {
  expect(readEnableFamily({}, 'ipv6')).toBeUndefined();
  expect(readEnableFamily({ [OPTION.enableIpv6]: 'T' }, 'ipv6')).toBe(true);
  expect(() => readEnableFamily({ [OPTION.enableIpv4]: 'no' }, 'ipv4')).toThrow(
    'driver-opt "com.docker.network.enable_ipv4" is not a valid bool',
  );
});
