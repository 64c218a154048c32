/** Opens the contenders that this machine has, and closes them whatever happens. */
import type { Contender, Entry } from '../contenders/contender.ts';
import { say } from './table.ts';

/** Starts every contender that can run here; says loudly which cannot. */
export async function openContenders(entries: readonly Entry[]): Promise<Contender[]> {
  const open: Contender[] = [];
  for (const { name, missing, open: start } of entries) {
    const reason = missing();
    if (reason === undefined) open.push(await start());
    else say(`SKIPPED ${name}: ${reason}`);
  }
  return open;
}

/** Runs `work` with the contenders that can run here. */
export async function withContenders(
  entries: readonly Entry[],
  work: (contenders: readonly Contender[]) => Promise<void>,
): Promise<void> {
  const contenders = await openContenders(entries);
  try {
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
