import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlertsItem } from '../../../../src/domain/alert-items.ts';
import type { AlertRule, JobHooks } from '../../../../src/domain/alert-rule.ts';
import { CALM_MS, stepEpisode } from '../../../../src/observe/alerts/episode.ts';
import type { AlertFacts } from '../../../../src/observe/alerts/facts.ts';
import { lookAtJob, type Look } from '../../../../src/observe/alerts/look.ts';
import { plainLine } from '../../../../src/observe/alerts/word-message.ts';
import { factsAt, itemsOf, MINUTE_MS, START_MS } from './alert-facts.fixture.ts';
import '../../../support/property-seed.ts';

interface Seen extends Look {
  readonly events: readonly string[];
}

/** Looks again and again at what each of these finds. */
function follow(rules: readonly AlertRule[], all: readonly AlertFacts[], hooks: JobHooks = {}): readonly Seen[] {
  let stored: AlertsItem | null = null;
  return all.map((facts, index) => {
    const request = {
      stored,
      facts,
      rules,
      hooks,
      baseDir: '/work',
      place: 'file:///state',
      user: 'ada',
      rev: String(index),
    };
    const look = lookAtJob(request);
    stored = look.item;
    return { ...look, events: look.outbox.map(({ item }) => `${item.event.event} to ${item.to}`) };
  });
}

const eventsOf = (...input: Parameters<typeof follow>): readonly (readonly string[])[] =>
  follow(...input).map(({ events }) => events);

/** What it needs, in minutes. */
const left = (least: number, most: number | null): Pick<AlertFacts, 'left'> => ({
  left: { atLeastMs: least * MINUTE_MS, atMostMs: most === null ? null : most * MINUTE_MS },
});

