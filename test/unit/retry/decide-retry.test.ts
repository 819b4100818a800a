import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveRules } from '../../../src/domain/builtin-rules.ts';
import { CAUSE_NAMES, CAUSES, type Cause } from '../../../src/domain/causes.ts';
import { countIn, parseRanges } from '../../../src/domain/item-ranges.ts';
import type { RetryDecision, RetryQuestion } from '../../../src/domain/retry-decision.ts';
import type { RetryRule } from '../../../src/domain/retry-rules.ts';
import { matchRule } from '../../../src/domain/match-rule.ts';
import { MAX_ATTEMPTS_IN_ALL, MAX_IDLE_ATTEMPTS } from '../../../src/domain/task-item.ts';
import { backoffMs } from '../../../src/retry/backoff.ts';
import { decideRetry } from '../../../src/retry/decide-retry.ts';
import { tryPolicyOf } from '../../../src/worker/judge-try.ts';

const GIB = 2 ** 30;
const HOUR = 3_600_000;
type Task = RetryQuestion['task'];

const question = (
  cause: Cause,
  task: Partial<Task> = {},
  over: Partial<Omit<RetryQuestion, 'task'>> = {},
): RetryQuestion => ({
  task: { items: 100, attempts: 1, charged: 1, ...task },
  failure: { cause, message: 'it broke' },
  died: false,
  isCanary: false,
  rules: effectiveRules({}),
  policy: { attempts: 3, backoff: { baseMs: 1_000, maxMs: 60_000 } },
  resources: { memoryBytes: 2 * GIB, timeMs: HOUR },
  most: { memoryBytes: null, timeMs: null },
  random: 0.5,
  ...over,
});
const decide = (...args: Parameters<typeof question>): RetryDecision => decideRetry(question(...args));
const spent = { attempts: 3, charged: 3 };

describe('who pays', () => {
  it.each(CAUSE_NAMES)('for %s', (cause) => {
    const first = decide(cause);
    const last = decide(cause, { ...(cause === 'rate-limited' ? { attempts: 6, charged: 6 } : spent), escalations: 2 });
    switch (CAUSES[cause].payer) {
      case 'none':
        expect(first).toMatchObject({ decision: 'give-up', rule: expect.stringContaining('cannot get better') });
        break;
      case 'user':
        expect(first.decision).not.toBe('give-up');
        expect(first.charged).toBe(true);
        expect(last).toMatchObject({ decision: 'give-up', why: expect.stringMatching(/all [36] attempts are spent/) });
        break;
      case 'infra':
        expect(first).toMatchObject({ charged: false, rule: 'built-in rule for infrastructure' });
        expect(last).toMatchObject({ charged: false });
        expect(last.decision).not.toBe('give-up');
        break;
    }
  });

  it('is nobody for an attempt that brought items home', () => {
    const saved = { ...spent, checkpoint: { attempt: 'a_0.0' as never, seq: 1, items: 7 }, checkpointSeen: 6 };
    expect(decide('handler-error', saved)).toMatchObject({ decision: 'retry', charged: false, plan: {} });
    expect(decide('handler-error', { ...saved, checkpointSeen: 7 }).decision).toBe('give-up');
  });

  it('is nobody for one that tried whether a common trouble is over', () => {
    expect(decide('handler-error', spent, { isCanary: true })).toMatchObject({
      decision: 'retry',
      charged: false,
      plan: { idleAttempts: 1 },
      why: 'retried (it was tried for many others, so it costs no attempt)',
    });
  });
});

