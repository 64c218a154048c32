/**
 * vethd beside a real dockerd: the same requests, the answers compared field by field with the recorded ones. What
 * differs must be in test/golden/docker/differences.ts.
 */
import { expect, test } from 'vitest';
import { differences } from '../golden/docker/differences.ts';
import { Daemon } from '../helpers/daemon.ts';
import { compareAnswers, type FieldDifference, isIntended } from '../helpers/golden/compare.ts';
import { readRecording } from '../helpers/golden/recording.ts';
import { replay } from '../helpers/golden/replay.ts';
import { scenarios } from '../helpers/golden/scenarios.ts';

const all: FieldDifference[] = [];

function show({ at, field, docker, vethd }: FieldDifference): string {
  return `${at}: ${field}: docker ${JSON.stringify(docker)}, vethd ${JSON.stringify(vethd)}`;
}

test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (name, scenario) => {
  const daemon = new Daemon();
  try {
    await daemon.start();
    const { answers } = readRecording(name);
    const ours = await replay(daemon.socket, scenario);
    expect(
      ours.map(({ step, request }) => [step, request]),
      'the requests changed: run scripts/record-docker',
    ).toEqual(answers.map(({ step, request }) => [step, request]));
    const found = compareAnswers(name, answers, ours);
    all.push(...found);
    const unintended = found.filter((one) => !differences.some((intended) => isIntended(one, intended)));
    expect(unintended.map(show)).toEqual([]);
    await removeAll(daemon);
  } finally {
    await daemon.dispose();
  }
});

test('every intended difference is there', () => {
  const unused = differences.filter((intended) => !all.some((found) => isIntended(found, intended)));
  expect(unused.map(({ at, field, reason }) => `${at.source} ${field.source}: ${reason}`)).toEqual([]);
});

/** The next scenario's daemon shares this host: it must find no bridge and no namespace of this one. */
async function removeAll(daemon: Daemon): Promise<void> {
  for (const { Id } of await daemon.call('GET', '/containers/json?all=1')) {
    await daemon.call('DELETE', `/containers/${Id}?force=1`);
  }
  for (const { Name } of await daemon.call('GET', '/networks?filters={"type":["custom"]}')) {
    await daemon.call('DELETE', `/networks/${encodeURIComponent(Name)}`);
  }
}
