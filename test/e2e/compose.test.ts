/** Compose 1.29, as Debian packages it (docker-compose), against vethd: a project whose services name any image. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../helpers/commands.ts';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { addressesOf, inNetns, listNetns, ping } from '../helpers/host.ts';

const PROJECT = `
version: "3.5"
services:
  web:
    image: nginx
    hostname: front-desk
    networks:
      front: { ipv4_address: 10.124.0.10, aliases: [www] }
      back: {}
    ports: ["127.0.0.1:18124:80"]
    depends_on: [db]
  db:
    image: team/postgres:14
    networks: [back]
networks:
  front:
    ipam: { config: [{ subnet: 10.124.0.0/24 }] }
    driver_opts: { com.docker.network.driver.mtu: 1400 }
  back: {}
`;

describeWith(['docker-compose', 'docker'], 'docker-compose', () => {
  const daemon = daemonForFile();
  const folder = mkdtempSync(join(tmpdir(), 'vethd-compose-'));
  beforeAll(() => writeFileSync(join(folder, 'docker-compose.yml'), PROJECT));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function compose(...args: readonly string[]): Promise<string> {
    const project = ['--file', join(folder, 'docker-compose.yml'), '--project-name', 'shop'];
    return run('docker-compose', [...project, ...args], { env: daemon.dockerEnv });
  }

  async function idOf(name: string): Promise<string> {
    return daemon.docker('inspect', '--format', '{{.Id}}', name);
  }

  async function expectServed(): Promise<void> {
    const addresses = (await addressesOf('shop_web_1')).map(({ local }) => local);
    expect(addresses).toContain('10.124.0.10');
    expect(await ping('shop_web_1', '10.124.0.1')).toBe(true);
    expect(await inNetns('shop_web_1', 'getent', 'hosts', 'db')).toMatch(/\sdb$/);
    expect(await inNetns('shop_web_1', 'getent', 'hosts', 'www')).toMatch(/^10\.124\.0\.10\s/);
    expect(await compose('port', 'web', '80')).toBe('127.0.0.1:18124');
  }

  test('up makes the networks and the services with addresses, aliases and ports', async () => {
    await compose('up', '-d');
    expect([...listNetns()].sort()).toEqual(['shop_db_1', 'shop_web_1']);
    await expectServed();
    expect(await daemon.docker('network', 'inspect', '--format', '{{.Options}}', 'shop_front')).toContain(
      '1400',
    );
  });

  test('up again changes nothing', async () => {
    const before = [await idOf('shop_web_1'), await idOf('shop_db_1')];
    await compose('up', '-d');
    expect([await idOf('shop_web_1'), await idOf('shop_db_1')]).toEqual(before);
  });

  test('recreated services have the same names, addresses and ports', async () => {
    const before = await idOf('shop_web_1');
    await compose('up', '-d', '--force-recreate');
    expect(await idOf('shop_web_1')).not.toBe(before);
    expect([...listNetns()].sort()).toEqual(['shop_db_1', 'shop_web_1']);
    await expectServed();
  });

  test('stop, start, scale and ps', async () => {
    await compose('stop');
    expect(listNetns()).toEqual([]);
    await compose('start');
    await compose('up', '-d', '--scale', 'db=2');
    expect([...listNetns()].sort()).toEqual(['shop_db_1', 'shop_db_2', 'shop_web_1']);
    await expectServed();
    expect(await compose('ps', '--services', '--filter', 'status=running')).toBe('db\nweb');
    expect(await compose('images')).toContain('team/postgres');
  });

  test('down leaves nothing', async () => {
    await compose('down');
    expect(listNetns()).toEqual([]);
    expect(await daemon.docker('network', 'ls', '--filter', 'type=custom', '-q')).toBe('');
    expect(await daemon.docker('ps', '-aq')).toBe('');
  });
});