describe('bounds', () => {
  it('end a task that the infrastructure kills for ever, and tell when it comes no further', () => {
    expect(decide('preempted', { attempts: 50, charged: 0, idleAttempts: MAX_IDLE_ATTEMPTS - 1 })).toMatchObject({
      decision: 'give-up',
      why: 'given up: 20 attempts in a row came no further, the most for any task',
    });
    expect(decide('preempted', { attempts: 50, charged: 0, idleAttempts: MAX_IDLE_ATTEMPTS - 2 }).decision).toBe(
      'retry',
    );
  });

  it('end a task that comes a little further each time, in every generation anew', () => {
    const far = { attempts: MAX_ATTEMPTS_IN_ALL, charged: 0 };
    expect(decide('preempted', far)).toMatchObject({
      decision: 'give-up',
      why: expect.stringContaining('100 attempts'),
    });
    expect(decide('preempted', { ...far, attemptsBefore: 40 }).decision).toBe('retry');
  });
});

describe('rules', () => {
  const rule = (then: RetryRule['action'], when: RetryRule['when'] = {}): RetryRule => ({
    name: 'rule 1 (job.yaml:9)',
    when,
    action: then,
  });
  const ruled = (action: RetryRule['action'], task: Partial<Task> = {}, cause: Cause = 'handler-error') =>
    decide(cause, task, { rules: [rule(action), ...effectiveRules({})] });

  it('of the user come first and are named', () => {
    expect(ruled({ do: 'fail' })).toMatchObject({ decision: 'give-up', rule: 'rule 1 (job.yaml:9)', delayMs: 0 });
  });

  it('may grant more or fewer attempts, and their own pauses', () => {
    const patient = { do: 'retry', times: 5, backoff: { baseMs: 60_000, maxMs: 600_000 } } as const;
    expect(ruled(patient, { attempts: 5, charged: 5, idleAttempts: 4 })).toMatchObject({
      decision: 'retry',
      delayMs: 300_000,
      why: 'retried (5 of 6 attempts used)',
    });
    expect(ruled(patient, { attempts: 6, charged: 6 }).decision).toBe('give-up');
    expect(ruled({ do: 'retry', times: 0 })).toMatchObject({ why: 'given up: the only attempt is spent' });
    expect(ruled({ do: 'retry', times: 1 }, { idleAttempts: 1 }, 'preempted').decision).toBe('give-up');
  });

  it('hear exit codes and messages', () => {
    const picky = rule({ do: 'fail' }, { exit: [75] });
    const rules = [picky, ...effectiveRules({})];
    expect(decide('worker-error', {}, { rules, failure: { cause: 'worker-error', exitCode: 75 } }).rule).toBe(
      picky.name,
    );
    expect(decide('worker-error', {}, { rules, failure: { cause: 'worker-error', exitCode: 1 } }).decision).toBe(
      'retry',
    );
  });
});

describe('escalation', () => {
  it('asks for more memory, twice, and then treats the failure as any other', () => {
    const first = decide('oom');
    expect(first).toMatchObject({
      decision: 'escalate',
      rule: 'built-in rule for oom',
      plan: { needs: { memoryBytes: 3 * GIB }, escalations: 1, suspects: '0-99', idleAttempts: 1 },
      why: 'retried with 3.0 GiB of memory (1 of 3 attempts used)',
    });
    const second = decide('oom', { attempts: 2, charged: 2, ...first.plan });
    expect(second).toMatchObject({ decision: 'escalate', plan: { needs: { memoryBytes: 4.5 * GIB }, escalations: 2 } });
    expect(decide('oom', { attempts: 3, charged: 2, ...second.plan })).toMatchObject({
      decision: 'isolate',
      rule: 'built-in rule for everything else',
      plan: { needs: { memoryBytes: 4.5 * GIB }, escalations: 2 },
    });
  });

  it('is granted by its rule, whatever retry.attempts says', () => {
    expect(decide('time-limit', spent)).toMatchObject({
      decision: 'escalate',
      plan: { needs: { timeMs: 1.5 * HOUR } },
    });
  });

  it('does not put a task under suspicion that gets more time', () => {
    expect(decide('time-limit').plan).not.toHaveProperty('suspects');
    expect(decide('time-limit', { escalations: 2 }).plan).toMatchObject({ suspects: '0-99' });
  });

  it('falls through where there is no more to be had', () => {
    expect(decide('time-limit', {}, { most: { memoryBytes: null, timeMs: HOUR } }).decision).toBe('isolate');
  });
});

