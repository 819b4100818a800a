import { describe, expect, it } from 'vitest';
import { rulesDocument } from '../../../src/app/rules-document.ts';
import { renderPlan } from '../../../src/cli/render/plan.ts';
import { createStyle } from '../../../src/cli/render/style.ts';
import type { RetrySpec } from '../../../src/domain/job-spec.ts';
import type { RetryRule } from '../../../src/domain/retry-rules.ts';
import { planned } from './documents.fixture.ts';

const again: RetryRule = { name: 'rule 1 (job.yaml:4)', when: {}, action: { do: 'retry', times: 2 } };
const spec = (rules: readonly RetryRule[]): RetrySpec => ({
  items: 1,
  attempts: 3,
  backoff: { baseMs: 1, maxMs: 2 },
  tolerate: {},
  rules,
});
const told = (rules: readonly RetryRule[]): string[] =>
  renderPlan(
    { ...planned, rules: rulesDocument(spec(rules)) },
    { style: createStyle(false), width: Infinity, flagged: String },
    false,
  )
    .split('\n')
    .flatMap((line) => /^(?:failures)? +((?:\d+\.|…) .*)$/.exec(line)?.[1] ?? []);

describe('the rules of a plan', () => {
  it('leave out built-in ones that earlier rules cover, and say which do', () => {
    const oom: RetryRule = { name: 'rule 1 (job.yaml:4)', when: { cause: ['oom'] }, action: { do: 'fail' } };
    expect(rulesDocument(spec([oom])).map(({ coveredBy }) => coveredBy)).toEqual([[], [oom.name], [], [], [], [], []]);
    const lines = told([oom]);
    expect(lines).toHaveLength(7);
    expect(lines.join('\n')).not.toContain('built-in rule for oom');
    expect(lines.at(-1)).toBe('… 1 built-in rule never gets a turn: it is covered by rule 1 (job.yaml:4)');
    expect(told([again])).toEqual([
      '1. everything → try again, 2 times at most · rule 1 (job.yaml:4)',
      '… 6 built-in rules never get a turn: they are covered by rule 1 (job.yaml:4)',
    ]);
  });

  it('are all there where each may decide', () => {
    // Once it is spent, the built-in rule for the same cause gets its turn.
    const action = { do: 'escalate', memory: { factor: 3 }, times: 1 } as const;
    const more: RetryRule = { name: 'rule 1 (job.yaml:4)', when: { cause: ['oom'] }, action };
    expect(told([more])).toHaveLength(7);
    expect(told([]).at(-1)).toContain('built-in rule for everything else');
  });
});
