import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutboxItem } from '../../../../src/domain/alert-items.ts';
import { asJobId } from '../../../../src/domain/ids.ts';
import { createUndelivered, undeliveredTodo, undeliveredWords } from '../../../../src/observe/alerts/undelivered.ts';
import { wordMessage } from '../../../../src/observe/alerts/word-message.ts';
import { judgeOutbox } from '../../../../src/observe/health/judge-outbox.ts';
import { factsAt, MINUTE_MS, START_MS } from './alert-facts.fixture.ts';

const NOW = START_MS + 100 * MINUTE_MS;

const item = (over: Partial<OutboxItem>): OutboxItem => ({
  kind: 'message',
  job: asJobId('embed-7k3f9q2m'),
  user: 'ada',
  to: 'team',
  ...wordMessage(factsAt(0), { id: 'x', event: 'stall', what: 'it stands', place: 'file:///state' }),
  createdMs: NOW,
  state: 'waiting',
  tries: 0,
  claim: '',
  claimedMs: 0,
  host: '',
  notBeforeMs: 0,
  endedMs: 0,
  detail: '',
  ...over,
});

/** A message that failed so many minutes after the start. */
const failed = (minute: number, over: Partial<OutboxItem> = {}): OutboxItem =>
  item({
    createdMs: START_MS + minute * MINUTE_MS,
    tries: 3,
    claimedMs: NOW - MINUTE_MS,
    notBeforeMs: NOW + 4 * MINUTE_MS,
    detail: 'ECONNREFUSED',
    ...over,
  });

function undelivered(...items: readonly OutboxItem[]) {
  const counter = createUndelivered(NOW);
  for (const each of items) counter.add(each);
  return counter.undelivered();
}

describe('what nobody got', () => {
  it('is nothing of what was sent, or is on its way', () => {
    const twentyMs = 20 * MINUTE_MS;
    expect(
      undelivered(
        item({ state: 'sent', tries: 2 }),
        item({}),
        item({ createdMs: NOW - twentyMs }),
        item({ state: 'sending', tries: 1, claimedMs: NOW - MINUTE_MS }),
      ),
    ).toEqual([]);
  });

  it('is counted by recipient: since when, how often it was tried, why it failed last and when the next try is', () => {
    const found = undelivered(
      failed(5, { notBeforeMs: NOW + 9 * MINUTE_MS, claimedMs: NOW - 2, detail: 'EHOSTUNREACH' }),
      failed(2, { tries: 5 }),
      failed(60, { state: 'sending' }),
      failed(1, { state: 'given-up', claimedMs: NOW - 100 }),
      failed(7, { to: 'me@example.org' }),
    );
    expect(found).toEqual([
      {
        kind: 'message',
        to: 'team',
        user: 'ada',
        waiting: 3,
        givenUp: 1,
        sinceMs: START_MS + MINUTE_MS,
        tries: 5,
        nextMs: NOW + 4 * MINUTE_MS,
        error: 'EHOSTUNREACH',
      },
      expect.objectContaining({ to: 'me@example.org', waiting: 1 }),
    ]);
    expect(found.map(undeliveredWords)).toEqual([
      'the channel team cannot be reached, 3 messages wait, 1 message was given up',
      'the channel me@example.org cannot be reached, 1 message waits',
    ]);
    expect(found.map(undeliveredTodo)).toEqual(['slurmctl alert test team', 'slurmctl alert test me@example.org']);
  });

  it('is also what waits for a host that knows the channel, and what its sender died over', () => {
    expect(undelivered(item({ createdMs: NOW - 21 * MINUTE_MS })).map(undeliveredWords)).toEqual([
      'nobody who passed over a job has the channel team, 1 message waits',
    ]);
    expect(undelivered(item({ state: 'sending', tries: 1, claimedMs: NOW - 11 * MINUTE_MS }))).toMatchObject([
      { waiting: 1, nextMs: null, error: null },
    ]);
  });

  it('keeps channels of two users apart that are called the same', () => {
    expect(undelivered(failed(1), failed(1, { user: 'bob' }))).toHaveLength(2);
  });

  it('has hooks that failed, of which nothing is tried again', () => {
    const [hook] = undelivered(
      failed(1, { kind: 'hook', to: 'completed', state: 'given-up', detail: 'ended with exit code 3' }),
    );
    expect(hook).toMatchObject({ waiting: 0, givenUp: 1, nextMs: null, error: 'ended with exit code 3' });
    expect(hook === undefined ? '' : undeliveredWords(hook)).toBe('the hook on.completed failed');
    expect(hook === undefined ? '' : undeliveredTodo(hook)).toBe('slurmctl alert list');
  });

  it('names no command that a shell would read otherwise', () => {
    expect(undeliveredTodo({ kind: 'message', to: "a'$(x)@example.org" })).toBe('slurmctl alert list');
  });

  it('always has words, whatever is in the outbox', () => {
    const items = fc.array(
      fc.record({
        kind: fc.constantFrom('message', 'hook'),
        to: fc.constantFrom('a', 'b'),
        state: fc.constantFrom('waiting', 'sending', 'sent', 'given-up'),
        tries: fc.nat(3),
        createdMs: fc.integer({ min: NOW - 100 * MINUTE_MS, max: NOW + MINUTE_MS }),
        claimedMs: fc.integer({ min: NOW - 100 * MINUTE_MS, max: NOW }),
      }) as fc.Arbitrary<Partial<OutboxItem>>,
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(items, (all) => {
        for (const one of undelivered(...all.map(item))) {
          expect(one.waiting + one.givenUp).toBeGreaterThan(0);
          expect(undeliveredWords(one)).toMatch(/^(?:the|nobody) .*[^,;: ]$/);
        }
      }),
    );
  });
});

describe('the health of channels', () => {
  it('fails once one has been dead for an hour, and only warns of what nobody can mend', () => {
    expect(judgeOutbox(undelivered(failed(40)), NOW)).toEqual([
      {
        check: 'undelivered',
        verdict: 'fail',
        jobId: null,
        found: 'the channel team cannot be reached, 1 message waits, for 1 h: ECONNREFUSED',
        remedy: 'slurmctl alert test team',
      },
    ]);
    expect(judgeOutbox(undelivered(failed(41)), NOW)).toMatchObject([{ verdict: 'warn' }]);
    expect(judgeOutbox(undelivered(failed(0, { state: 'given-up' })), NOW)).toMatchObject([{ verdict: 'warn' }]);
  });
});