describe('items that were left for later', () => {
  const named = (name: string, action: RetryRule['action'], when: RetryRule['when'] = {}): RetryRule => ({
    name,
    when,
    action,
  });
  const capped = named('capped', { do: 'escalate', memory: { factor: 2 }, maxMemoryBytes: 2 * GIB, times: 2 });
  const hopeless = named('hopeless', { do: 'fail' });
  const left = (over: Partial<Task> = {}): Partial<Task> => ({ inFlight: '', deferred: { items: 3 }, ...over });

  it('are not ended by the failure of one of them: they get an attempt that leaves none', () => {
    const rules = [capped, hopeless, ...effectiveRules({})];
    const first = decide('oom', left({ deferred: { items: 3, rule: 'capped' } }), { rules });
    expect(first).toMatchObject({
      decision: 'retry',
      rule: 'hopeless',
      charged: true,
      why: 'retried once more, so that each item that was left ends by its own rule: hopeless says that oom cannot succeed on another try',
      plan: { leavesNone: true },
    });
    expect(first.delayMs).toBeGreaterThan(0);
    // An attempt that dies after that is decided about as any other.
    expect(decide('oom', { ...first.plan }, { rules, died: true }).decision).toBe('give-up');
    expect(decide('preempted', { ...first.plan }, { died: true }).plan).toMatchObject({ leavesNone: true });
    expect(decide('oom', left(first.plan), { rules }).decision).toBe('give-up');
  });

  it('are not ended by a rule that grants fewer attempts than the job', () => {
    const rules = [named('once', { do: 'retry', times: 0 }), ...effectiveRules({})];
    expect(decide('handler-error', left(), { rules })).toMatchObject({
      decision: 'retry',
      why: expect.stringContaining('the only attempt is spent'),
      plan: { leavesNone: true },
    });
    expect(decide('handler-error', {}, { rules }).decision).toBe('give-up');
  });

  it('may be left again by attempts that have more of what ran out', () => {
    expect(decide('oom', { leavesNone: true }, { died: true }).plan).not.toHaveProperty('leavesNone');
  });

  it('go by the rule that the worker went by, which had the whole message', () => {
    const tail = named('tail', { do: 'retry', backoff: { baseMs: HOUR, maxMs: HOUR } }, { error: ['*tail*'] });
    const rules = [tail, hopeless, ...effectiveRules({})];
    const cut = (rule: string) => decide('handler-error', left({ deferred: { items: 1, rule } }), { rules });
    expect(cut('tail')).toMatchObject({ decision: 'retry', rule: 'tail', delayMs: HOUR / 2 });
    expect(cut('tail').plan).not.toHaveProperty('leavesNone');
    expect(cut('of another version')).toMatchObject({ rule: 'hopeless', plan: { leavesNone: true } });
  });

  it('never end with the task, which is over after a bounded number of attempts nevertheless', () => {
    const actions: fc.Arbitrary<RetryRule['action']> = fc.oneof(
      fc.constant({ do: 'fail' as const }),
      fc.nat(200).map((times) => ({ do: 'retry' as const, times })),
      fc
        .tuple(fc.nat(4), fc.integer({ min: 1, max: 4 }))
        .map(([times, gib]) => ({ ...capped.action, times, maxMemoryBytes: gib * GIB }) as RetryRule['action']),
    );
    const rulesOf = fc.array(fc.tuple(fc.subarray(['oom', 'rate-limited', 'handler-error'] as const), actions), {
      maxLength: 4,
    });
    const ends = fc.array(
      fc.record({
        cause: fc.constantFrom('oom' as const, 'rate-limited' as const, 'handler-error' as const),
        saved: fc.constantFrom(0, 0, 1),
      }),
      { minLength: 110, maxLength: 110 },
    );
    fc.assert(
      fc.property(rulesOf, fc.nat(4), ends, (own, attempts, sequence) => {
        const made = own.map(([cause, action], at) => named(`rule ${at}`, action, { cause }));
        const rules = effectiveRules({ rules: made });
        const policy = { attempts, backoff: { baseMs: 1_000, maxMs: 60_000 } };
        let task: Task = { items: 200, attempts: 0, charged: 0 };
        let saved = 0;
        for (const { cause, saved: more } of sequence) {
          task = { ...task, attempts: task.attempts + 1, charged: task.charged + 1 };
          // Such an attempt ends every item.
          if (tryPolicyOf({ ...policy, items: 1, rules: made }, task).escalations === null) return;
          const seen = {
            checkpoint: { attempt: 'a_0.0' as never, seq: 1, items: saved + more },
            checkpointSeen: saved,
          };
          saved += more;
          const { name: rule } = matchRule(rules, { cause });
          const decision = decide(cause, left({ ...task, ...seen, deferred: { items: 2, rule } }), { rules, policy });
          expect(decision.decision).not.toBe('give-up');
          const { attempts: begun, charged } = task;
          task = { items: 200, attempts: begun, charged: charged - (decision.charged ? 0 : 1), ...decision.plan };
        }
        throw new Error('not over after 110 attempts');
      }),
    );
  });
});

