/** Asks a server what a scenario asks, and gives its answers in a form that can be compared and kept. */
import { request } from '../http.ts';
import { normalise, pick } from './normalise.ts';
import { apiVersion, type Scenario, type Step } from './scenario.ts';

/** An answer without what is of its run. */
export interface RecordedAnswer {
  readonly step: string;
  readonly request: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

/** Runs all the steps, in order, on a fresh server; scene steps are not in the result. Throws when one of them fails. */
export async function replay(socket: string, scenario: Scenario): Promise<readonly RecordedAnswer[]> {
  const saved = new Map<string, string>();
  const answers: RecordedAnswer[] = [];
  for (const step of scenario.steps) {
    const answer = await ask(socket, step, saved);
    if (step.scene && answer.status >= 400) {
      throw new Error(`${scenario.name}: ${step.name}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    if (step.save !== undefined && typeof answer.body?.Id === 'string') saved.set(step.save, answer.body.Id);
    if (step.scene) continue;
    answers.push({
      step: step.name,
      request: `${step.method} ${step.path}`,
      status: answer.status,
      contentType: answer.headers['content-type'] ?? '',
      body: simplify(answer.body, step, saved),
    });
  }
  return answers;
}

function ask(socket: string, step: Step, saved: ReadonlyMap<string, string>) {
  const fill = (text: string) =>
    text
      .replace('{soon}', ((Date.now() + 200) / 1000).toFixed(3))
      .replace(/\{(\w+)\}/g, (whole, name: string) => saved.get(name) ?? whole);
  const path =
    step.path.startsWith('/v') && !step.path.startsWith('/vol') ? step.path : `/v${apiVersion}${step.path}`;
  return request(socket, step.method, fill(path), {
    ...(step.body === undefined ? {} : { body: fillBody(step.body, fill) }),
    ...(step.headers === undefined ? {} : { headers: step.headers }),
    ...(step.lines === undefined ? {} : { lines: step.lines }),
  });
}

/** A text is sent as it is, anything else as JSON. */
function fillBody(body: unknown, fill: (text: string) => string): string {
  return typeof body === 'string' ? body : fill(JSON.stringify(body));
}

function simplify(body: unknown, step: Step, saved: ReadonlyMap<string, string>): unknown {
  const normal = normalise(body, saved);
  return step.pick === undefined ? normal : pick(normal, step.pick);
}
