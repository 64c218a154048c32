/** The files of test/golden/docker: one a scenario. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RecordedAnswer } from './replay.ts';

const folder = resolve(import.meta.dirname, '../../golden/docker');

/** A scenario's answers and who gave them. */
export interface Recording {
  readonly recordedFrom: string;
  readonly answers: readonly RecordedAnswer[];
}

/** Reads a scenario's recording. */
export function readRecording(scenario: string): Recording {
  return JSON.parse(readFileSync(`${folder}/${scenario}.json`, 'utf8'));
}

/** Writes a scenario's recording. */
export function writeRecording(scenario: string, recording: Recording): void {
  writeFileSync(`${folder}/${scenario}.json`, `${JSON.stringify(recording, null, 2)}\n`);
}