describe('isolation', () => {
  const killed = (task: Partial<Task>): RetryDecision => decide('killed', task, { died: true });

  it.each<[string, Partial<Task>, string, boolean]>([
    ['the items that ran, if they are known', { inFlight: '3,9-11' }, '3,9-11', false],
    ['the group that was being tried', { suspects: '0-99', trying: '6-11' }, '6-11', false],
    ['what ran of that group', { suspects: '0-99', trying: '6-11', inFlight: '7' }, '7', false],
    ['also those who have not had their turn, when one died alone', { suspects: '6-11', trying: '8' }, '6-11', false],
    ['everybody, if nothing is known', {}, '0-99', true],
    [
      'also others, if it came before the suspects were reached',
      { suspects: '6-11', inFlight: '1-3' },
      '1-3,6-11',
      false,
    ],
    ['everybody, if nothing is known about that', { suspects: '6-11' }, '0-99', true],
    ['nobody else for nothing any more after many deaths', { attempts: 13, inFlight: '3' }, '3', true],
    ['no fewer than before', { suspects: '6-11', trying: '6-11' }, '6-11', true],
  ])('suspects %s', (_name, task, suspects, charged) => {
    expect(killed(task)).toMatchObject({ decision: 'isolate', charged, plan: { suspects } });
  });

  it('puts an item aside after two deaths with it alone, at nobody’s cost', () => {
    const alone = { attempts: 3, charged: 1, suspects: '7', trying: '7', inFlight: '7' };
    const first = killed(alone);
    expect(first).toMatchObject({ decision: 'isolate', charged: false, plan: { suspects: '7', strikes: 1 } });
    const second = killed({ ...alone, strikes: 1, charged: 2, quarantined: { items: '3', cause: 'oom', detail: 'x' } });
    expect(second).toMatchObject({ decision: 'quarantine', charged: false, why: expect.stringContaining('item 7 of') });
    expect(second.plan).toEqual({ quarantined: { items: '3,7', cause: 'killed', detail: 'it broke' } });
  });

  it('gives an item that is alone the memory it may have before it is blamed', () => {
    const alone = { suspects: '7', trying: '7', strikes: 1 };
    expect(decide('oom', alone)).toMatchObject({ decision: 'escalate', plan: { strikes: 1, suspects: '7' } });
    expect(decide('oom', { ...alone, escalations: 2 })).toMatchObject({ decision: 'quarantine' });
  });

  it('puts it aside after one death when there is no attempt left for the second', () => {
    expect(killed({ ...spent, suspects: '7', trying: '7', inFlight: '7' }).decision).toBe('quarantine');
    expect(killed({ ...spent, suspects: '7-8', trying: '7-8' }).decision).toBe('give-up');
  });

  it('charges nobody for putting an item aside, however late', () => {
    const late = { attempts: 40, charged: 1, suspects: '7', trying: '7', strikes: 1 };
    expect(killed(late)).toMatchObject({ decision: 'quarantine', charged: false });
  });

  it('keeps the strikes of a suspect when another item dies meanwhile, so that two killers do not cover each other', () => {
    const both = killed({ suspects: '7', strikes: 1, inFlight: '8' });
    expect(both.plan).toMatchObject({ suspects: '7-8', strikes: 1 });
    expect(killed({ ...both.plan, trying: '7' })).toMatchObject({ decision: 'quarantine', plan: { suspects: '8' } });
  });

  it('blames no item for the death of another one that ran alone', () => {
    const first = killed({ suspects: '3,7', trying: '3', inFlight: '3' });
    expect(first.plan).toMatchObject({ suspects: '3,7', strikes: 1 });
    const other = killed({ ...first.plan, trying: '7', inFlight: '7' });
    expect(other).toMatchObject({ decision: 'isolate', plan: { suspects: '3,7', strikes: 1 } });
    expect(killed({ ...other.plan, trying: '7', inFlight: '7' })).toMatchObject({
      decision: 'quarantine',
      plan: { suspects: '3', quarantined: { items: '7' } },
    });
  });

  it('suspects nobody when a worker handed its task back, or infrastructure failed for once', () => {
    for (const cause of ['worker-error', 'handler-error', 'node-fail', 'preempted', 'disk-full'] as const)
      expect(decide(cause, { inFlight: '3' }, { died: cause === 'node-fail' }).plan).not.toHaveProperty('suspects');
    expect(decide('node-fail', { inFlight: '3', idleAttempts: 2 }).plan).toMatchObject({ suspects: '3' });
    for (const cause of ['requeued', 'preempted'] as const)
      expect(decide(cause, { inFlight: '3', idleAttempts: 9 }).plan, cause).not.toHaveProperty('suspects');
    expect(decide('preempted', { inFlight: '3', idleAttempts: 9 }).plan).not.toHaveProperty('suspects');
    expect(decide('killed', { inFlight: '', trying: '3' }, { died: true }).plan).not.toHaveProperty('suspects');
  });

  it('keeps an earlier suspicion over an end that says nothing', () => {
    expect(decide('preempted', { suspects: '3', strikes: 1 }).plan).toMatchObject({ suspects: '3', strikes: 1 });
  });
});

