/** Opens the contenders that this machine has, and closes them whatever happens. */
import type { Contender, Entry } from '../contenders/contender.ts';
import { say } from './table.ts';

/** Runs `work` with the contenders that can run here; says loudly which cannot. */
export async function withContenders(
  entries: readonly Entry[],
  work: (contenders: readonly Contender[]) => Promise<void>,
): Promise<void> {
  const contenders: Contender[] = [];
  try {
    for (const { name, missing, open } of entries) {
      const reason = missing();
      if (reason === undefined) contenders.push(await open());
      else say(`SKIPPED ${name}: ${reason}`);
    }
    await work(contenders);
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

/** A whole number from the environment, so that a short look does not need other code. */
export function fromEnvironment(name: string, otherwise: number): number {
  const text = process.env[name];
  return text === undefined || !/^[1-9]\d*$/.test(text) ? otherwise : Number(text);
}
