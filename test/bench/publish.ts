/**
 * The cost of one more published port when there are none, 999 and 9,999 already, on the ways into the kernel: the
 * daemon's own (diff and one nfnetlink batch), a line to a running `nft -i`, an nft process, and the whole
 * ruleset; and of 10,000 ports as one range. BENCH_ROUNDS gives another number of rounds.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { execa } from 'execa';
import { endpointWith, networkWith, portWith } from '../../src/firewall/ruleset.fixture.ts';
import {
  diffRulesets,
  patchRuleset,
  type Ruleset,
  renderRuleset,
  rulesetText,
} from '../../src/firewall/ruleset.ts';
import { NetfilterSocket } from '../../src/kernel/netfilter-socket.ts';
import { applyElementChanges, runNft } from '../../src/kernel/nft.ts';
import type { PublishedPort } from '../../src/model/endpoint.ts';
import { type ElementChange, formatElementChanges } from '../../src/model/nft-sets.ts';
import { formatSamples, type Samples, timed } from './harness/numbers.ts';
import { fromEnvironment } from './harness/run.ts';
import { printTable, say } from './harness/table.ts';

const ROUNDS = fromEnvironment('BENCH_ROUNDS', 30);
const WARM_UP = 5;
const PRESENT = [0, 999, 9_999] as const;
/** An endpoint holds at most this many in the daemon, too. */
const PORTS_EACH = 128;

const network = networkWith();

/** A running `nft -i`: one line in, its answer awaited by the output of an `echo` command behind it. */
class InteractiveNft {
  readonly #child: ChildProcessByStdio<Writable, Readable, null> = spawn('nft', ['-i'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });

  /** nft -i answers nothing to a change; a listing of an empty set behind it shows that it was carried out. */
  run(line: string): Promise<void> {
    return new Promise((resolve) => {
      let heard = '';
      const listen = (data: Buffer): void => {
        heard += data.toString();
        if (!/set trusted \{[^}]*\}\s*\}/.test(heard)) return;
        this.#child.stdout.off('data', listen);
        resolve();
      };
      this.#child.stdout.on('data', listen);
      this.#child.stdin.write(`${line}\nlist set inet vethd trusted\n`);
    });
  }

  close(): void {
    this.#child.stdin.end('quit\n');
  }
}

function rulesetWith(count: number): Ruleset {
  const endpoints = Array.from({ length: Math.ceil(count / PORTS_EACH) }, (_, place) => {
    const ports = Array.from({ length: Math.min(PORTS_EACH, count - place * PORTS_EACH) }, (_, index) => {
      const hostPort = 10_000 + place * PORTS_EACH + index;
      return portWith({ hostPort, hostPortEnd: hostPort });
    });
    return endpointWith({ id: `e${place}`, veth: `veth${place}`, ports });
  });
  return renderRuleset({ networks: [network], endpoints, guardedForwarding: [] });
}

function withPorts(before: Ruleset, ...ports: PublishedPort[]): Ruleset {
  const endpoint = endpointWith({ id: 'new', veth: 'vethnew', ports });
  return patchRuleset(before, {
    networks: [],
    endpoints: [{ network, endpoint }],
    gone: [],
    guardedForwarding: [],
  });
}

function changesBetween(before: Ruleset, after: Ruleset): readonly ElementChange[] {
  const diff = diffRulesets(before, after);
  if (diff.kind !== 'elements') throw new Error(`a difference of kind ${diff.kind}`);
  return diff.changes;
}

const socket = new NetfilterSocket();

async function batch(before: Ruleset, ports: readonly PublishedPort[]): Promise<void> {
  const changes = changesBetween(before, withPorts(before, ...ports));
  const result = applyElementChanges(socket, changes);
  if (!result.ok) throw new Error(result.reason);
}

function linesFor(before: Ruleset, ports: readonly PublishedPort[]): string[] {
  return formatElementChanges(changesBetween(before, withPorts(before, ...ports)));
}

async function load(text: string): Promise<void> {
  const result = await runNft(text, () => undefined);
  if (!result.ok) throw new Error(result.reason);
}

/** Times `publish`, and takes the ports away again after each time. */
async function measure(
  before: Ruleset,
  ports: readonly PublishedPort[],
  publish: () => Promise<void>,
): Promise<Samples> {
  const samples: Samples = [];
  const joined = withPorts(before);
  const back = changesBetween(withPorts(before, ...ports), joined);
  for (let turn = 1 - WARM_UP; turn <= ROUNDS; turn++) {
    await load(rulesetText(joined));
    const [, ms] = await timed(publish);
    if (turn > 0) samples.push(ms);
  }
  applyElementChanges(socket, back);
  return samples;
}

/** One column: how long each way took for these ports on top of `count` others. */
async function column(count: number, ports: readonly PublishedPort[]): Promise<readonly string[]> {
  const before = withPorts(rulesetWith(count));
  const interactive = new InteractiveNft();
  const lines = linesFor(before, ports);
  const full = rulesetText(withPorts(before, ...ports));
  const all = [
    await measure(before, ports, () => batch(before, ports)),
    await measure(before, ports, () => interactive.run(lines.join('; '))),
    await measure(before, ports, async () => {
      await execa('nft', ['-f', '-'], { input: `${lines.join('\n')}\n` });
    }),
    await measure(before, ports, () => load(full)),
  ];
  interactive.close();
  say(`${count} ports present`);
  return all.map((samples) => formatSamples(samples));
}

const columns: (readonly string[])[] = [];
for (const count of PRESENT) columns.push(await column(count, [portWith({ hostPort: 80, hostPortEnd: 80 })]));
const range = { containerPort: 40_000, containerPortEnd: 49_999 };
columns.push(await column(0, [portWith({ ...range, hostPort: 40_000, hostPortEnd: 49_999 })]));
columns.push(await column(0, [portWith({ ...range, hostPort: 50_000, hostPortEnd: 59_999 })]));

const ways = ['diff + nfnetlink batch', 'nft -i, a line', 'nft -f, the elements', 'nft -f, everything'];
printTable(
  `One more published port, IPv4 and IPv6: ms, median (p95) of ${ROUNDS}`,
  ['way', '1st', '1,000th', '10,000th', '10,000 in a range', '10,000 in a shifted range'],
  ways.map((way, row) => [way, ...columns.map((cells) => cells[row] ?? '-')]),
);
socket.close();
