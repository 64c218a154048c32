/** Filters of `GET /containers/json` and of prune. Values of one key are OR-ed, labels AND-ed, keys AND-ed. */

import type { ContainerView, Engine, Filters } from '../../engine/contract.ts';
import { hasLabel, matchNames } from '../../engine/filters.ts';
import { checkPruneFilters } from '../../engine/prune-filters.ts';
import { isRunning } from '../../engine/running.ts';
import { VethdError } from '../../errors.ts';
import { mappingsOf } from '../endpoints/ports.ts';
import { imageOf, statusOf } from './wire.ts';

/** The keys of a list. Those about what vethd has not (volume, health …) are known, and match nothing. */
export const LIST_FILTERS: ReadonlySet<string> = new Set([
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
]);

/** The keys of a prune. */
export const PRUNE_FILTERS: ReadonlySet<string> = new Set(['label', 'label!', 'until']);

const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];

type Test = (view: ContainerView) => boolean;

function badValue(key: string, value: string): VethdError {
  return new VethdError('invalidArgument', `invalid filter '${key}=[${value}]'`);
}

function byStatus(values: readonly string[]): Test {
  for (const value of values) if (!STATES.includes(value)) throw badValue('status', value);
  return ({ container }) => values.includes(statusOf(container));
}

function byExitCode(values: readonly string[]): Test {
  const codes = values.map((value) => {
    if (!/^-?\d+$/.test(value)) throw badValue('exited', value);
    return Number(value);
  });
  return ({ container }) => statusOf(container) === 'exited' && codes.includes(container.exitCode);
}

function byPattern(
  views: readonly ContainerView[],
  patterns: readonly string[],
  textsOf: (view: ContainerView) => string[],
): Test {
  const texts = views.flatMap((view) => textsOf(view).map((text) => ({ id: view.container.id, text })));
  const kept = new Set<string>();
  for (const pattern of patterns) {
    const matched = matchNames(
      pattern,
      texts.map(({ text }) => text),
    );
    for (const [index, { id }] of texts.entries()) if (matched[index] === true) kept.add(id);
  }
  return ({ container }) => kept.has(container.id);
}

function byNetwork(values: readonly string[]): Test {
  return ({ attachments }) =>
    attachments.some(({ network }) =>
      values.some((value) => network.name === value || (value !== '' && network.id.startsWith(value))),
    );
}

function byImage(values: readonly string[]): Test {
  return ({ container }) => {
    const image = imageOf(container);
    return values.some(
      (value) => value === image || value === `${image}:latest` || `${value}:latest` === image,
    );
  };
}

/** `80`, `80/udp` or `8000-8010`: whether a port is in it. */
function portTest(key: string, value: string): (port: number, protocol: string) => boolean {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(value);
  if (match === null) throw badValue(key, value);
  const [, first = '', last = first, wanted = 'tcp'] = match;
  return (port, protocol) => protocol === wanted && port >= Number(first) && port <= Number(last);
}

function byPort(key: 'publish' | 'expose', values: readonly string[]): Test {
  const tests = values.map((value) => portTest(key, value));
  return ({ attachments }) =>
    attachments
      .flatMap(({ endpoint }) => mappingsOf(endpoint))
      .some(({ containerPort, hostPort, protocol }) =>
        tests.some((test) => test(key === 'publish' ? hostPort : containerPort, protocol)),
      );
}

async function byAge(engine: Engine, key: 'since' | 'before', values: readonly string[]): Promise<Test> {
  const marks = await Promise.all(values.map((value) => engine.inspectContainer(value)));
  return ({ container }) =>
    marks.some((mark) =>
      key === 'since'
        ? container.created > mark.container.created
        : container.created < mark.container.created,
    );
}

async function testOf(
  engine: Engine,
  views: readonly ContainerView[],
  key: string,
  values: readonly string[],
): Promise<Test> {
  switch (key) {
    case 'id':
      return byPattern(views, values, ({ container }) => [container.id]);
    case 'name':
      return byPattern(views, values, ({ container }) => [container.name, `/${container.name}`]);
    case 'label':
      return ({ container }) => values.every((wanted) => hasLabel(container.labels, wanted));
    case 'status':
      return byStatus(values);
    case 'exited':
      return byExitCode(values);
    case 'network':
      return byNetwork(values);
    case 'ancestor':
      return byImage(values);
    case 'publish':
    case 'expose':
      return byPort(key, values);
    case 'since':
    case 'before':
      return byAge(engine, key, values);
    case 'is-task':
      return () => values.includes('false');
    default:
      return () => false;
  }
}

/** The containers that pass; invalidArgument for a bad value, notFound for an unknown `since` or `before`. */
export async function filterContainers(
  engine: Engine,
  views: readonly ContainerView[],
  filters: Filters,
): Promise<ContainerView[]> {
  const asked = [...filters].filter(([, values]) => values.length > 0);
  const tests = await Promise.all(asked.map(([key, values]) => testOf(engine, views, key, values)));
  return views.filter((view) => tests.every((test) => test(view)));
}

/** The stored containers that a prune may take: those that do not run. `nowMs` is since 1970. */
export function filterPrunable(
  views: readonly ContainerView[],
  filters: Filters,
  nowMs: number,
): ContainerView[] {
  const { labels, notLabels, untilMs } = checkPruneFilters(filters, BigInt(nowMs) * 1_000_000n);
  return views.filter(({ container, adopted }) => {
    if (!adopted || isRunning(container)) return false;
    // A namespace that somebody else made and that is away just now is expected back.
    if (container.source.kind === 'named') return false;
    if (!labels.every((wanted) => hasLabel(container.labels, wanted))) return false;
    if (notLabels.length > 0 && notLabels.every((wanted) => hasLabel(container.labels, wanted))) return false;
    return untilMs === undefined || Date.parse(container.created) <= untilMs;
  });
}