describe('what rules say', () => {
  it('a job that ends is told once in each generation, to whoever wants to know of this end', () => {
    const rules: AlertRule[] = [
      { when: 'completed', to: ['glad'] },
      { when: 'failed', to: ['sad', 'ops'] },
      { when: 'ended', to: ['all'] },
    ];
    const failed = { state: 'FAILED', items: itemsOf(900, 100) } as const;
    const told = eventsOf(rules, [
      factsAt(1),
      factsAt(2, failed),
      factsAt(3, failed),
      factsAt(4, { generation: 1 }),
      factsAt(5, { generation: 1, state: 'COMPLETED', items: itemsOf(1_000, 0) }),
    ]);
    const atEnd = ['failed to sad', 'failed to ops', 'ended to all'];
    expect(told).toEqual([[], atEnd, [], [], ['completed to glad', 'ended to all']]);
  });

  it('one recipient of two like rules gets one message, and each of several gets one', () => {
    const rules: AlertRule[] = [
      { when: 'stall', forMs: 30 * MINUTE_MS, to: ['a', 'b'] },
      { when: 'stall', forMs: 30 * MINUTE_MS, to: ['b', 'c'] },
    ];
    expect(eventsOf(rules, [factsAt(0), factsAt(40)]).at(-1)).toEqual(['stall to a', 'stall to b', 'stall to c']);
  });

  it.each<[string, AlertRule, readonly AlertFacts[], number]>([
    [
      'stall: only after all that time without a finished item',
      { when: 'stall', forMs: 30 * MINUTE_MS, to: ['a'] },
      [factsAt(0), factsAt(29), factsAt(30)],
      2,
    ],
    [
      'stall: a pause is no stall, and its time does not count',
      { when: 'stall', forMs: 30 * MINUTE_MS, to: ['a'] },
      [factsAt(0), factsAt(40, { state: 'PAUSED' }), factsAt(60), factsAt(70)],
      3,
    ],
    [
      'stall: the time in the queue does not count, nor does the moment after it',
      { when: 'stall', forMs: 30 * MINUTE_MS, to: ['a'] },
      [factsAt(0, { runningTasks: 0 }), factsAt(40, { runningTasks: 0 }), factsAt(41), factsAt(69), factsAt(71)],
      4,
    ],
    [
      'queue wait: from when nothing ran',
      { when: 'queue-wait', forMs: 60 * MINUTE_MS, to: ['a'] },
      [
        factsAt(0),
        factsAt(50, { runningTasks: 0 }),
        factsAt(100, { runningTasks: 0 }),
        factsAt(111, { runningTasks: 0 }),
      ],
      3,
    ],
    [
      'queue wait: also before the first array is accepted, and not while it is paused',
      { when: 'queue-wait', forMs: 60 * MINUTE_MS, to: ['a'] },
      [
        factsAt(0, { state: 'SUBMITTING', runningTasks: 0 }),
        factsAt(59, { state: 'PAUSED', runningTasks: 0 }),
        factsAt(60, { state: 'SUBMITTING', runningTasks: 0 }),
        factsAt(120, { state: 'SUBMITTING', runningTasks: 0 }),
      ],
      3,
    ],
    [
      'error rate: not of the first few items',
      { when: 'error-rate', above: 5, to: ['a'] },
      [factsAt(0, { items: itemsOf(5, 5) }), factsAt(1, { items: itemsOf(95, 5) })],
      1,
    ],
    [
      'error spike: failures of the time, not all of them',
      { when: 'error-spike', above: 50, withinMs: 10 * MINUTE_MS, to: ['a'] },
      [
        factsAt(20, { items: itemsOf(100, 40) }),
        factsAt(40, { items: itemsOf(200, 80) }),
        factsAt(45, { items: itemsOf(200, 135) }),
      ],
      2,
    ],
    [
      'error spike: looks an hour apart do not make ten minutes out of that hour',
      { when: 'error-spike', above: 50, withinMs: 10 * MINUTE_MS, to: ['a'] },
      [
        factsAt(60, { items: itemsOf(100, 120) }),
        factsAt(120, { items: itemsOf(200, 240) }),
        factsAt(126, { items: itemsOf(200, 290) }),
      ],
      2,
    ],
    [
      'error spike: what had failed before a retry has not failed since',
      { when: 'error-spike', above: 50, withinMs: 10 * MINUTE_MS, to: ['a'] },
      [
        factsAt(2, { generation: 1, items: itemsOf(100, 300) }),
        factsAt(4, { generation: 1, items: itemsOf(110, 310) }),
        factsAt(6, { generation: 1, items: itemsOf(110, 360) }),
      ],
      2,
    ],
    [
      'retry',
      { when: 'retry', above: 3, to: ['a'] },
      [factsAt(0, { retryingTasks: 2 }), factsAt(1, { retryingTasks: 3 })],
      1,
    ],
    ['timeout', { when: 'timeout', to: ['a'] }, [factsAt(0), factsAt(1, { timedOutTasks: 1 })], 1],
    ['budget', { when: 'budget', to: ['a'] }, [factsAt(0), factsAt(1, { givenUpTasks: 1 })], 1],
    [
      'budget: of the job, when it lets retries through one at a time only',
      { when: 'budget', above: 100, to: ['a'] },
      [factsAt(0, { givenUpTasks: 99 }), factsAt(1, { givenUpTasks: 99, heldRetries: 3 })],
      1,
    ],
    [
      'deadline: once it is more likely missed than not',
      { when: 'deadline', withinMs: 120 * MINUTE_MS, to: ['a'] },
      [factsAt(20, left(60, 90)), factsAt(21), factsAt(22, left(80, 115)), factsAt(30, left(80, 101))],
      3,
    ],
    [
      'deadline: by the least it needs, where nobody can say the most',
      { when: 'deadline', withinMs: 120 * MINUTE_MS, to: ['a'] },
      [factsAt(20, left(99, null)), factsAt(30, left(90, null))],
      1,
    ],
    [
      'deadline: not by the pace of the few elements that have started first',
      { when: 'deadline', withinMs: 120 * MINUTE_MS, to: ['a'] },
      [factsAt(2, left(5_000, 9_000)), factsAt(11, left(900, 990)), factsAt(12, left(900, 990))],
      2,
    ],
    [
      'deadline: missed without any estimate',
      { when: 'deadline', withinMs: 120 * MINUTE_MS, to: ['a'] },
      [factsAt(119), factsAt(120)],
      1,
    ],
    [
      'quota: the fullest one',
      { when: 'quota', above: 80, to: ['a'] },
      [
        factsAt(0, { quotas: [{ words: 'calls', used: 79, amount: 100 }] }),
        factsAt(1, {
          quotas: [
            { words: 'calls', used: 1, amount: 100 },
            { words: 'tokens', used: 85, amount: 100 },
          ],
        }),
      ],
      1,
    ],
  ])('%s', (_, rule, all, first) => {
    expect(eventsOf([rule], all).map((events) => events.length)).toEqual(
      all.map((__, index) => (index === first ? 1 : 0)),
    );
  });

  it('a rate about its bound is told once; after a calm time it is told again', () => {
    const rule: AlertRule = { when: 'error-rate', above: 10, to: ['a'] };
    const rate = (minutes: number, percent: number): AlertFacts =>
      factsAt(minutes, { items: itemsOf(500 - percent * 5, percent * 5) });
    const looks = [
      rate(0, 10),
      rate(1, 9),
      rate(2, 11),
      rate(3, 7),
      rate(4, 10),
      rate(5, 7),
      rate(16, 7),
      rate(17, 10),
    ];
    expect(eventsOf([rule], looks).map((events) => events.length)).toEqual([1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('a pass of another user, or with other settings, takes nothing from whoever knows other rules', () => {
    const rules: AlertRule[] = [{ when: 'stall', forMs: 30 * MINUTE_MS, to: ['team', 'me@example.org'] }];
    const about = { hooks: {}, baseDir: '/work', place: 'file:///state', rev: 'r' };
    const begun = lookAtJob({ ...about, stored: null, facts: factsAt(0), rules, user: 'ada' });
    const ada = lookAtJob({ ...about, stored: begun.item, facts: factsAt(40), rules, user: 'ada' });
    const nobody = lookAtJob({ ...about, stored: ada.item, facts: factsAt(41), rules: [], user: 'bob' });
    const bob = lookAtJob({ ...about, stored: nobody.item, facts: factsAt(42), rules, user: 'bob' });
    const again = lookAtJob({ ...about, stored: bob.item, facts: factsAt(43), rules, user: 'ada' });
    const told = [ada, nobody, bob, again].map(({ outbox }) => outbox.map(({ item }) => `${item.user}: ${item.to}`));
    expect(told).toEqual([['ada: team', 'ada: me@example.org'], [], ['bob: team'], []]);
  });

  it('a rate just below its bound is not calm, for however long', () => {
    const rule: AlertRule = { when: 'error-rate', above: 10, to: ['a'] };
    const looks = [10, 9, 9, 9, 10].map((percent, index) =>
      factsAt(index * 15, { items: itemsOf(500 - percent * 5, percent * 5) }),
    );
    expect(eventsOf([rule], looks).map((events) => events.length)).toEqual([1, 0, 0, 0, 0]);
  });

  it('the same message has the same id whoever looks, and the next episode another', () => {
    const rule: AlertRule = { when: 'budget', to: ['a'] };
    const bad = { givenUpTasks: 1 };
    const first = follow([rule], [factsAt(0, bad)]).flatMap(({ outbox }) => outbox.map(({ id }) => id));
    const again = follow([rule], [factsAt(9, bad), factsAt(10), factsAt(30), factsAt(31, bad)]).flatMap(({ outbox }) =>
      outbox.map(({ id }) => id),
    );
    expect(again[0]).toBe(first[0]);
    expect(new Set(again).size).toBe(2);
  });

  it('hooks are run for their end, once in each generation', () => {
    const hooks: JobHooks = { completed: ['./yes.sh'], failed: ['./no.sh', 'x'], ended: ['./next.sh'] };
    const failed = { state: 'FAILED', items: itemsOf(900, 100) } as const;
    const looks = follow(
      [],
      [factsAt(0), factsAt(1, failed), factsAt(2, failed), factsAt(3, { ...failed, generation: 1 })],
      hooks,
    );
    expect(looks.map(({ outbox }) => outbox.map(({ item }) => item.argv))).toEqual([
      [],
      [['./no.sh', 'x'], ['./next.sh']],
      [],
      [['./no.sh', 'x'], ['./next.sh']],
    ]);
    expect(looks[1]?.outbox[0]?.item).toMatchObject({ kind: 'hook', to: 'failed', cwd: '/work' });
  });

  it('what is remembered stays small, however long a job runs', () => {
    const rule: AlertRule = { when: 'error-spike', above: 1_000, withinMs: 24 * 60 * MINUTE_MS, to: ['a'] };
    const looks = follow(
      [rule],
      Array.from({ length: 5_000 }, (_, minute) => factsAt(minute, { items: itemsOf(0, 1) })),
    );
    expect(looks.at(-1)?.item.failures.length).toBeLessThan(130);
    expect(looks.at(-1)?.item.failures[0]?.[0]).toBeLessThanOrEqual(START_MS + (4_999 - 24 * 60) * MINUTE_MS);
  });
});

describe('an episode', () => {
  it('begins once, ends only after it was calm for the whole time, and its number only grows', () => {
    const step = fc.record({
      is: fc.constantFrom('holds' as const, 'between' as const, 'calm' as const),
      ms: fc.nat(CALM_MS),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let nowMs = 0;
        let episode: ReturnType<typeof stepEpisode>['episode'];
        let calmSinceMs: number | null = null;
        for (const { is, ms } of steps) {
          nowMs += ms;
          const wasOpen = episode?.open === true;
          const before = episode?.number ?? 0;
          const next = stepEpisode(episode, is, nowMs);
          calmSinceMs = is === 'calm' ? (calmSinceMs ?? nowMs) : null;
          expect(next.begins).toBe(!wasOpen && is === 'holds');
          expect(next.episode?.number ?? 0).toBe(next.begins ? before + 1 : before);
          if (wasOpen) expect(next.episode?.open).toBe(calmSinceMs === null || nowMs - calmSinceMs < CALM_MS);
          episode = next.episode;
          if (next.begins) calmSinceMs = null;
        }
      }),
    );
  });
});

describe('words', () => {
  it('are one line without anything that controls a terminal, a header or the direction of writing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        const line = plainLine(`a${name}b`, 100);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(Array.from(line).length).toBeLessThanOrEqual(100);
      }),
    );
  });

  it('say what, where, how many and what to run next', () => {
    const secret = 'token=abcdef0123456789abcdef';
    const hostile = 'embed\r\nBcc: all@example.org\u202e\u0007';
    const [look] = follow(
      [{ when: 'failed', to: ['a'] }],
      [factsAt(5, { name: hostile, state: 'FAILED', reason: secret, items: itemsOf(588, 412) })],
    );
    const { subject, text, event } = (look as Seen).outbox[0]!.item;
    expect(subject).toBe(
      '[slurmctl] embed Bcc: all@example.org: ended as FAILED with 412 of 1000 items failed: token=[redacted]',
    );
    expect(text).toMatchInlineSnapshot(`
      "Job embed-7k3f9q2m: ended as FAILED with 412 of 1000 items failed: token=[redacted].

      items   1000 of 1000 finished: 588 succeeded, 412 failed; 0 left
      state   FAILED
      kept in file:///state
      seen    2023-11-14T22:18:20.000Z

      Next: slurmctl analyze-errors embed-7k3f9q2m
      "
    `);
    expect(event.job.name).toBe(hostile);
  });
});