/** A task of which some items kill the worker, as workers run it: those not suspected first, then the suspects in at most 16 groups. */
function runPoisoned(poison: ReadonlySet<number>, items: number, knowsInFlight: boolean) {
  let task: Task = { items, attempts: 0, charged: 0 };
  const finished = new Set<number>();
  for (;;) {
    const decision = nextAttempt();
    if (decision === null) return { task, died: false };
    if (decision.decision === 'give-up') return { task, died: true };
  }

  function nextAttempt(): RetryDecision | null {
    task = { ...task, attempts: task.attempts + 1, charged: task.charged + 1 };
    const aside = numbers(task.quarantined?.items);
    const suspects = numbers(task.suspects).filter((item) => !aside.includes(item));
    const rest = Array.from({ length: items }, (_, item) => item).filter(
      (item) => !aside.includes(item) && !suspects.includes(item),
    );
    suspects.splice(0, suspects.length, ...suspects.filter((item) => !finished.has(item)));
    const first = rest.find((item) => poison.has(item));
    if (first !== undefined) return end(knowsInFlight ? { inFlight: spread(first) } : {});
    const size = Math.max(1, Math.ceil(suspects.length / 16));
    for (let at = 0; at < suspects.length; at += size) {
      const group = suspects.slice(at, at + size);
      if (group.some((item) => poison.has(item))) return end({ trying: group.join(',') });
      for (const item of group) finished.add(item);
    }
    return null;
  }
  function spread(item: number): string {
    return `${Math.max(0, item - 3)}-${Math.min(items - 1, item + 3)}`;
  }
  function end(seen: Partial<Task>): RetryDecision {
    const decision = decide('killed', { ...task, ...seen }, { died: true });
    const { items: all, attempts, charged } = task;
    task = { items: all, attempts, charged: charged - (decision.charged ? 0 : 1), ...decision.plan };
    return decision;
  }
}
const numbers = (text: string | undefined): number[] =>
  (text === undefined ? null : parseRanges(text))?.flatMap(({ from, to }) =>
    Array.from({ length: to - from + 1 }, (_, at) => from + at),
  ) ?? [];

