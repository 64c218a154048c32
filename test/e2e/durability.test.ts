/** An answer means that it is on the disk: seen from outside, by the system calls of the daemon. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { daemonForFile } from '../helpers/daemon-for-file.ts';
import { describeWith } from '../helpers/describe-with.ts';
import { addNetns, removeNetns } from '../helpers/host.ts';
import { until } from '../helpers/until.ts';

const CALLS = 'trace=fdatasync,fsync,write,writev,sendto,sendmsg';

async function trace(pid: number, file: string): Promise<ChildProcess> {
  const args = ['-f', '-y', '-s', '32', '-e', CALLS, '-o', file, '-p', String(pid)];
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  strace.stderr?.on('data', (chunk: Buffer) => {
    told += chunk.toString();
  });
  await until('strace is attached', () => told.includes('attached'));
  return strace;
}

/** What counts, in order: `disk` for a log that was synced, else the status of an answer. */
function orderOf(file: string): readonly string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      if (/\bf(?:data)?sync\(\d+<.*vethd\.db-wal>\) += 0/.test(line)) return ['disk'];
      if (/\bf(?:data)?sync resumed.*= 0/.test(line)) return ['disk'];
      const [, status] = /"HTTP\/1\.1 (\d{3})/.exec(line) ?? [];
      return status === undefined ? [] : [status];
    });
}

describeWith(['strace'], 'each write', () => {
  const daemon = daemonForFile();

  test('is synced to the disk between its request and its answer', async () => {
    await addNetns('one');
    const file = join(daemon.folder, 'calls');
    const strace = await trace(daemon.pid, file);
    const statuses: number[] = [];
    for (const [method, path, body] of [
      ['POST', '/networks/create', { Name: 'lab' }],
      ['POST', '/networks/lab/connect', { Container: 'one' }],
      ['POST', '/networks/lab/disconnect', { Container: 'one' }],
      ['DELETE', '/networks/lab', undefined],
    ] as const) {
      statuses.push((await daemon.request(method, path, body)).status);
    }
    strace.kill('SIGINT');
    await once(strace, 'exit');
    expect(statuses).toEqual([201, 200, 200, 204]);
    const order = orderOf(file);
    const answers = order.flatMap((what, index) => (what === 'disk' ? [] : [index]));
    expect(answers).toHaveLength(4);
    for (const [nth, index] of answers.entries()) {
      expect(order.slice(answers[nth - 1] ?? 0, index), `before answer ${nth}`).toContain('disk');
    }
    await removeNetns('one');
  });
});
