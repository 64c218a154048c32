import { expect, test } from 'vitest';
import { RepairBudget } from './budget.ts';

/** Repairs as often as the budget allows, from `start` for `durationMs`, every `stepMs`; gives the times. */
function fight(budget: RepairBudget, start: number, durationMs: number, stepMs = 100): number[] {
  const repaired: number[] = [];
  for (let now = start; now < start + durationMs; now += stepMs) {
    if (budget.waitMs('x', now) > 0) continue;
    budget.spend('x', now);
    repaired.push(now - start);
  }
  return repaired;
}

test('ten repairs at once, then waits of 1, 2, 4 … 60 s', () => {
  const repaired = fight(new RepairBudget(), 1_000_000, 300_000);
  expect(repaired.slice(0, 10)).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
  const gaps = repaired.slice(10).map((time, index) => time - (repaired[index + 9] ?? 0));
  expect(gaps).toEqual([1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]);
});

test('tells once when the budget is spent', () => {
  const budget = new RepairBudget();
  const told = Array.from({ length: 10 }, (_, index) => budget.spend('x', index));
  expect(told).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1000]);
  expect(budget.spend('x', 1010)).toBe(0);
});

test('nine repairs a minute go on for ever', () => {
  const budget = new RepairBudget();
  for (let now = 0; now < 3_600_000; now += 6_700) {
    expect(budget.waitMs('x', now)).toBe(0);
    budget.spend('x', now);
  }
});

test('objects have accounts of their own', () => {
  const budget = new RepairBudget();
  fight(budget, 0, 1_000);
  expect(budget.waitMs('x', 1_000)).toBeGreaterThan(0);
  expect(budget.waitMs('y', 1_000)).toBe(0);
});

test('a quiet minute gives the whole budget back', () => {
  const budget = new RepairBudget();
  fight(budget, 0, 20_000);
  expect(fight(budget, 200_000, 1_000)).toHaveLength(10);
});