describe('whatever happens', () => {
  it('a few poisonous items are put aside and leave the others, however big the task', () => {
    const poisoned = fc
      .integer({ min: 1, max: 600 })
      .chain((items) =>
        fc.tuple(
          fc.constant(items),
          fc.uniqueArray(fc.integer({ min: 0, max: items - 1 }), { maxLength: 3 }),
          fc.boolean(),
        ),
      );
    fc.assert(
      fc.property(poisoned, ([items, poison, knowsInFlight]) => {
        const { task, died } = runPoisoned(new Set(poison), items, knowsInFlight);
        // Without a report of what ran, each culprit costs one charged death to be suspected at all.
        if (!knowsInFlight && poison.length > 1) return;
        expect(died).toBe(false);
        expect(numbers(task.quarantined?.items)).toEqual(poison.toSorted((a, b) => a - b));
        expect(task.attempts).toBeLessThanOrEqual(1 + poison.length * 7);
      }),
    );
  });

  it('a task is over after a bounded number of attempts, the user pays for no more than agreed, and infrastructure costs nothing', () => {
    const range = fc
      .tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 9 }))
      .map(([from, more]) => `${from}-${Math.min(99, from + more)}`);
    const ends = fc.record({
      cause: fc.constantFrom(...CAUSE_NAMES.filter((cause) => CAUSES[cause].payer !== 'none')),
      died: fc.boolean(),
      saved: fc.constantFrom(0, 0, 0, 1),
      inFlight: fc.option(range, { nil: undefined }),
      trying: fc.option(range, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(ends, { minLength: 120, maxLength: 120 }), (sequence) => {
        let task: Task = { items: 100, attempts: 0, charged: 0 };
        let saved = 0;
        for (const { cause, died, saved: more, inFlight, trying } of sequence) {
          task = { ...task, attempts: task.attempts + 1, charged: task.charged + 1 };
          const before = saved;
          saved += more;
          const checkpoint = { attempt: 'a_0.0' as never, seq: 1, items: saved };
          const seen = { ...(inFlight === undefined ? {} : { inFlight }), ...(trying === undefined ? {} : { trying }) };
          const decision = decide(cause, { ...task, ...seen, checkpoint, checkpointSeen: before }, { died });
          if (CAUSES[cause].payer === 'infra') expect(decision.charged).toBe(false);
          if (decision.decision === 'quarantine') expect(decision.charged).toBe(false);
          if (decision.decision === 'give-up') return;
          const { suspects, escalations = 0 } = decision.plan;
          if (suspects !== undefined) expect(countIn(parseRanges(suspects) ?? [])).toBeGreaterThan(0);
          task = {
            items: 100,
            attempts: task.attempts,
            charged: task.charged - (decision.charged ? 0 : 1),
            ...decision.plan,
          };
          expect(task.charged).toBeGreaterThanOrEqual(0);
          // rate-limited has five further tries of its own.
          expect(task.charged).toBeLessThan(6 + escalations);
        }
        throw new Error('not over after 120 attempts');
      }),
    );
  });
});

