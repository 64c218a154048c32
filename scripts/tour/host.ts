/** The throwaway host under the tour: programs to their end, what `ip` shows, waiting for a condition. */
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

/** How a program ended, with stdout and stderr in one text. */
export interface Ended {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a program to its end, whatever its exit code. */
export async function attempt(words: readonly string[]): Promise<Ended> {
  const [file = '', ...args] = words;
  const ended = await execa(file, args, { reject: false, all: true, stdin: 'ignore', timeout: 20_000 });
  return { exitCode: ended.exitCode ?? 1, output: ended.all ?? '' };
}

/** Runs a program that must succeed, and gives what it wrote. Throws with its output otherwise. */
export async function run(words: readonly string[]): Promise<string> {
  const { exitCode, output } = await attempt(words);
  if (exitCode === 0) return output;
  throw new Error(`${words.join(' ')} ended with ${exitCode}:\n${output}`);
}

/** A link as `ip -json link` shows it. */
export interface IpLink {
  readonly ifname: string;
  readonly ifindex: number;
  /** The other end's ifindex, of a veth whose other end is in another namespace. */
  readonly link_index?: number;
  readonly master?: string;
  readonly operstate: string;
}

/** The words that run a command in a namespace; none for the host. */
export function inside(netns: string | undefined): string[] {
  return netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
}

/** The links of the host or of a namespace, by the kernel's word. */
export async function links(netns?: string): Promise<IpLink[]> {
  return JSON.parse(
    await run(netns === undefined ? ['ip', '-json', 'link'] : ['ip', '-json', '-n', netns, 'link']),
  );
}

/** The veth ends in the host. */
export async function hostVeths(): Promise<IpLink[]> {
  return (await links()).filter((link) => link.ifname.startsWith('veth') && link.link_index !== undefined);
}

/** Waits until `holds` gives true; throws naming `what` when it has not after 15 s. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited 15 s in vain until ${what}`);
    await sleep(10);
  }
}

/** The tour makes and removes things under fixed names, so it throws anywhere but in `scripts/throwaway`. */
export function requireThrowawayHost(): void {
  if (process.env['VETHD_THROWAWAY'] === '1') return;
  throw new Error(
    'the tour does not run on the machine itself: npm run quickstart gives it a throwaway host',
  );
}
