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
  const daemon = new Daemon({ ownHost: true });
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
  } finally {
    await daemon.dispose();
  }
});

test('every intended difference is there', () => {
  const unused = differences.filter((intended) => !all.some((found) => isIntended(found, intended)));
  expect(unused.map(({ at, field, reason }) => `${at.source} ${field.source}: ${reason}`)).toEqual([]);
});