describe('backoffMs', () => {
  it('is below the exponential ceiling and the cap, and a whole number', () => {
    const bounds = fc.record({ baseMs: fc.integer({ min: 0, max: 1e6 }), maxMs: fc.integer({ min: 0, max: 1e8 }) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        bounds,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (tries, b, random) => {
          const wait = backoffMs(tries, b, random);
          expect(Number.isSafeInteger(wait)).toBe(true);
          expect(wait).toBeLessThanOrEqual(b.maxMs);
          expect(wait).toBeLessThanOrEqual(b.baseMs * 2 ** Math.min(tries - 1, 40));
          expect(wait).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it('grows with the tries', () => {
    const bounds = { baseMs: 1_000, maxMs: 60_000 };
    expect([1, 2, 3, 10].map((tries) => backoffMs(tries, bounds, 0.5))).toEqual([500, 1_000, 2_000, 30_000]);
  });
});

describe('an attempt whose time was over while its items waited for a limit or a pool', () => {
  it('is tried again at once, costs nothing, asks for no more time and is counted by no bound', () => {
    let task: Task = { items: 100, attempts: 1, charged: 1, idleAttempts: 7, suspects: '3-9' };
    for (let day = 0; day < 3 * MAX_ATTEMPTS_IN_ALL; day += 1) {
      const answer = decideRetry({ ...question('waiting'), task });
      expect(answer).toMatchObject({ decision: 'retry', charged: false, delayMs: 0 });
      expect(answer.plan).not.toHaveProperty('needs');
      task = { ...task, ...answer.plan, attempts: task.attempts + 1 };
    }
    expect(task).toMatchObject({ idleAttempts: 7, suspects: '3-9' });
    expect(tryPolicyOf({ items: 3, attempts: 3, backoff: { baseMs: 1, maxMs: 1 } }, task).escalations).toBe(0);
  });

  it('is not what an item was left for whose handler gave its error that name', () => {
    for (const cause of ['waiting', 'quota-spent'] as const) {
      const { plan } = decide(cause, { deferred: { items: 1, dueMs: 5 }, idleAttempts: 7 });
      expect(plan, cause).toEqual({ idleAttempts: 8 });
    }
  });

  it('says so', () => {
    expect(decide('waiting', {}).why).toBe('goes on waiting in the next element (it costs no attempt)');
  });
});

describe('an attempt that met a used-up quota', () => {
  const due = { items: 3, dueMs: 5, quota: { limit: 'api', setMs: 1 } };

  it('costs nothing and is counted by no bound, however often it comes', () => {
    let task: Task = { items: 100, attempts: 1, charged: 1, deferred: due, idleAttempts: 7 };
    for (let window = 0; window < 3 * MAX_ATTEMPTS_IN_ALL; window += 1) {
      const { decision, charged, plan } = decideRetry({ ...question('quota-spent'), task });
      expect({ decision, charged }).toEqual({ decision: 'retry', charged: false });
      task = { ...task, ...plan, attempts: task.attempts + 1 };
    }
    expect(task.idleAttempts).toBe(7);
    expect(tryPolicyOf({ items: 3, attempts: 3, backoff: { baseMs: 1, maxMs: 1 } }, task).escalations).toBe(0);
  });

  it('is no matter of rules, and clears nobody of suspicion', () => {
    const rules = effectiveRules({ rules: [{ name: 'mine', when: { error: ['*'] }, action: { do: 'fail' } }] });
    const { decision, plan } = decide('quota-spent', { suspects: '3-9', strikes: 1, deferred: due }, { rules });
    expect(decision).toBe('retry');
    expect(plan).toMatchObject({ suspects: '3-9', strikes: 1 });
  });
});
