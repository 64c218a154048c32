/** How the tour speaks: numbered steps, what is asked, the same by hand, what the kernel shows, what was checked. */
import { VETHCTL } from './daemon.ts';
import { run } from './host.ts';

const COLOUR = { bold: 1, dim: 2, red: 31, green: 32, cyan: 36 } as const;

/** Text in a colour, on a terminal only. */
function paint(text: string, colour: keyof typeof COLOUR): string {
  return process.stdout.isTTY ? `\x1b[${COLOUR[colour]}m${text}\x1b[0m` : text;
}

function print(line: string): void {
  process.stdout.write(`${line.trimEnd()}\n`);
}

function printBlock(text: string, indent: string, colour?: keyof typeof COLOUR): void {
  for (const line of text.trimEnd().split('\n')) {
    print(colour === undefined ? indent + line : indent + paint(line, colour));
  }
}

let steps = 0;

/** Begins a step: its title, and one or two sentences. */
export function step(title: string, ...sentences: readonly string[]): void {
  steps += 1;
  print('');
  print(paint(`${steps}. ${title}`, 'bold'));
  for (const sentence of sentences) print(`   ${sentence}`);
}

/** A remark in the middle of a step. */
export function say(sentence: string): void {
  print('');
  print(`   ${sentence}`);
}

/** Runs a program and shows what it printed, as on a terminal. Gives the output. */
export async function show(...words: readonly string[]): Promise<string> {
  const output = await run(words);
  shown(words, output);
  return output;
}

/** Shows a command and its output, which the tour already has. */
export function shown(words: readonly string[], output: string): void {
  print('');
  print(`   ${paint(`$ ${words.map(asTyped).join(' ')}`, 'cyan')}`);
  if (output.trim() !== '') printBlock(output, '   ');
}

/** The name under which a person has our programs. */
function asTyped(word: string): string {
  return word === VETHCTL ? 'vethctl' : word;
}

/**
 * Asks vethctl for a change. First it shows the commands that would do the same by hand, in the daemon's own
 * words (`--dry-run`), then makes the change. Gives the output of vethctl.
 */
export async function change(...words: readonly string[]): Promise<string> {
  const commands = await run([VETHCTL, ...words, '--dry-run']);
  const output = await run([VETHCTL, ...words]);
  print('');
  print(`   ${paint(`$ ${['vethctl', ...words].join(' ')}`, 'cyan')}`);
  if (commands.trim() !== '') {
    print('   by hand:');
    printBlock(withoutRulesets(commands), '     ', 'dim');
  }
  return output;
}

/** A whole ruleset is two hundred lines, and no part of this story: its first line has to do. */
function withoutRulesets(commands: string): string {
  return commands.replace(/^(nft -f -) <<'END'\n.*?^END$/gms, '$1   # the whole ruleset anew');
}

/** What must hold. Prints it when it does, and throws with `seen` when it does not. */
export function check(claim: string, holds: boolean, seen: unknown): void {
  if (!holds) throw new Error(`not true: ${claim}\nseen: ${JSON.stringify(seen, null, 2)}`);
  print(`   ${paint('ok', 'green')} ${claim}`);
}

/** The last words. */
export function end(seconds: number): void {
  print('');
  print(paint(`All ${steps} steps held, in ${seconds.toFixed(1)} s. Nothing is left of them.`, 'green'));
}

/** The last words when a step failed. */
export function failed(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  print('');
  printBlock(`FAILED ${steps === 0 ? 'before the first step' : `in step ${steps}`}: ${text}`, '', 'red');
}
