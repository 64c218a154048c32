/**
 * The program of the contender `stack`: what the parts cost by themselves that vethd is made of. A request by Fastify
 * and a schema, a transaction of SQLite that is on the disk before the answer, and the floor's Operations; no desired
 * state, no look at the kernel, no plan. Arguments: the socket's path, a folder for the database.
 */
import { fdatasync, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import fastify from 'fastify';
import type { BenchNetwork, Member } from './contender.ts';
import { openFloor } from './floor.ts';

/** About what a connect of vethd reads and writes. */
const READS = 10;
const WRITES = 5;

interface Body {
  readonly network: BenchNetwork;
  readonly member: Member;
}

const strings = (...names: string[]) => ({
  type: 'object',
  required: names,
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
});
const schema = {
  body: {
    type: 'object',
    required: ['network'],
    properties: {
      network: strings('name', 'bridge', 'subnet', 'gateway'),
      member: strings('target', 'veth', 'address'),
    },
  },
};

const [socketPath = '', folder = ''] = process.argv.slice(2);
const path = join(folder, 'stack.db');
const database = new Database(path);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = NORMAL');
database.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL)');
const begin = database.prepare('BEGIN IMMEDIATE');
const commit = database.prepare('COMMIT');
const read = database.prepare('SELECT * FROM rows WHERE id = ?');
const write = database.prepare('INSERT INTO rows (key, value) VALUES (?, ?)');
const log = openSync(`${path}-wal`, 'r+');
const sync = promisify(fdatasync);

/** Resolves when it is on the disk. */
function change(body: Body): Promise<void> {
  const text = JSON.stringify(body);
  begin.run();
  for (let row = 1; row <= READS; row++) read.get(row);
  for (let row = 1; row <= WRITES; row++) write.run(body.network.name, text);
  commit.run();
  return sync(log);
}

const floor = await openFloor('bench-stack');
const works: Readonly<Record<string, (body: Body) => Promise<void>>> = {
  '/create': ({ network }) => floor.createNetwork(network),
  '/connect': ({ network, member }) => floor.connect(network, member),
  '/disconnect': ({ network, member }) => floor.disconnect(network, member),
  '/remove': ({ network }) => floor.removeNetwork(network),
};
const app = fastify();
for (const [url, work] of Object.entries(works)) {
  app.post<{ Body: Body }>(url, { schema }, async ({ body }) => {
    await Promise.all([change(body), work(body)]);
    return {};
  });
}
app.get('/settle', async () => {
  await floor.settle();
  return {};
});
await app.listen({ path: socketPath });
process.stdout.write('ready\n');
